/**
 * Digests of 64 bits for schemes that take a ready number: jump, rendezvous and maglev. None of them has a standard digest, so
 * the topology names one. Shorter hashes are extended by zeros; of longer ones the first eight bytes count, as a little-endian
 * number (Guava's HashCode.padToLong).
 */
import {crc32} from './hash/crc32.js';
import {crc64_ecma, crc64_iso} from './hash/crc64.js';
import {fnv1a64, fnv164} from './hash/fnv64.js';
import type {HashFunction, WideHash} from './hash/hash.js';
import {md5Wide} from './hash/md5.js';
import {murmur3_32} from './hash/murmur3_32.js';
import {murmur64a} from './hash/murmur64a.js';
import {opensslDigest} from './hash/openssl.js';
import {siphash24With} from './hash/siphash.js';
import {xxh64} from './hash/xxh64.js';

function extended(hash: HashFunction): WideHash {
  return (bytes, start, end, into) => {
    into[0] = 0;
    into[1] = hash(bytes, start, end);
  };
}

/** The first eight bytes of a digest of big-endian words, least significant byte first. */
function firstBytes(hash: WideHash): WideHash {
  const words = new Uint32Array(4);
  return (bytes, start, end, into) => {
    hash(bytes, start, end, words);
    into[0] = reversed(words[1]!);
    into[1] = reversed(words[0]!);
  };
}

function reversed(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

export const digests = {
  xxh64,
  fnv1a64,
  fnv164,
  /** With the seed of Jedis. */
  murmur64a,
  crc32: extended(crc32),
  crc64_ecma,
  crc64_iso,
  murmur3_32: extended(murmur3_32),
  md5: firstBytes(md5Wide),
  sha1: firstBytes(opensslDigest('sha1', 2)),
  sha256: firstBytes(opensslDigest('sha256', 2)),
  /** With the key 00 01 … 0f, as Guava's Hashing.sipHash24(). */
  siphash24: siphash24With([0x07060504, 0x03020100, 0x0f0e0d0c, 0x0b0a0908]),
} as const satisfies Readonly<Record<string, WideHash>>;

export type Digest = keyof typeof digests;
export const digestNames = Object.keys(digests) as [Digest, ...Digest[]];
