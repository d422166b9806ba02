/**
 * Jedis' `Sharded` (ShardedJedis, ShardedJedisPool; in version 4 JedisSharding): 160 points per unit of weight on a ring of
 * signed 64-bit numbers, MurmurHash64A with seed 0x1234ABCD or the first four bytes of MD5.
 * Source: jedis src/main/java/redis/clients/jedis/util/Sharded.java (2.0.0 to 3.x), providers/ShardedConnectionProvider.java (4.x).
 *
 * Shards without names are known by their place in the list alone: `SHARD-0-NODE-17`. With `named: true` the label is
 * `name*17`, before 2.10 `name*` weight `17` without anything between the two numbers.
 */
import * as v from 'valibot';
import {md5} from '../hash/md5.js';
import {murmur64a} from '../hash/murmur64a.js';
import {choice, version} from '../options.js';
import {patternRule} from '../pattern.js';
import type {Scheme, ShardIdentity} from '../placement.js';
import {refuseTooManyPoints, requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted, suggestion} from '../problems.js';
import {Ring, type RingRule, WideRing} from '../ring.js';
import {ringPlacement, wideRingPlacement} from '../ring-placement.js';
import {wholeKey} from '../tag.js';
import {idleWeights, requireWholeWeights, totalWeight} from '../weights.js';

const options = v.strictObject(
  {
    /** `Hashing.MURMUR_HASH` or `Hashing.MD5`. */
    hash: choice('Hash', ['murmur', 'md5']),
    /** Major version: 3 stands for 2.10 to 3.x, 2 for 2.0 to 2.9; from 4 on shards have neither names nor weights. */
    version: version('Version', [3, 2, 4]),
    /**
     * The shards were given names (`JedisShardInfo(host, port, name)`), and each `node` is that name. When only some were: a
     * list of those shards.
     */
    named: v.optional(
      v.union([v.boolean(), v.array(v.string())], 'Option named must be true, false or a list of shards.'),
      false,
    ),
    /** The Pattern given to the constructor; `\{(.+?)\}` is Sharded.DEFAULT_KEY_TAG_PATTERN. Jedis has none by default. */
    keyTagPattern: v.exactOptional(v.string('Option keyTagPattern must be a regular expression, in quotes.')),
  },
  notThese('Scheme jedis', ['hash', 'version', 'named', 'keyTagPattern', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const pointsPerWeight = 160;
const rule: RingRule = {search: 'at-or-after', ties: 'later'};
const signBit = 0x8000_0000;

export const jedis: Scheme<Options> = {
  name: 'jedis',
  summary: 'ShardedJedis and JedisSharding of Jedis: murmur or md5, names, weights, key tag pattern',
  movement:
    'About as few keys as possible; without names only while shards are added and removed at the end of the list.',
  options,
  tag: ({keyTagPattern}) => (keyTagPattern === undefined ? wholeKey : tagOf(keyTagPattern)),
  variants: [
    ...([{}, {hash: 'md5'}, {named: true}, {named: true, hash: 'md5'}] as const),
    ...([
      {named: true, version: 2},
      {named: true, version: 2, hash: 'md5'},
    ] as const),
  ].flatMap((one) => [one, {...one, keyTagPattern: '\\{(.+?)\\}'}]),
  traits: ({named, version}) => ({
    ...{identity: named === true ? 'node' : 'order', assignedBy: null, movement: 'minimal'},
    ...(version === 4 ? {weights: 'ignored'} : {}),
  }),
  build(shards, given, tag) {
    refuseUnfit(shards, given);
    const weights = given.version === 4 ? shards.map(() => 1) : shards.map(({weight}) => weight);
    const labels = shards.flatMap((shard, owner) =>
      Array.from({length: pointsPerWeight * weights[owner]!}, (_, n) => ({
        label: label(shard, owner, n, given),
        owner,
      })),
    );
    const parts = {scheme: 'jedis', shards, traits: jedis.traits(given), tag, called: ({name}: ShardIdentity) => name};
    const warnings = given.version === 4 ? idleWeights('Jedis 4 has no weights', shards) : [];
    if (given.hash === 'md5') {
      const points = labels.map(({label, owner}) => ({point: md5(label, 0, label.length), owner}));
      return ringPlacement({...parts, ring: new Ring(points, rule), hash: md5, hashName: 'md5', warnings});
    }
    const points = labels.map(({label, owner}) => {
      const point = new Uint32Array(2);
      murmur64a(label, 0, label.length, point);
      // Signed order is unsigned order with the sign bit flipped.
      point[0]! ^= signBit;
      return {point, owner};
    });
    const ring = new WideRing(points, 2, rule);
    return wideRingPlacement({...parts, ring, hash: murmur64a, hashName: 'murmur64a', flip: signBit, warnings});
  },
};

function isNamed({name}: ShardIdentity, {named}: Options): boolean {
  return typeof named === 'boolean' ? named : named.includes(name);
}

function label(shard: ShardIdentity, index: number, n: number, options: Options): Buffer {
  const {node, weight} = shard;
  if (!isNamed(shard, options)) return Buffer.from(`SHARD-${index}-NODE-${n}`);
  return Buffer.from(options.version === 2 ? `${node}*${weight}${n}` : `${node}*${n}`);
}

function refuseUnfit(shards: readonly ShardIdentity[], options: Options): void {
  const {named, version, keyTagPattern} = options;
  const problems = new Problems();
  requireWholeWeights('jedis', shards, problems);
  requireDistinctNodes(shards, problems);
  if (version === 4 && shards.some((shard) => isNamed(shard, options)))
    problems.inOption(['named'], 'Jedis 4 knows shards by their place only: named needs version 3 or 2.');
  const names = shards.map(({name}) => name);
  for (const [i, name] of (typeof named === 'boolean' ? [] : named).entries())
    if (!names.includes(name))
      problems.inOption(['named', i], `${quoted(name)} is no shard.${suggestion(name, names)}`);
  refuseTooManyPoints(pointsPerWeight * totalWeight(shards), problems);
  if (keyTagPattern !== undefined) patternRule('keyTagPattern', keyTagPattern, 'java', problems);
  problems.refuse();
}

/** A pattern that cannot be read is refused by `build`, with all other problems. */
function tagOf(keyTagPattern: string) {
  return patternRule('keyTagPattern', keyTagPattern, 'java', new Problems()) ?? wholeKey;
}
