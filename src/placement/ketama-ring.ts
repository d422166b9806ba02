/**
 * The ketama ring of twemproxy 0.5 (the same from 0.2.4 on), which libmemcached's weighted ring is too: 160 points per shard of
 * average weight, four from each MD5 of `label-i`; a key belongs to the first point at or after its hash.
 * Source: twemproxy src/hashkit/nc_ketama.c and src/nc_server.c; libmemcached libmemcached/hosts.cc.
 *
 * Three things of the original decide where keys go and are easily missed: shares are computed in single precision,
 * twemproxy sorts its servers by length of label before bytes, and it takes the hash of an empty key to be 0.
 */
import type {Char} from './hash/hash.js';
import {type TwemproxyHash, twemproxyHashes} from './hash/hashes.js';
import {type Fact, type Placement, type PlacementParts, placementFrom, type ShardIdentity} from './placement.js';
import {labelled, md5Points, type Point, pointless, refuseTooManyPoints, requireDistinctNodes} from './points.js';
import {Problems, quoted} from './problems.js';
import {Ring} from './ring.js';
import {ringPlacement} from './ring-placement.js';
import {requireWholeWeights, totalWeight} from './weights.js';

/** Longest label of a point: twemproxy 0.5.0 cuts what is longer, and before 0.5.0 it read past a buffer of 86 bytes. */
const labelBytes = 272;
const oldLabelBytes = 80;

/** A shard with its index in the topology. */
export interface Placed extends ShardIdentity {
  readonly owner: number;
}

/** Twemproxy's order of servers, whatever the order of the file: by length of label, then by bytes. */
export function twemproxyOrder(shards: readonly ShardIdentity[]): Placed[] {
  const placed = shards.map((shard, owner) => ({...shard, owner, bytes: Buffer.from(shard.node)}));
  return placed.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
}

/** The ring of shards in the order in which the client keeps them: where points are equal, the earlier shard wins. */
export function ketamaRing(shards: readonly Placed[]): Ring {
  const total = totalWeight(shards);
  return new Ring(
    shards.flatMap(({node, weight, owner}): readonly Point[] => {
      const bytes = Buffer.from(node);
      return labelled(owner, labelCount(weight, total, shards.length), (i) =>
        md5Points(Buffer.concat([bytes, Buffer.from(`-${i}`)]).subarray(0, labelBytes)),
      );
    }),
  );
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

/** What every scheme with twemproxy's shards refuses. */
export function refuseUnfit(scheme: string, shards: readonly ShardIdentity[]): void {
  const problems = new Problems();
  requireWholeWeights(scheme, shards, problems);
  requireDistinctNodes(shards, problems);
  refuseTooManyPoints(160 * shards.length, problems);
  problems.refuse();
}

/** What the schemes `ketama` and `twemproxy` make of their shards. */
export function twemproxyKetama(
  parts: Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag'>,
  {hash, char}: {readonly hash: TwemproxyHash; readonly char: Char},
): Placement {
  refuseUnfit(parts.scheme, parts.shards);
  if (parts.shards.length === 1) return onlyOne(parts);
  const ring = ketamaRing(twemproxyOrder(parts.shards));
  const warnings = warningsOf(parts.shards, ring, hash);
  return ringPlacement({
    ...parts,
    ring,
    hash: twemproxyHashes[hash][char],
    hashName: hash,
    emptyIsZero: true,
    warnings,
  });
}

/** A single server gets every key before anything is hashed. */
export function onlyOne(parts: Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag'>): Placement {
  const facts = (): Fact[] => [{label: 'shards', value: 'one, so nothing is hashed'}];
  return placementFrom({...parts, owner: () => 0, facts});
}

function warningsOf(shards: readonly ShardIdentity[], ring: Ring, hash: TwemproxyHash): string[] {
  const found: string[] = [];
  if (hash === 'crc32') {
    const first = quoted(shards[ring.owners[0]!]!.name);
    found.push(
      `Hash crc32 means 15 bits in twemproxy, so nearly every key belongs to the owner of the first point, shard ${first}; crc32a has 32 bits.`,
    );
  }
  found.push(...pointless(shards, ring.owners));
  for (const {name, node} of shards)
    if (Buffer.byteLength(node) > oldLabelBytes)
      found.push(
        `The node of shard ${quoted(name)} is longer than ${oldLabelBytes} bytes: twemproxy before 0.5.0 misplaces its keys.`,
      );
  return found;
}
