/**
 * CRC-16/XMODEM: polynomial 0x1021, init 0, not reflected, no final xor. Redis Cluster's hash.
 * Source: Redis Cluster specification, appendix A (Redis src/crc16.c). Check value for "123456789": 0x31c3.
 */
export const crc16Table = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte << 8;
  for (let bit = 0; bit < 8; bit++) value = value & 0x8000 ? (value << 1) ^ 0x1021 : value << 1;
  crc16Table[byte] = value;
}

export function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ crc16Table[(crc >>> 8) ^ bytes[i]!]!;
  return crc;
}
