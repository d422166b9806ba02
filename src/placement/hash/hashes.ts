/**
 * The names that a topology may give to a hash, and the function that each name means.
 *
 * There are two vocabularies, because twemproxy uses well-known names for variants of its own:
 *
 * | name | in `plainHashes` (scheme modulo) | in `twemproxyHashes` (scheme ketama) |
 * |---|---|---|
 * | crc32 | the full 32-bit CRC of zlib | its bits 16 to 30 only: (CRC32 >> 16) & 0x7fff |
 * | crc32a | – | the full 32-bit CRC of zlib |
 * | crc16 | CRC-16/XMODEM, 16 bits | the same in an unmasked 32-bit accumulator |
 * | murmur2 / murmur | MurmurHash2, seed 0xdeadbeef * length | the same function |
 *
 * All other names mean the same in both, fnv1a_64 included: it is twemproxy's arithmetic, not 64 bits wide.
 */
import {crc16} from './crc16.js';
import {crc16_twemproxy} from './crc16_twemproxy.js';
import {crc32} from './crc32.js';
import {crc32_twemproxy} from './crc32_twemproxy.js';
import {fnv1_32, fnv1_32Unsigned} from './fnv1_32.js';
import {fnv1_64, fnv1_64Unsigned} from './fnv1_64.js';
import {fnv1a_32, fnv1a_32Unsigned} from './fnv1a_32.js';
import {fnv1a_64, fnv1a_64Unsigned} from './fnv1a_64.js';
import type {Char, HashFunction} from './hash.js';
import {hsieh, hsiehUnsigned} from './hsieh.js';
import {jenkins} from './jenkins.js';
import {md5} from './md5.js';
import {murmur2} from './murmur2.js';
import {one_at_a_time, one_at_a_timeUnsigned} from './one_at_a_time.js';

/** Hashes by the name that the field gives them. */
export const plainHashes = {
  crc32: {signed: crc32, unsigned: crc32},
  crc16: {signed: crc16, unsigned: crc16},
  fnv1a_64: {signed: fnv1a_64, unsigned: fnv1a_64Unsigned},
  fnv1a_32: {signed: fnv1a_32, unsigned: fnv1a_32Unsigned},
  fnv1_64: {signed: fnv1_64, unsigned: fnv1_64Unsigned},
  fnv1_32: {signed: fnv1_32, unsigned: fnv1_32Unsigned},
  md5: {signed: md5, unsigned: md5},
  murmur2: {signed: murmur2, unsigned: murmur2},
  one_at_a_time: {signed: one_at_a_time, unsigned: one_at_a_timeUnsigned},
  jenkins: {signed: jenkins, unsigned: jenkins},
  hsieh: {signed: hsieh, unsigned: hsiehUnsigned},
} as const satisfies HashRegistry;

const {murmur2: murmur, ...shared} = plainHashes;

/** The twelve hashes of twemproxy 0.5, by the names of its configuration. */
export const twemproxyHashes = {
  ...shared,
  murmur,
  crc16: {signed: crc16_twemproxy, unsigned: crc16_twemproxy},
  crc32: {signed: crc32_twemproxy, unsigned: crc32_twemproxy},
  crc32a: plainHashes.crc32,
} as const satisfies HashRegistry;

/** A name's function for each way to read a `char`; the same function twice where it makes no difference. */
export type HashRegistry = Readonly<Record<string, Readonly<Record<Char, HashFunction>>>>;

export type PlainHash = keyof typeof plainHashes;
export type TwemproxyHash = keyof typeof twemproxyHashes;
