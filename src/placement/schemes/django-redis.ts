/**
 * django-redis' ShardClient: 128 points per server, a key belongs to the last point at or before its SHA-256, compared as
 * hexadecimal text, which is the order of the numbers.
 * Source: django-redis django_redis/hash_ring.py, django_redis/client/sharded.py.
 *
 * A shard's `node` is the LOCATION string as configured, with the password in it if there is one: a new password moves keys. The key
 * is the final one, `prefix:version:key`.
 */
import * as v from 'valibot';
import {opensslDigest} from '../hash/openssl.js';
import {wholeNumber} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {greedyTag} from '../python-tag.js';
import {WideRing} from '../ring.js';
import {wideRingPlacement} from '../ring-placement.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** `replicas` of HashRing; ShardClient leaves it at 128. */
    replicas: wholeNumber('Option replicas', 128, [1, 10_000]),
  },
  notThese('Scheme django-redis', ['replicas', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};
const width = 8;
const sha256 = opensslDigest('sha256', width);

export const djangoRedis: Scheme<v.InferOutput<typeof options>> = {
  name: 'django-redis',
  summary: 'ShardClient of django-redis',
  movement: 'About as few keys as possible.',
  options,
  tag: () => greedyTag,
  emptyTag: 'empty',
  nodeForms: [
    {form: 'redis://host:port/0', nodeOf: ({host, port}) => `redis://${host}:${port}/0`},
    {form: 'redis://host:port/1', nodeOf: ({host, port}) => `redis://${host}:${port}/1`},
    {form: 'redis://host:port', nodeOf: ({host, port}) => `redis://${host}:${port}`},
  ],
  traits: () => traits,
  build(shards, {replicas}, tag) {
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    problems.refuse();
    const points = shards.flatMap(({node}, owner) =>
      Array.from({length: replicas}, (_, i) => {
        const label = Buffer.from(`${node}:${i}`);
        const point = new Uint32Array(width);
        sha256(label, 0, label.length, point);
        return {point, owner};
      }),
    );
    const ring = new WideRing(points, width, {search: 'at-or-before', ties: 'later'});
    const warnings = idleWeights('django-redis has no weights', shards);
    return wideRingPlacement({
      ...{scheme: 'django-redis', shards, traits, tag, warnings},
      ...{ring, hash: sha256, hashName: 'sha256'},
    });
  },
};
