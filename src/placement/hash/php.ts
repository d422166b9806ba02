/**
 * What phpredis makes of the algorithms of PHP's hash(): the first eight bytes of the raw digest as a little-endian number,
 * modulo 0xffffffff. Most of PHP's checksums come out big-endian, so the number is that of the reversed bytes.
 * Source: phpredis redis_array_impl.c, ra_find_node; php-src ext/hash.
 */
import {adler32} from './adler32.js';
import {crc32} from './crc32.js';
import {crc32_bzip2} from './crc32_bzip2.js';
import {crc32c} from './crc32c.js';
import {fnv1_32Unsigned} from './fnv1_32.js';
import {fnv1a_32Unsigned} from './fnv1a_32.js';
import {fnv1a64, fnv164} from './fnv64.js';
import type {HashFunction, WideHash} from './hash.js';
import {md5Wide} from './md5.js';
import {murmur3_32} from './murmur3_32.js';
import {one_at_a_timeUnsigned} from './one_at_a_time.js';
import {opensslDigest} from './openssl.js';
import {xxh32} from './xxh32.js';
import {xxh64} from './xxh64.js';

const mersenne = 0xffff_ffff;

/** Modulo 2^32 - 1: the two halves of a 64-bit number weigh the same. */
function remainder(high: number, low: number): number {
  return (high + low) % mersenne;
}

function reversed(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** Four bytes, least significant first. */
function littleEndian(hash: HashFunction): HashFunction {
  return (bytes, start, end) => remainder(0, hash(bytes, start, end));
}

/** Four bytes, most significant first. */
function bigEndian(hash: HashFunction): HashFunction {
  return (bytes, start, end) => remainder(0, reversed(hash(bytes, start, end)));
}

/** Eight bytes or more, as a digest is written. */
function digest(hash: WideHash): HashFunction {
  const words = new Uint32Array(4);
  return (bytes, start, end) => {
    hash(bytes, start, end, words);
    return remainder(reversed(words[1]!), reversed(words[0]!));
  };
}

/** The algorithms that can be computed here, by PHP's names. */
export const phpHashes: Readonly<Record<string, HashFunction>> = {
  md5: digest(md5Wide),
  sha1: digest(opensslDigest('sha1', 2)),
  sha224: digest(opensslDigest('sha224', 2)),
  sha256: digest(opensslDigest('sha256', 2)),
  sha384: digest(opensslDigest('sha384', 2)),
  'sha512/256': digest(opensslDigest('sha512-256', 2)),
  'sha512/224': digest(opensslDigest('sha512-224', 2)),
  sha512: digest(opensslDigest('sha512', 2)),
  'sha3-224': digest(opensslDigest('sha3-224', 2)),
  'sha3-256': digest(opensslDigest('sha3-256', 2)),
  'sha3-384': digest(opensslDigest('sha3-384', 2)),
  'sha3-512': digest(opensslDigest('sha3-512', 2)),
  crc32: littleEndian(crc32_bzip2),
  crc32b: bigEndian(crc32),
  crc32c: bigEndian(crc32c),
  adler32: bigEndian(adler32),
  fnv132: bigEndian(fnv1_32Unsigned),
  fnv1a32: bigEndian(fnv1a_32Unsigned),
  fnv164: digest(fnv164),
  fnv1a64: digest(fnv1a64),
  joaat: bigEndian(one_at_a_timeUnsigned),
  murmur3a: bigEndian(murmur3_32),
  xxh32: bigEndian(xxh32),
  xxh64: digest(xxh64),
};

/** Algorithms that PHP 8.4 knows and that cannot be computed here. A name in neither list is unknown to PHP too. */
export const otherPhpHashes: readonly string[] = [
  ...['md2', 'md4', 'ripemd128', 'ripemd160', 'ripemd256', 'ripemd320', 'whirlpool', 'snefru', 'snefru256', 'gost'],
  ...['gost-crypto', 'murmur3c', 'murmur3f', 'xxh3', 'xxh128'],
  ...[128, 160, 192].flatMap((bits) => [3, 4].map((passes) => `tiger${bits},${passes}`)),
  ...[128, 160, 192, 224, 256].flatMap((bits) => [3, 4, 5].map((passes) => `haval${bits},${passes}`)),
];
