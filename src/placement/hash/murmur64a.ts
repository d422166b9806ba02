/**
 * Austin Appleby's MurmurHash64A: 64 bits, little-endian words, multiplier 0xc6a4a7935bd1e995.
 * Source: Jedis redis.clients.jedis.util.MurmurHash (seed 0x1234ABCD); libstdc++ std::hash and Envoy's MurmurHash::murmurHash2
 * (seed 0xc70f6907). Check value for "123456789" with seed 0: 0x4977490251674330.
 */
import type {WideHash} from './hash.js';
import {multiplyHigh, word32} from './multiply.js';

const mHigh = 0xc6a4a793 | 0;
const mLow = 0x5bd1e995 | 0;

/** MurmurHash64A with a seed of 32 bits. */
export function murmur64aWith(seed: number): WideHash {
  return (bytes, start, end, into) => {
    const length = end - start;
    let high = (multiplyHigh(length, mLow) + Math.imul(length, mHigh)) | 0;
    let low = Math.imul(length, mLow) ^ seed;
    let at = start;
    for (; end - at >= 8; at += 8) {
      const kl = word32(bytes, at);
      const kh = word32(bytes, at + 4);
      let h = (multiplyHigh(kl, mLow) + Math.imul(kh, mLow) + Math.imul(kl, mHigh)) | 0;
      let l = Math.imul(kl, mLow);
      // k ^= k >>> 47
      l ^= h >>> 15;
      h = (multiplyHigh(l, mLow) + Math.imul(h, mLow) + Math.imul(l, mHigh)) | 0;
      l = Math.imul(l, mLow);
      high ^= h;
      low ^= l;
      high = (multiplyHigh(low, mLow) + Math.imul(high, mLow) + Math.imul(low, mHigh)) | 0;
      low = Math.imul(low, mLow);
    }
    if (at < end) {
      for (let i = 0; at + i < end; i++)
        if (i < 4) low ^= bytes[at + i]! << (8 * i);
        else high ^= bytes[at + i]! << (8 * i - 32);
      high = (multiplyHigh(low, mLow) + Math.imul(high, mLow) + Math.imul(low, mHigh)) | 0;
      low = Math.imul(low, mLow);
    }
    low ^= high >>> 15;
    high = (multiplyHigh(low, mLow) + Math.imul(high, mLow) + Math.imul(low, mHigh)) | 0;
    low = Math.imul(low, mLow);
    into[0] = high;
    into[1] = low ^ (high >>> 15);
  };
}

/** As Jedis has it. */
export const murmur64a = murmur64aWith(0x1234abcd);
