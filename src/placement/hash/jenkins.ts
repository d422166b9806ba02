/**
 * Bob Jenkins' lookup3, `hashlittle` with initval 13; an empty key gives the initial state.
 * Source: twemproxy src/hashkit/nc_jenkins.c, hash_jenkins. Check value for "123456789": 0x19777af6.
 */
export function jenkins(bytes: Uint8Array, start: number, end: number): number {
  let a = (0xdeadbeef + (end - start) + 13) | 0;
  let b = a;
  let c = a;
  if (start === end) return c >>> 0;
  let i = start;
  // Exactly twelve bytes left are the tail's: the last block is never mixed, only finished.
  for (; end - i > 12; i += 12) {
    a = (a + word(bytes, i, end)) | 0;
    b = (b + word(bytes, i + 4, end)) | 0;
    c = (c + word(bytes, i + 8, end)) | 0;
    a = ((a - c) ^ rotate(c, 4)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 6)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 8)) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ rotate(c, 16)) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ rotate(a, 19)) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ rotate(b, 4)) | 0;
    b = (b + a) | 0;
  }
  a = (a + word(bytes, i, end)) | 0;
  b = (b + word(bytes, i + 4, end)) | 0;
  c = (c + word(bytes, i + 8, end)) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  return ((c ^ b) - rotate(b, 24)) >>> 0;
}

/** Four bytes from `i`, little-endian; those from `end` on count as zero. */
function word(bytes: Uint8Array, i: number, end: number): number {
  if (i + 4 <= end) return bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
  let value = 0;
  for (let shift = 0; i < end; i++, shift += 8) value |= bytes[i]! << shift;
  return value;
}

function rotate(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}
