/**
 * The ketama ring of twemproxy 0.5 (the same from 0.2.4 on): 160 points per shard of average weight, four from each MD5 of
 * `label-i`; a key belongs to the first point at or after its hash.
 * Source: twemproxy src/hashkit/nc_ketama.c and src/nc_server.c.
 *
 * A shard's label is its `node`, taken as it is. Three things of the original decide where keys go and are easily missed:
 * shares are computed in single precision, servers are sorted by length of label before bytes, and an empty key hashes to 0.
 */
import * as v from 'valibot';
import {hex32} from '../explain.js';
import type {HashFunction} from '../hash/hash.js';
import {type TwemproxyHash, twemproxyHashes} from '../hash/hashes.js';
import {md5Digest} from '../hash/md5.js';
import {type Fact, placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from '../placement.js';
import {notOneOf, notThese, Problems, quoted} from '../problems.js';
import {Ring} from '../ring.js';
import {wholeKey} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const hashNames = Object.keys(twemproxyHashes) as TwemproxyHash[];
const chars = ['signed', 'unsigned'] as const;

const options = v.strictObject(
  {
    /** Hash of the key, by twemproxy's name and with twemproxy's meaning. */
    hash: v.optional(v.picklist(hashNames, notOneOf('Hash', hashNames)), 'fnv1a_64'),
    /** How the machine of the client reads a byte: `unsigned` for twemproxy on ARM Linux. */
    char: v.optional(v.picklist(chars, notOneOf('Char', chars)), 'signed'),
  },
  notThese('Scheme ketama', ['hash', 'char', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};

/** Longest label of a point: twemproxy 0.5.0 cuts what is longer, and before 0.5.0 it read past a buffer of 86 bytes. */
const labelBytes = 272;
const oldLabelBytes = 80;

export const ketama: Scheme<v.InferOutput<typeof options>> = {
  name: 'ketama',
  summary: 'the consistent hash ring of twemproxy, weights included',
  movement: 'About as few keys as possible: a new shard takes its share and nothing moves between the others.',
  options,
  tag: () => wholeKey,
  traits: () => traits,
  build(shards, {hash, char}, tag) {
    refuseUnfit(shards);
    const hashOf = twemproxyHashes[hash][char];
    const keyHash: HashFunction = (bytes, start, end) => (start === end ? 0 : hashOf(bytes, start, end));
    const parts = {scheme: 'ketama', shards, traits, tag};
    if (shards.length === 1) {
      const facts = (): Fact[] => [{label: 'shards', value: 'one, so nothing is hashed'}];
      return placementFrom({...parts, owner: () => 0, facts});
    }
    const ring = new Ring(points(shards));
    return placementFrom({
      ...parts,
      owner: (bytes, start, end) => ring.owner(keyHash(bytes, start, end)),
      // An empty key does not hash to 0 by itself.
      byHash: {hash: hashOf, ownerOfHash: (hash) => ring.owner(hash)},
      facts: (hashed) => {
        const value = keyHash(hashed, 0, hashed.length);
        const at = ring.find(value);
        const point = ring.points[at]!;
        const owner = quoted(shards[ring.owners[at]!]!.node);
        const wrapped = point < value ? ', the first one, since none follows' : '';
        return [
          {label: 'hash', value: `${hash} = ${hex32(value)}${hashed.length === 0 ? ' (empty key)' : ''}`},
          {label: 'point', value: `${hex32(point)} of ${owner}${wrapped}`},
        ];
      },
      warnings: warnings(shards, ring, hash),
    });
  },
};

function refuseUnfit(shards: readonly ShardIdentity[]): void {
  const problems = new Problems();
  requireWholeWeights('ketama', shards, problems);
  const nodes = new Map<string, string>();
  shards.forEach(({name, node}, index) => {
    const other = nodes.get(node);
    if (other === undefined) nodes.set(node, name);
    else
      problems.inShard(
        index,
        'node',
        `Shards ${quoted(other)} and ${quoted(name)} have the same node ${quoted(node)}.`,
      );
  });
  problems.refuse();
}

/** The points of all shards, shards sorted as twemproxy sorts its servers: so the earlier one wins where points are equal. */
function points(shards: readonly ShardIdentity[]): {point: number; owner: number}[] {
  const total = totalWeight(shards);
  const sorted = shards.map(({node, weight}, owner) => ({node: Buffer.from(node), weight, owner}));
  sorted.sort((a, b) => a.node.length - b.node.length || a.node.compare(b.node));
  return sorted.flatMap(({node, weight, owner}) => {
    const found: {point: number; owner: number}[] = [];
    for (let i = 0; i < labelCount(weight, total, shards.length); i++) {
      const digest = md5Digest(Buffer.concat([node, Buffer.from(`-${i}`)]).subarray(0, labelBytes));
      for (let at = 0; at < 16; at += 4) found.push({point: digest.readUInt32LE(at), owner});
    }
    return found;
  });
}

/**
 * How many labels, of four points each, a shard gets. C's `float` after every single operation: in doubles 25 equal shards
 * would get 40 labels each, where twemproxy gives them 39.
 */
export function labelCount(weight: number, total: number, shards: number): number {
  const share = Math.fround(Math.fround(weight) / Math.fround(total));
  const labels = Math.fround(Math.fround(Math.fround(share * 160) / 4) * Math.fround(shards));
  return Math.floor(Math.fround(labels + 0.0000000001));
}

function warnings(shards: readonly ShardIdentity[], ring: Ring, hash: TwemproxyHash): string[] {
  const found: string[] = [];
  if (hash === 'crc32') {
    const first = quoted(shards[ring.owners[0]!]!.name);
    found.push(
      `Hash crc32 means 15 bits in twemproxy, so nearly every key belongs to the owner of the first point, shard ${first}; crc32a has 32 bits.`,
    );
  }
  const owners = new Set(ring.owners);
  shards.forEach(({name, node}, index) => {
    if (!owners.has(index)) found.push(`Shard ${quoted(name)} has too little weight for one point, so it owns no key.`);
    if (Buffer.byteLength(node) > oldLabelBytes)
      found.push(
        `The node of shard ${quoted(name)} is longer than ${oldLabelBytes} bytes: twemproxy before 0.5.0 misplaces its keys.`,
      );
  });
  return found;
}
