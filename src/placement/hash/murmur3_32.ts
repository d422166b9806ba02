/**
 * Austin Appleby's MurmurHash3_x86_32, seed 0.
 * Source: smhasher MurmurHash3.cpp; PHP's `murmur3a`, Guava's murmur3_32_fixed. Check value for "123456789": 0xb4fef382.
 */
import {word32} from './multiply.js';

const c1 = 0xcc9e2d51 | 0;
const c2 = 0x1b873593;

export function murmur3_32(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  let at = start;
  for (; end - at >= 4; at += 4) {
    hash ^= mixed(word32(bytes, at));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = end; i > at; i--) rest = (rest << 8) | bytes[i - 1]!;
  if (at < end) hash ^= mixed(rest);
  hash ^= end - start;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixed(word: number): number {
  const k = Math.imul(word, c1);
  return Math.imul((k << 15) | (k >>> 17), c2);
}
