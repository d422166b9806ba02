/**
 * CRC-32/ISCSI (Castagnoli): polynomial 0x82F63B78 reflected, init and final xor 0xffffffff.
 * Source: RFC 3720, appendix B.4. Check value for "123456789": 0xe3069283.
 */
import {folded} from './hash.js';

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  table[byte] = value;
}

export const crc32c = folded({
  initial: -1,
  step: (crc, byte) => table[(crc ^ byte) & 0xff]! ^ (crc >>> 8),
  finish: (crc) => ~crc >>> 0,
});
