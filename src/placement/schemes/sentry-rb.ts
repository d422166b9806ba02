/**
 * Sentry's rb for Python. PartitionRouter: signed CRC32 modulo the number of hosts, by host id. ConsistentHashingRouter: a
 * ketama ring of 40 labels per host with `-salt` behind each, a key belongs to the first point strictly after its hash.
 * Source: getsentry/rb rb/router.py, rb/ketama.py.
 *
 * The consistent ring knows a host by the repr() of its HostInfo, which is what `node` must be: it holds database, host, port
 * and password, so a new password moves keys.
 */
import * as v from 'valibot';
import {crc32} from '../hash/crc32.js';
import {md5} from '../hash/md5.js';
import {choice} from '../options.js';
import {placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from '../placement.js';
import {labelled, md5Points, requireDistinctNodes} from '../points.js';
import {notThese, Problems, quoted} from '../problems.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** PartitionRouter or ConsistentHashingRouter. */
    router: choice('Router', ['partition', 'consistent']),
  },
  notThese('Scheme sentry-rb', ['router', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const partition: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'reshuffling', weights: 'ignored'};
const consistent: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};
const labelsPerHost = 40;

export const sentryRb: Scheme<Options> = {
  name: 'sentry-rb',
  summary: 'rb of Sentry for Python: PartitionRouter or ConsistentHashingRouter',
  movement: 'With partition nearly all keys, with consistent about as few as possible.',
  options,
  tag: () => wholeKey,
  variants: [{}, {router: 'consistent'}],
  nodeForms: [
    {
      form: '<HostInfo …>',
      // The host id is the place, which an address does not know: only a single host can be guessed.
      nodeOf: ({host, port}) =>
        `<HostInfo db=0 host='${host}' host_id=0 password=None port=${port} ssl=False ssl_options=None unix_socket_path=None>`,
    },
  ],
  traits: ({router}) => (router === 'partition' ? partition : consistent),
  build(shards, {router}, tag) {
    const warnings = idleWeights('rb has no weights', shards);
    return router === 'partition' ? partitioned(shards, tag, warnings) : onRing(shards, tag, warnings);
  },
};

type Tag = Parameters<Scheme['build']>[2];

function partitioned(shards: readonly ShardIdentity[], tag: Tag, warnings: string[]) {
  const size = shards.length;
  /** Python's modulo: never negative. */
  const ownerOfHash = (hash: number): number => ((((hash | 0) % size) + size) % size) | 0;
  return placementFrom({
    ...{scheme: 'sentry-rb', shards, traits: partition, tag, warnings},
    owner: (bytes, start, end) => ownerOfHash(crc32(bytes, start, end)),
    byHash: {hash: crc32, ownerOfHash},
    facts: (hashed) => {
      const value = crc32(hashed, 0, hashed.length) | 0;
      const at = ownerOfHash(value);
      return [
        {label: 'hash', value: `crc32, signed = ${value}`},
        {label: 'remainder', value: `${value} % ${size} = ${at}, the place of ${quoted(shards[at]!.name)}`},
      ];
    },
  });
}

function onRing(shards: readonly ShardIdentity[], tag: Tag, warnings: string[]) {
  const problems = new Problems();
  requireDistinctNodes(shards, problems);
  problems.refuse();
  const points = shards.flatMap(({node}, owner) =>
    labelled(owner, labelsPerHost, (i) => md5Points(`${node}-${i}-salt`)),
  );
  const ring = new Ring(points, {search: 'after', ties: 'earlier'});
  return ringPlacement({
    ...{scheme: 'sentry-rb', shards, traits: consistent, tag, warnings},
    ...{ring, hash: md5, hashName: 'md5'},
  });
}
