/**
 * CRC-32/ISO-HDLC, the CRC of zlib, PNG and Ethernet: polynomial 0xEDB88320 reflected, init and final xor 0xffffffff.
 * Source: RFC 1952, section 8. Check value for "123456789": 0xcbf43926.
 */
import {folded} from './hash.js';

/** `tables[256 * n + byte]` is the CRC of `byte` followed by n zero bytes: four of them let a word be taken at once ("slicing by 4"). */
const tables = new Int32Array(4 * 256);
for (let byte = 0; byte < 256; byte++) {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  tables[byte] = value;
}
for (let at = 256; at < tables.length; at++) {
  const before = tables[at - 256]!;
  tables[at] = tables[before & 0xff]! ^ (before >>> 8);
}

export const crc32 = folded({
  initial: -1,
  step: (crc, byte) => tables[(crc ^ byte) & 0xff]! ^ (crc >>> 8),
  step4: (crc, word) => {
    const x = crc ^ word;
    return (
      tables[768 + (x & 0xff)]! ^
      tables[512 + ((x >>> 8) & 0xff)]! ^
      tables[256 + ((x >>> 16) & 0xff)]! ^
      tables[x >>> 24]!
    );
  },
  finish: (crc) => ~crc >>> 0,
});
