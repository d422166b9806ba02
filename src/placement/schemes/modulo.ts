/**
 * hash(key) % N over a list of the shards in the order of the file, each repeated as often as its weight says: what clients
 * written by hand do, and twemproxy's `modula` once its servers are sorted.
 *
 * An empty key is hashed like any other. The hashes have their usual meaning (`plainHashes`): crc32 is the full CRC of zlib.
 */
import * as v from 'valibot';
import {fnv1a64, fnv164} from '../hash/fnv64.js';
import type {WideHash} from '../hash/hash.js';
import {type PlainHash, plainHashes} from '../hash/hashes.js';
import {murmur64a} from '../hash/murmur64a.js';
import {xxh64} from '../hash/xxh64.js';
import {choice} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {notThese} from '../problems.js';
import {remainderPlacement, weightedList, wideRemainderPlacement} from '../remainder.js';
import {wholeKey} from '../tag.js';
import {chars} from './twemproxy.js';

/** Hashes of 64 bits, all of which count. `murmur64a` with the seed of Jedis. */
const wideHashes = {murmur64a, xxh64, fnv1a64, fnv164} as const satisfies Readonly<Record<string, WideHash>>;
type WideName = keyof typeof wideHashes;

const narrowNames = Object.keys(plainHashes) as [PlainHash, ...PlainHash[]];
const wideNames = Object.keys(wideHashes) as WideName[];

const options = v.strictObject(
  {
    /** Hash of the key. */
    hash: choice<PlainHash | WideName>('Hash', [...narrowNames, ...wideNames]),
    /** How the fnv family, one_at_a_time and hsieh read bytes from 0x80: `signed` as C on x86, `unsigned` as most libraries. */
    char: choice('Char', chars),
  },
  notThese('Scheme modulo', ['hash', 'char', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'reshuffling'};

export const modulo: Scheme<v.InferOutput<typeof options>> = {
  name: 'modulo',
  summary: 'hash of the key modulo the number of shards, in the order of the file',
  movement: 'Nearly all keys: from N shards of equal weight to N + 1 about N in N + 1 keys move.',
  options,
  tag: () => wholeKey,
  variants: [...narrowNames, ...wideNames].flatMap((hash) => [{hash}, {hash, char: 'unsigned'}]),
  traits: () => traits,
  build(shards, {hash, char}, tag) {
    const owners = weightedList(
      'modulo',
      shards.map((shard, owner) => ({...shard, owner})),
    );
    const parts = {scheme: 'modulo', shards, traits, tag, owners, hashName: hash};
    if (isWide(hash)) return wideRemainderPlacement({...parts, hash: wideHashes[hash]});
    const keyHash = plainHashes[hash][char];
    return remainderPlacement({...parts, keyHash, byHash: keyHash});
  },
};

function isWide(name: PlainHash | WideName): name is WideName {
  return Object.hasOwn(wideHashes, name);
}
