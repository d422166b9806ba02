/**
 * Austin Appleby's MurmurHash2, 32 bits, little-endian words, with the seed 0xdeadbeef * length.
 * Source: twemproxy src/hashkit/nc_murmur.c, hash_murmur (twemproxy's name is `murmur`). Check value for "123456789": 0xb7760690.
 */
const m = 0x5bd1e995;

export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = Math.imul(0xdeadbeef, length) ^ length;
  let i = start;
  for (; end - i >= 4; i += 4) {
    let word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    word = Math.imul(word, m);
    word ^= word >>> 24;
    hash = Math.imul(hash, m) ^ Math.imul(word, m);
  }
  const left = end - i;
  if (left === 3) hash ^= bytes[i + 2]! << 16;
  if (left >= 2) hash ^= bytes[i + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ bytes[i]!, m);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return (hash ^ (hash >>> 15)) >>> 0;
}
