/**
 * CRC-32/ISO-HDLC, the CRC of zlib, PNG and Ethernet: polynomial 0xEDB88320 reflected, init and final xor 0xffffffff.
 * Source: RFC 1952, section 8. Check value for "123456789": 0xcbf43926.
 */
const table = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  table[byte] = value;
}

export function crc32(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1;
  for (let i = start; i < end; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
