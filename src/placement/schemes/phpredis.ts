/**
 * phpredis' RedisArray. Without `consistent` the CRC32 of the key (or what `algorithm` makes of it) is scaled to the number of
 * hosts; with it, the hash finds the first point at or after it on an MD5 ring of 160 points per host.
 * Source: phpredis redis_array_impl.c, ra_find_node and ra_make_continuum (4.3.0 to 6.1.0).
 *
 * The tag is looked for before the first NUL byte only, and an empty tag counts: `{}a` and `{}b` are one key. The option prefix is
 * not part of what is hashed. A `node` is the host string as it was given to RedisArray. The options `function` and `distributor`
 * are programs of the user, which nobody can foretell.
 */
import * as v from 'valibot';
import {hex32} from '../explain.js';
import {crc32} from '../hash/crc32.js';
import {folded, type HashFunction} from '../hash/hash.js';
import {otherPhpHashes, phpHashes} from '../hash/php.js';
import {flag} from '../options.js';
import {
  NO_OWNER,
  type Placement,
  type PlacementParts,
  placementFrom,
  type Scheme,
  type SchemeTraits,
} from '../placement.js';
import {labelled, md5Points, requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted, suggestion} from '../problems.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {find, ownRule} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** `consistent`: a ring, instead of equal ranges in the order of the hosts. */
    consistent: flag('Option consistent'),
    /** `algorithm`: a name of PHP's hash(). Absent: the CRC32 of zlib. */
    algorithm: v.exactOptional(v.string('Option algorithm must be a name of hash_algos() in PHP.')),
  },
  notThese('Scheme phpredis', ['consistent', 'algorithm', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const split: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'shifting', weights: 'ignored'};
const ring: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};

/** Labels of longer hosts overflow a buffer of 64 bytes, and what is hashed differs from process to process. */
const longestHost = 60;
const labelsPerHost = 40;
const top = 0xffff_ffff;

/** The register of the CRC before it is inverted: what phpredis hashes with. */
const register = folded({...crc32.fold, finish: (crc) => crc >>> 0});

export const phpredis: Scheme<Options> = {
  name: 'phpredis',
  summary: 'RedisArray of phpredis, consistent or not, with any algorithm; Symfony Cache over several hosts',
  movement: 'About as few keys as possible when consistent, else about half of the keys when one host is added.',
  options,
  tag: () => tag,
  emptyTag: 'empty',
  variants: [false, true].flatMap((consistent) => [
    {consistent},
    ...Object.keys(phpHashes).map((algorithm) => ({consistent, algorithm})),
  ]),
  nodeForms: [
    {form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`},
    {form: 'host', nodeOf: ({host}) => host},
  ],
  traits: ({consistent}) => (consistent ? ring : split),
  build(shards, {consistent, algorithm}, rule) {
    const problems = new Problems();
    judgeAlgorithm(algorithm, problems);
    if (consistent) judgeHosts(shards, problems);
    problems.refuse();
    const hash = (algorithm === undefined ? undefined : phpHashes[algorithm]) ?? register;
    const warnings = idleWeights('RedisArray has no weights', shards);
    if (algorithm !== undefined && hash === register)
      warnings.push(`PHP has no algorithm ${quoted(algorithm)}, so phpredis uses its CRC32.`);
    const hashName = hash === register ? '~crc32' : algorithm!;
    const parts = {scheme: 'phpredis', shards, tag: rule, warnings, hash, hashName};
    return consistent ? onRing(parts) : inRanges(parts);
  },
};

/** As C sees the key: up to its first NUL. */
const tag = ownRule('{}, phpredis', ['{', '}'], (bytes, start, end, range) => {
  const stop = find(bytes, 0x00, start, end);
  const from = find(bytes, 0x7b, start, stop);
  const to = find(bytes, 0x7d, Math.min(stop, from + 1), stop);
  if (to === stop) return;
  range[0] = from + 1;
  range[1] = to;
});

interface Parts extends Pick<PlacementParts, 'scheme' | 'shards' | 'tag' | 'warnings'> {
  readonly hash: HashFunction;
  readonly hashName: string;
}

function inRanges({hash, hashName, ...parts}: Parts): Placement {
  const {shards} = parts;
  const size = shards.length;
  const place = (value: number): number => Math.floor(((top - value) * size) / top);
  const ownerOfHash = (value: number): number => {
    const at = place(value);
    return at < size ? at : NO_OWNER;
  };
  return placementFrom({
    ...parts,
    traits: split,
    owner: (bytes, start, end) => ownerOfHash(hash(bytes, start, end)),
    byHash: {hash, ownerOfHash},
    facts: (hashed) => {
      const value = hash(hashed, 0, hashed.length);
      const at = ownerOfHash(value);
      const found = {label: 'hash', value: `${hashName} = ${hex32(value)}`};
      if (at === NO_OWNER)
        return [found, {label: 'unplaced', value: 'phpredis looks past its last host for this key, a bug of phpredis'}];
      const owner = `${at}, the place of ${quoted(shards[at]!.name)}`;
      return [found, {label: 'range', value: `(0xffffffff - hash) * ${size} / 0xffffffff = ${owner}`}];
    },
  });
}

function onRing({hash, hashName, ...parts}: Parts): Placement {
  const points = parts.shards.flatMap(({node}, owner) =>
    labelled(owner, labelsPerHost, (i) => md5Points(`${node}-${i}`)),
  );
  const continuum = new Ring(points, {search: 'at-or-after', ties: 'earlier'});
  return ringPlacement({...parts, traits: ring, ring: continuum, hash, hashName});
}

function judgeAlgorithm(algorithm: string | undefined, problems: Problems): void {
  if (algorithm === undefined || !otherPhpHashes.includes(algorithm)) return;
  problems.inOption(
    ['algorithm'],
    `Algorithm ${quoted(algorithm)} of PHP cannot be computed here.${suggestion(algorithm, Object.keys(phpHashes))}`,
  );
}

function judgeHosts(shards: Parts['shards'], problems: Problems): void {
  requireDistinctNodes(shards, problems);
  shards.forEach(({name, node}, index) => {
    if (Buffer.byteLength(node) > longestHost)
      problems.inShard(
        index,
        'node',
        `The node of shard ${quoted(name)} is longer than ${longestHost} bytes: phpredis places its keys differently in every process.`,
      );
  });
}
