/**
 * CRC-32/BZIP2: polynomial 0x04C11DB7, not reflected, init and final xor 0xffffffff. What PHP's hash() calls `crc32`.
 * Source: php-src ext/hash/hash_crc32.c. Check value for "123456789": 0xfc891918.
 */
import {folded} from './hash.js';

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1;
  table[byte] = value;
}

export const crc32_bzip2 = folded({
  initial: -1,
  step: (crc, byte) => (crc << 8) ^ table[(crc >>> 24) ^ byte]!,
  finish: (crc) => ~crc >>> 0,
});
