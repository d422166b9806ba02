/**
 * Credis_Cluster up to 1.16 (PHP, common with Magento): points and keys are the first seven hexadecimal digits of an MD5, `replicas`
 * counts inclusively, and the owner is whatever point the binary search looked at last, be it before or after the key.
 * Source: colinmollenhour/credis Cluster.php, hash() and __construct(). From 1.17 on it uses RedisCluster: scheme slots.
 *
 * A shard's `node` is `host:port`.
 */
import * as v from 'valibot';
import {md5Wide} from '../hash/md5.js';
import {wholeNumber} from '../options.js';
import {placementFrom, type Scheme, type SchemeTraits} from '../placement.js';
import {requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted} from '../problems.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** Points per server, less one. */
    replicas: wholeNumber('Option replicas', 128, [1, 10_000]),
  },
  notThese('Scheme credis', ['replicas', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'shifting', weights: 'ignored'};

export const credis: Scheme<v.InferOutput<typeof options>> = {
  name: 'credis',
  summary: 'Credis_Cluster up to 1.16, as Magento used it',
  movement:
    'More than the minimum: with every new point the search ends elsewhere, and keys move between old shards too.',
  options,
  tag: () => wholeKey,
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => `${host}:${port}`}],
  traits: () => traits,
  build(shards, {replicas}, tag) {
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    problems.refuse();
    const byPoint = new Map<number, number>();
    for (const [owner, {node}] of shards.entries())
      for (let i = 0; i <= replicas; i++) {
        const label = Buffer.from(`${node}-${i}`);
        byPoint.set(hash28(label, 0, label.length), owner);
      }
    const points = Uint32Array.from(byPoint.keys()).sort();
    const owners = Uint32Array.from(points, (point) => byPoint.get(point)!);
    const probe = (hash: number): number => lastProbed(points, hash);
    return placementFrom({
      ...{scheme: 'credis', shards, traits, tag},
      owner: (bytes, start, end) => owners[probe(hash28(bytes, start, end))]!,
      byHash: {hash: hash28, ownerOfHash: (hash) => owners[probe(hash)]!},
      facts: (hashed) => {
        const value = hash28(hashed, 0, hashed.length);
        const at = probe(value);
        const point = `0x${points[at]!.toString(16).padStart(7, '0')}`;
        return [
          {label: 'hash', value: `md5, 28 bits = 0x${value.toString(16).padStart(7, '0')}`},
          {label: 'point', value: `${point} of ${quoted(shards[owners[at]!]!.node)}, the last one looked at`},
        ];
      },
      warnings: idleWeights('Credis has no weights', shards),
    });
  },
};

const words = new Uint32Array(4);

/** hexdec(substr(md5($key), 0, 7)) */
function hash28(bytes: Uint8Array, start: number, end: number): number {
  md5Wide(bytes, start, end, words);
  return words[0]! >>> 4;
}

/** Index of the point at which Credis' binary search ends, or finds the hash. */
function lastProbed(points: Uint32Array, hash: number): number {
  let low = 0;
  let high = points.length - 1;
  let at = 0;
  while (low <= high) {
    at = (low + high) >>> 1;
    const point = points[at]!;
    if (hash < point) high = at - 1;
    else if (hash > point) low = at + 1;
    else break;
  }
  return at;
}
