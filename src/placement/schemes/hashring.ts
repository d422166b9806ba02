/**
 * The npm package hashring 3: a ketama ring with any digest of Node. A server gets floor(weight / total * vnodes * servers) labels,
 * each with up to four points from its digest.
 * Source: 3rd-Eden/node-hashring index.js, HashRing.prototype.continuum and hashValue.
 *
 * A shard's `node` is the server as hashring writes it into its labels: `host:port`, the host alone when the port is its
 * `default port`.
 */
import * as v from 'valibot';
import type {HashFunction} from '../hash/hash.js';
import {md5, md5Digest} from '../hash/md5.js';
import {opensslDigest} from '../hash/openssl.js';
import {choice, wholeNumber} from '../options.js';
import type {Scheme, SchemeTraits, ShardIdentity} from '../placement.js';
import {labelled, type Point, pointless, refuseTooManyPoints, requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted, suggestion} from '../problems.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {wholeKey} from '../tag.js';
import {requireWholeWeights, totalWeight} from '../weights.js';

const algorithms = ['md5', 'sha1', 'sha256', 'sha512'] as const;

const options = v.strictObject(
  {
    /** Name of the digest. */
    algorithm: choice('Algorithm', algorithms),
    /** `vnode count`. */
    vnodeCount: wholeNumber('Option vnodeCount', 40, [1, 10_000]),
    /** Points per label. The compatibility `hash_ring` of the package has 3. */
    replicas: wholeNumber('Option replicas', 4, [1, 4]),
    /** `vnodes` of single servers, by name of shard: that many labels, whatever the weights. */
    vnodes: v.optional(v.record(v.string(), v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100_000))), {}),
  },
  notThese('Scheme hashring', ['algorithm', 'vnodeCount', 'replicas', 'vnodes', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};

export const hashring: Scheme<Options> = {
  name: 'hashring',
  summary: 'the npm package hashring: a ketama ring with any digest',
  movement: 'About as few keys as possible.',
  options,
  tag: () => wholeKey,
  variants: [{}, {replicas: 3}, {algorithm: 'sha1'}, {algorithm: 'sha256'}],
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`}],
  traits: () => traits,
  build(shards, given, tag) {
    refuseUnfit(shards, given);
    const {algorithm, replicas} = given;
    const digestOf = digests(algorithm);
    const points = shards.flatMap((shard, owner): readonly Point[] =>
      labelled(owner, labelCount(shard, shards, given), (i) => {
        const digest = digestOf(Buffer.from(`${shard.node}-${i}`));
        return Array.from({length: replicas}, (_, j) => digest.readUInt32LE(4 * j));
      }),
    );
    const ring = new Ring(points, {search: 'at-or-after', ties: 'earlier'});
    const warnings = pointless(shards, ring.owners);
    const hash: HashFunction = algorithm === 'md5' ? md5 : firstWord(algorithm);
    return ringPlacement({scheme: 'hashring', shards, traits, tag, ring, hash, hashName: algorithm, warnings});
  },
};

function digests(algorithm: Options['algorithm']): (label: Buffer) => Buffer {
  if (algorithm === 'md5') return md5Digest;
  const whole = opensslDigest(algorithm, 4);
  const words = new Uint32Array(4);
  return (label) => {
    whole(label, 0, label.length, words);
    const bytes = Buffer.alloc(16);
    for (const [i, word] of words.entries()) bytes.writeUInt32BE(word, 4 * i);
    return bytes;
  };
}

/** The first four bytes of the digest, little-endian. */
function firstWord(algorithm: string): HashFunction {
  const digest = opensslDigest(algorithm, 1);
  const word = new Uint32Array(1);
  const bytes = Buffer.alloc(4);
  return (key, start, end) => {
    digest(key, start, end, word);
    bytes.writeUInt32BE(word[0]!);
    return bytes.readUInt32LE();
  };
}

function labelCount(shard: ShardIdentity, shards: readonly ShardIdentity[], {vnodeCount, vnodes}: Options): number {
  const own = vnodes[shard.name];
  if (own !== undefined && own !== vnodeCount) return own;
  return Math.floor((shard.weight / totalWeight(shards)) * vnodeCount * shards.length);
}

function refuseUnfit(shards: readonly ShardIdentity[], {vnodeCount, vnodes}: Options): void {
  const problems = new Problems();
  requireWholeWeights('hashring', shards, problems);
  requireDistinctNodes(shards, problems);
  const names = shards.map(({name}) => name);
  for (const name of Object.keys(vnodes))
    if (!names.includes(name))
      problems.inOption(
        ['vnodes', name],
        `Option vnodes names ${quoted(name)}, which is no shard.${suggestion(name, names)}`,
      );
  refuseTooManyPoints(4 * vnodeCount * shards.length, problems);
  problems.refuse();
}
