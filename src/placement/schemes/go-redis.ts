/**
 * go-redis' Ring. From v8 on rendezvous hashing with XXH64; v3 to v7 a ring of 100 CRC32 points per shard.
 * Source: go-redis ring.go (newRendezvous), v7 internal/consistenthash/consistenthash.go. The tag is that of Redis Cluster.
 *
 * A shard's `node` is its name in RingOptions.Addrs, the key of the map; the address never matters.
 */
import * as v from 'valibot';
import {crc32} from '../hash/crc32.js';
import {xxh64} from '../hash/xxh64.js';
import {version} from '../options.js';
import type {Scheme, SchemeTraits, ShardIdentity} from '../placement.js';
import {crc32Point, labelled, type Point, requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted} from '../problems.js';
import {rendezvousPlacement} from '../rendezvous-scores.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {redisClusterTag} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** Major version: 9 stands for 8 and 9, 6 for 3 to 7. */
    version: version('Version', [9, 6]),
  },
  notThese('Scheme go-redis', ['version', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};
const pointsPerShard = 100;

export const goRedis: Scheme<v.InferOutput<typeof options>> = {
  name: 'go-redis',
  summary: 'Ring of go-redis: rendezvous hashing from v8 on, a CRC32 ring up to v7',
  movement: 'As few keys as possible.',
  options,
  tag: () => redisClusterTag,
  variants: [{}, {version: 6}],
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`}],
  traits: () => traits,
  build(shards, given, tag) {
    const parts = {scheme: 'go-redis', shards, traits, tag};
    if (given.version === 9) return rendezvousPlacement({...parts, hash: xxh64, hashName: 'xxh64'});
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    const points = shards.flatMap(({node}, owner) =>
      labelled(owner, pointsPerShard, (i) => [crc32Point(`${i}${node}`)]),
    );
    refuseSharedPoints(shards, points, problems);
    problems.refuse();
    const ring = new Ring(points, {search: 'at-or-after', ties: 'later'});
    const warnings = idleWeights('the Ring of go-redis has no weights', shards);
    return ringPlacement({...parts, ring, hash: crc32, hashName: 'crc32', warnings});
  },
};

/** The last shard added would win, and Go adds them in random order. */
function refuseSharedPoints(shards: readonly ShardIdentity[], points: readonly Point[], problems: Problems): void {
  const owners = new Map<number, number>();
  for (const {point, owner} of points) {
    const other = owners.get(point);
    if (other !== undefined && other !== owner)
      problems.inShard(
        owner,
        'node',
        `Shards ${quoted(shards[other]!.name)} and ${quoted(shards[owner]!.name)} share a point of the ring, and go-redis before v8 leaves it to chance who owns it: rename one node.`,
      );
    owners.set(point, owner);
  }
}
