/**
 * Predis' client-side sharding (`cluster => 'predis'`, the default for several nodes), also Laravel's with `options.cluster`.
 * HashRing: CRC32 points, a key belongs to the last point at or before its CRC32. KetamaRing: MD5 points, four per label, and the
 * first point at or after the MD5 of the key.
 * Source: predis src/Cluster/Distributor/HashRing.php, KetamaRing.php, src/Cluster/PredisStrategy.php.
 *
 * A shard's `node` is `host:port` (the path of a unix socket), never the alias. Predis counts a node without a weight as 100, so
 * write all weights or none. The prefix option is part of the key that is hashed.
 */
import * as v from 'valibot';
import {crc32} from '../hash/crc32.js';
import {md5} from '../hash/md5.js';
import {choice} from '../options.js';
import type {Scheme, SchemeTraits, ShardIdentity} from '../placement.js';
import {
  crc32Point,
  labelled,
  md5Points,
  type Point,
  pointless,
  refuseTooManyPoints,
  requireDistinctNodes,
} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {pairRule} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const options = v.strictObject(
  {
    /** HashRing or KetamaRing. */
    distributor: choice('Distributor', ['hashring', 'ketama']),
  },
  notThese('Scheme predis', ['distributor', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};
const replicas = 128;
const labelsOfFour = 40;
const tag = pairRule('{}', 0x7b, 0x7d);

export const predis: Scheme<Options> = {
  name: 'predis',
  summary: 'client-side sharding of Predis, and of Laravel with it: hashring or ketama',
  movement: 'About as few keys as possible.',
  options,
  tag: () => tag,
  variants: [{}, {distributor: 'ketama'}],
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`}],
  traits: () => traits,
  build(shards, {distributor}, rule) {
    const problems = new Problems();
    requireWholeWeights('predis', shards, problems);
    requireDistinctNodes(shards, problems);
    refuseTooManyPoints(replicas * shards.length, problems);
    problems.refuse();
    const isRing = distributor === 'hashring';
    const points = shards.flatMap((shard, owner) =>
      isRing ? hashRing(shard, owner, shards) : ketama(shard, owner, shards),
    );
    const search = isRing ? 'at-or-before' : 'at-or-after';
    const ring = new Ring(points, {search, ties: 'later'});
    const parts = {scheme: 'predis', shards, traits, tag: rule, ring, warnings: pointless(shards, ring.owners)};
    return ringPlacement({...parts, hash: isRing ? crc32 : md5, hashName: isRing ? 'crc32' : 'md5'});
  },
};

/** PHP's round() takes halves away from zero, as Math.round does above zero. Doubles, multiplied from left to right. */
function hashRing({node, weight}: ShardIdentity, owner: number, shards: readonly ShardIdentity[]): readonly Point[] {
  const count = Math.round((weight / totalWeight(shards)) * shards.length * replicas);
  return labelled(owner, count, (i) => [crc32Point(`${node}:${i}`)]);
}

function ketama({node, weight}: ShardIdentity, owner: number, shards: readonly ShardIdentity[]): readonly Point[] {
  const count = Math.floor((weight / totalWeight(shards)) * shards.length * labelsOfFour);
  return labelled(owner, count, (i) => md5Points(`${node}-${i}`));
}
