/**
 * hash(key) % N over a list of the shards in the order of the file, each repeated as often as its weight says: what clients
 * written by hand do, and twemproxy's `modula` once its servers are sorted.
 *
 * An empty key is hashed like any other. The hashes have their usual meaning (`plainHashes`): crc32 is the full CRC of zlib.
 */
import * as v from 'valibot';
import {hex32} from '../explain.js';
import {type PlainHash, plainHashes} from '../hash/hashes.js';
import {placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from '../placement.js';
import {notOneOf, notThese, Problems, quoted} from '../problems.js';
import {wholeKey} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const hashNames = Object.keys(plainHashes) as PlainHash[];
const chars = ['signed', 'unsigned'] as const;

const options = v.strictObject(
  {
    /** Hash of the key. */
    hash: v.optional(v.picklist(hashNames, notOneOf('Hash', hashNames)), 'crc32'),
    /** How the fnv family, one_at_a_time and hsieh read bytes from 0x80: `signed` as C on x86, `unsigned` as most libraries. */
    char: v.optional(v.picklist(chars, notOneOf('Char', chars)), 'signed'),
  },
  notThese('Scheme modulo', ['hash', 'char', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'reshuffling'};

/** The list is kept in memory; a longer one has weights that can be divided by a common factor or that nobody meant. */
const longestList = 1 << 20;

export const modulo: Scheme<v.InferOutput<typeof options>> = {
  name: 'modulo',
  summary: 'hash of the key modulo the number of shards, in the order of the file',
  movement: 'Nearly all keys: from N shards of equal weight to N + 1 about N in N + 1 keys move.',
  options,
  tag: () => wholeKey,
  traits: () => traits,
  build(shards, {hash, char}, tag) {
    const list = listOf(shards);
    const size = list.length;
    const hashOf = plainHashes[hash][char];
    return placementFrom({
      scheme: 'modulo',
      shards,
      traits,
      tag,
      owner: (bytes, start, end) => list[hashOf(bytes, start, end) % size]!,
      byHash: {hash: hashOf, ownerOfHash: (hash) => list[hash % size]!},
      facts: (hashed) => {
        const value = hashOf(hashed, 0, hashed.length);
        const owner = quoted(shards[list[value % size]!]!.name);
        return [
          {label: 'hash', value: `${hash} = ${hex32(value)}`},
          {label: 'remainder', value: `${value} % ${size} = ${value % size}, the place of ${owner}`},
        ];
      },
    });
  },
};

/** The owner of each remainder. */
function listOf(shards: readonly ShardIdentity[]): Uint32Array {
  const problems = new Problems();
  requireWholeWeights('modulo', shards, problems);
  problems.refuse();
  const total = totalWeight(shards);
  if (total > longestList) {
    const message = `The weights add up to ${total}, and scheme modulo takes at most ${longestList}: divide them by a common factor.`;
    problems.inShard(0, 'weight', message);
    problems.refuse();
  }
  const list = new Uint32Array(total);
  let at = 0;
  shards.forEach(({weight}, index) => {
    list.fill(index, at, at + weight);
    at += weight;
  });
  return list;
}
