/**
 * Envoy's redis_proxy with the cluster policies RING_HASH and MAGLEV. The request hash is MurmurHash64A with seed 0xc70f6907 of the
 * key, or of its tag when `enable_hashtagging` is set. (A cluster of type envoy.clusters.redis is scheme slots.)
 * Source: envoy source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc and maglev/maglev_lb.cc,
 * source/extensions/clusters/redis/crc16.cc, source/common/common/hash.h.
 *
 * A shard's `node` is the host key: `ip:port` of the resolved endpoint, or its hostname with use_hostname_for_hashing, or the
 * metadata hash_key. Only healthy hosts are in Envoy's ring, and hash_balance_factor changes the choice under load.
 */
import * as v from 'valibot';
import {modulo64, type WideHash} from '../hash/hash.js';
import {murmur64aWith} from '../hash/murmur64a.js';
import {xxh64, xxh64With} from '../hash/xxh64.js';
import {maglevTable, requirePrime} from '../maglev-table.js';
import {choice, flag, wholeNumber} from '../options.js';
import type {Scheme, SchemeTraits, ShardIdentity} from '../placement.js';
import {mostPoints, requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {wideRemainderPlacement} from '../remainder.js';
import {WideRing} from '../ring.js';
import {wideRingPlacement} from '../ring-placement.js';
import {redisClusterTag, wholeKey} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const names = [
  ...['policy', 'hashFunction', 'enableHashtagging', 'minimumRingSize', 'maximumRingSize', 'tableSize', 'hashTag'],
];

const options = v.strictObject(
  {
    /** `lb_policy`. */
    policy: choice('Policy', ['ring_hash', 'maglev']),
    /** `hash_function` of ring_hash_lb_config: of the points, not of the keys. */
    hashFunction: choice('Option hashFunction', ['xx_hash', 'murmur_hash_2']),
    /** `enable_hashtagging` of the redis_proxy settings. */
    enableHashtagging: flag('Option enableHashtagging'),
    minimumRingSize: wholeNumber('Option minimumRingSize', 1024, [1, 8_388_608]),
    maximumRingSize: wholeNumber('Option maximumRingSize', 8_388_608, [1, 8_388_608]),
    /** `table_size` of maglev_lb_config. */
    tableSize: wholeNumber('Option tableSize', 65537, [2, 2_097_143]),
  },
  notThese('Scheme envoy', names),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'shifting'};
const requestHash = murmur64aWith(0xc70f6907);
const xxh64Seed1 = xxh64With(1);

export const envoy: Scheme<Options> = {
  name: 'envoy',
  summary: 'redis_proxy of Envoy: ring_hash or maglev, weights included',
  movement:
    'More than the minimum: the ring keeps its size, so the other hosts lose points; with maglev some slots change hands.',
  options,
  tag: ({enableHashtagging}) => (enableHashtagging ? redisClusterTag : wholeKey),
  variants: [
    {},
    {policy: 'maglev'},
    {enableHashtagging: true},
    {policy: 'maglev', enableHashtagging: true},
    {hashFunction: 'murmur_hash_2'},
    {hashFunction: 'murmur_hash_2', enableHashtagging: true},
  ],
  nodeForms: [
    {form: 'ip:port', nodeOf: ({host, port}) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)},
  ],
  traits: () => traits,
  build(shards, given, tag) {
    const problems = new Problems();
    requireWholeWeights('envoy', shards, problems);
    requireDistinctNodes(shards, problems);
    const isRing = given.policy === 'ring_hash';
    if (!isRing) requirePrime('tableSize', given.tableSize, problems);
    const scale = scaleOf(shards, given);
    if (isRing && scale > mostPoints)
      problems.inOption(
        ['maximumRingSize'],
        `Weights and ring sizes make a ring of ${Math.ceil(scale)} points; at most ${mostPoints} are computed here.`,
      );
    problems.refuse();
    const parts = {scheme: 'envoy', shards, traits, tag, hash: requestHash, hashName: 'murmur64a'};
    return isRing
      ? wideRingPlacement({...parts, ring: envoyRing(shards, given)})
      : wideRemainderPlacement({...parts, owners: envoyTable(shards, given)});
  },
};

/** Points of the whole ring, so that the lightest host gets a whole number of them. Doubles, as in the original. */
function scaleOf(shards: readonly ShardIdentity[], {minimumRingSize, maximumRingSize}: Options): number {
  const total = totalWeight(shards);
  const least = Math.min(...shards.map(({weight}) => weight / total));
  return Math.min(Math.ceil(least * minimumRingSize) / least, maximumRingSize);
}

/** The ring. Rounding is carried from host to host, so with weights the order of the hosts matters a little. */
export function envoyRing(shards: readonly ShardIdentity[], options: Options): WideRing {
  const total = totalWeight(shards);
  const scale = scaleOf(shards, options);
  const pointHash = options.hashFunction === 'xx_hash' ? xxh64 : requestHash;
  const points: {point: Uint32Array; owner: number}[] = [];
  let current = 0;
  let target = 0;
  for (const [owner, {node, weight}] of shards.entries()) {
    target += scale * (weight / total);
    for (let i = 0; current < target; i++, current++) {
      const label = Buffer.from(`${node}_${i}`);
      const point = new Uint32Array(2);
      pointHash(label, 0, label.length, point);
      points.push({point, owner});
    }
  }
  return new WideRing(points, 2);
}

/** The owner of every slot of Envoy's Maglev table. */
export function envoyTable(shards: readonly ShardIdentity[], {tableSize}: Options): Uint32Array {
  const words = new Uint32Array(2);
  const total = totalWeight(shards);
  const hosts = shards.map(({node, weight}, owner) => ({bytes: Buffer.from(node), weight: weight / total, owner}));
  hosts.sort((a, b) => a.bytes.compare(b.bytes));
  const hashModulo = (hash: WideHash, bytes: Buffer, n: number): number => {
    hash(bytes, 0, bytes.length, words);
    return modulo64(words, n);
  };
  return maglevTable(
    tableSize,
    hosts.map(({owner, bytes, weight}) => ({
      ...{owner, weight},
      offset: hashModulo(xxh64, bytes, tableSize),
      skip: hashModulo(xxh64Seed1, bytes, tableSize - 1) + 1,
    })),
  );
}
