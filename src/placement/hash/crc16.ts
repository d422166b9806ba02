/**
 * CRC-16/XMODEM: polynomial 0x1021, init 0, not reflected, no final xor. Redis Cluster's hash.
 * Source: Redis Cluster specification, appendix A (Redis src/crc16.c). Check value for "123456789": 0x31c3.
 */
import {folded} from './hash.js';

export const crc16Table = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte << 8;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1;
  crc16Table[byte] = value;
}

export const crc16 = folded({
  initial: 0,
  step: (crc, byte) => ((crc << 8) & 0xffff) ^ crc16Table[(crc >>> 8) ^ byte]!,
  finish: (crc) => crc,
});
