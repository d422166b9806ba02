/**
 * The Python package redis-shard: 128 points per node, whole CRC32, MD5 or SHA-1 numbers; a key belongs to the first point strictly
 * after its hash, and beyond the last point to the last one.
 * Source: youngking/redis-shard redis_shard/hashring.py, redis_shard/shard.py.
 *
 * Keys given as `str` are hashed in Latin-1, and the client fails on characters beyond U+00FF: such keys have no owner. Keys
 * given as bytes are hashed as they are and have no tag.
 */

import {isUtf8} from 'node:buffer';
import * as v from 'valibot';
import {crc32} from '../hash/crc32.js';
import type {WideHash} from '../hash/hash.js';
import {md5Wide} from '../hash/md5.js';
import {opensslDigest} from '../hash/openssl.js';
import {choice, wholeNumber} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {greedyTag} from '../python-tag.js';
import {WideRing} from '../ring.js';
import {wideRingPlacement} from '../ring-placement.js';
import {type TagRule, wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** `hash_method`. */
    hash: choice('Hash', ['crc32', 'md5', 'sha1']),
    /** How the application gives its keys. */
    api: choice('Api', ['str', 'bytes']),
    /** `replicas` of HashRing. */
    replicas: wholeNumber('Option replicas', 128, [1, 10_000]),
  },
  notThese('Scheme redis-shard', ['hash', 'api', 'replicas', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};

const hashes: Readonly<Record<Options['hash'], {readonly width: number; readonly hash: WideHash}>> = {
  crc32: {
    width: 1,
    hash: (bytes, start, end, into) => {
      into[0] = crc32(bytes, start, end);
    },
  },
  md5: {width: 4, hash: md5Wide},
  sha1: {width: 5, hash: opensslDigest('sha1', 5)},
};

export const redisShard: Scheme<Options> = {
  name: 'redis-shard',
  summary: 'the Python package redis-shard: crc32, md5 or sha1',
  movement: 'About as few keys as possible.',
  options,
  tag: ({api}) => (api === 'str' ? textTag : wholeKey),
  emptyTag: 'empty',
  variants: [{}, {hash: 'md5'}, {hash: 'sha1'}].flatMap((one) => [one, {...one, api: 'bytes'}]),
  traits: () => traits,
  build(shards, {hash, api, replicas}, tag) {
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    problems.refuse();
    const {width, hash: whole} = hashes[hash];
    const points = shards.flatMap(({node}, owner) =>
      Array.from({length: replicas}, (_, i) => {
        const label = Buffer.from(`${node}:${i}`);
        const point = new Uint32Array(width);
        whole(label, 0, label.length, point);
        return {point, owner};
      }),
    );
    const ring = new WideRing(points, width, {search: 'after', ties: 'later', beyond: 'last'});
    const warnings = idleWeights('redis-shard has no weights', shards);
    const keyHash = api === 'str' ? inLatin1(whole) : whole;
    const reason = 'the client cannot encode characters beyond U+00FF and raises UnicodeEncodeError';
    const unplaced = {test: (key: Uint8Array) => isWideText(tag.hashed(key)), reason};
    return wideRingPlacement({
      ...{scheme: 'redis-shard', shards, traits, tag, warnings, ring, hash: keyHash, hashName: hash},
      ...(api === 'str' ? {unplaced} : {}),
    });
  },
};

/** Bytes that are no UTF-8 cannot have been given as text: the client saw bytes, and looked for no tag. */
const textTag: TagRule = {
  ...greedyTag,
  name: '{}, greedy, in text',
  over: (decide) => {
    const tagged = greedyTag.over(decide);
    return (bytes, start, end) => (isUtf8(bytes.subarray(start, end)) ? tagged : decide)(bytes, start, end);
  },
  hashed: (key) => (isUtf8(key) ? greedyTag.hashed(key) : key),
};

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function isWideText(part: Uint8Array): boolean {
  if (isAscii(part, 0, part.length) || !isUtf8(part)) return false;
  return /[^\0-\xff]/.test(Buffer.from(part).toString());
}

/** The hash of the text in Latin-1; of bytes that are no text as they are. */
function inLatin1(hash: WideHash): WideHash {
  return (bytes, start, end, into) => {
    if (isAscii(bytes, start, end)) return hash(bytes, start, end, into);
    const part = bytes.subarray(start, end);
    const encoded = isUtf8(part) ? Buffer.from(Buffer.from(part).toString(), 'latin1') : part;
    return hash(encoded, 0, encoded.length, into);
  };
}
