/**
 * redis-rb's `Redis::Distributed`, which Rails' RedisCacheStore uses for several URLs: 160 points per node, a key belongs to the
 * last point at or before its CRC32. Points are CRC32 of `node:i` up to version 4, and the first four bytes of its MD5,
 * big-endian, from version 5 on.
 * Source: redis-rb lib/redis/hash_ring.rb, lib/redis/distributed.rb.
 *
 * A shard's `node` is the client's id of the node, `redis://10.0.0.1:6379/0`: how it is written depends on the versions of
 * redis-rb and redis-client. The tag is a regular expression of Ruby; the default one counts at the beginning of any line.
 */
import * as v from 'valibot';
import {crc32} from '../hash/crc32.js';
import {md5Digest} from '../hash/md5.js';
import {version} from '../options.js';
import {patternRule} from '../pattern.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {crc32Point, labelled, requireDistinctNodes} from '../points.js';
import {notThese, Problems} from '../problems.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {ownRule, type TagRule, wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** Major version of redis-rb: 5 stands for 5 and 6, 4 and 3 are equal. */
    version: version('Version', [5, 4, 3]),
    /** Option `tag:` of Redis::Distributed, as Ruby writes it between the slashes. Default: `^\{(.+?)\}`. */
    tag: v.exactOptional(v.string('Option tag must be a regular expression, in quotes.')),
  },
  notThese('Scheme redis-rb', ['version', 'tag', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal', weights: 'ignored'};
const pointsPerNode = 160;
const defaultTag = '^\\{(.+?)\\}';

export const redisRb: Scheme<Options> = {
  name: 'redis-rb',
  summary: 'Redis::Distributed of redis-rb, and with it the Rails cache store over several URLs',
  movement: 'About as few keys as possible.',
  options,
  tag: ({tag = defaultTag}) =>
    tag === defaultTag ? lineTag : (patternRule('tag', tag, 'ruby', new Problems()) ?? wholeKey),
  variants: [{}, {version: 4}, {tag: '\\{(.+?)\\}'}, {version: 4, tag: '\\{(.+?)\\}'}],
  nodeForms: [
    {form: 'redis://host:port', nodeOf: ({host, port}) => `redis://${host}:${port}`},
    {form: 'redis://host:port/0', nodeOf: ({host, port}) => `redis://${host}:${port}/0`},
    {form: 'rediss://host:port', nodeOf: ({host, port}) => `rediss://${host}:${port}`},
    {form: 'rediss://host:port/0', nodeOf: ({host, port}) => `rediss://${host}:${port}/0`},
  ],
  traits: () => traits,
  build(shards, given, tag) {
    const problems = new Problems();
    requireDistinctNodes(shards, problems);
    if (given.tag !== undefined) patternRule('tag', given.tag, 'ruby', problems);
    problems.refuse();
    const pointOf = (label: string): number =>
      given.version === 5 ? md5Digest(Buffer.from(label)).readUInt32BE(0) : crc32Point(label);
    const points = shards.flatMap(({node}, owner) => labelled(owner, pointsPerNode, (i) => [pointOf(`${node}:${i}`)]));
    const ring = new Ring(points, {search: 'at-or-before', ties: 'later'});
    const warnings = idleWeights('redis-rb has no weights', shards);
    return ringPlacement({scheme: 'redis-rb', shards, traits, tag, ring, hash: crc32, hashName: 'crc32', warnings});
  },
};

const open = 0x7b;
const close = 0x7d;
const lineFeed = 0x0a;

/** `^\{(.+?)\}` byte by byte: an opening brace at the beginning of a line, and at least one character before the closing one. */
const lineTag: TagRule = ownRule(`/${defaultTag}/`, ['{', '}'], (bytes, start, end, range) => {
  for (let at = start; at < end; at++) {
    if (bytes[at] === open) {
      let to = at + 1;
      while (to < end && bytes[to] !== lineFeed && (bytes[to] !== close || to === at + 1)) to++;
      if (to < end && bytes[to] === close) {
        range[0] = at + 1;
        range[1] = to;
        return;
      }
    }
    while (at < end && bytes[at] !== lineFeed) at++;
  }
});
