/**
 * Points of rings from labels: what the ketama-like clients share.
 */
import {crc32} from './hash/crc32.js';
import {md5Digest} from './hash/md5.js';
import type {ShardIdentity} from './placement.js';
import {type Problems, quoted} from './problems.js';

export interface Point {
  /** An unsigned 32-bit number. */
  readonly point: number;
  readonly owner: number;
}

/** The four 32-bit points of a label: MD5 in little-endian words. */
export function md5Points(label: string | Uint8Array): readonly number[] {
  const digest = md5Digest(Buffer.from(label));
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at));
}

export function crc32Point(label: string): number {
  const bytes = Buffer.from(label);
  return crc32(bytes, 0, bytes.length);
}

/** `count` labels of one shard, each with its points. */
export function labelled(
  owner: number,
  count: number,
  pointsOf: (index: number) => readonly number[],
): readonly Point[] {
  const points: Point[] = [];
  for (let i = 0; i < count; i++) for (const point of pointsOf(i)) points.push({point, owner});
  return points;
}

/** A ring with more points than this is a mistake in a weight, and would not fit into memory. */
export const mostPoints = 1 << 21;

/** Refuses a ring that would have too many points before it is built. */
export function refuseTooManyPoints(count: number, problems: Problems): void {
  if (count <= mostPoints) return;
  problems.inShard(
    0,
    'weight',
    `The weights ask for ${count} points, and a ring has at most ${mostPoints}: divide them by a common factor.`,
  );
}

/** For rings: two shards of the same node would be one. */
export function requireDistinctNodes(shards: readonly ShardIdentity[], problems: Problems): void {
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
}

/** A warning per shard without a point: it owns no key. */
export function pointless(shards: readonly ShardIdentity[], owners: Iterable<number>): string[] {
  const busy = new Set(owners);
  return shards
    .filter((_, index) => !busy.has(index))
    .map(({name}) => `Shard ${quoted(name)} has too little weight for one point, so it owns no key.`);
}
