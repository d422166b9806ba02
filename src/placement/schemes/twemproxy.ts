/**
 * Twemproxy (nutcracker) 0.2.4 to 0.5.0: `distribution: ketama` is the ring of ketama-ring.ts, `modula` a list of the servers,
 * each as often as its weight says. Both keep the servers sorted by length of label, then by bytes: the order of the file does
 * not matter.
 * Source: twemproxy src/hashkit/nc_ketama.c, nc_modula.c, src/nc_server.c and nc_conf.c.
 *
 * A shard's `node` is twemproxy's label: the name of the server line; without one `host:port` as written, the host alone when
 * the port is 11211, and for a unix socket its path with a colon behind it.
 */
import * as v from 'valibot';
import type {HashFunction} from '../hash/hash.js';
import {type TwemproxyHash, twemproxyHashes} from '../hash/hashes.js';
import {onlyOne, refuseUnfit, twemproxyKetama, twemproxyOrder} from '../ketama-ring.js';
import {choice} from '../options.js';
import type {Scheme, SchemeTraits} from '../placement.js';
import {notThese} from '../problems.js';
import {remainderPlacement, weightedList} from '../remainder.js';
import {wholeKey} from '../tag.js';

/** Twemproxy's default first. */
export const hashNames = ['fnv1a_64', ...Object.keys(twemproxyHashes).filter((name) => name !== 'fnv1a_64')] as [
  TwemproxyHash,
  ...TwemproxyHash[],
];
export const chars = ['signed', 'unsigned'] as const;
const distributions = ['ketama', 'modula'] as const;

const options = v.strictObject(
  {
    /** `distribution` of the pool. `random` has no answer. */
    distribution: choice('Distribution', distributions),
    /** `hash` of the pool. */
    hash: choice('Hash', hashNames),
    /** How the machine of twemproxy reads a byte: `signed` on x86, `unsigned` on ARM Linux. */
    char: choice('Char', chars),
  },
  notThese('Scheme twemproxy', ['distribution', 'hash', 'char', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const ring: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};
const list: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'reshuffling'};

export const twemproxy: Scheme<Options> = {
  name: 'twemproxy',
  summary: 'twemproxy (nutcracker): distribution ketama or modula, its twelve hashes',
  movement: 'With ketama about as few keys as possible, with modula nearly all.',
  options,
  tag: () => wholeKey,
  variants: distributions.flatMap((distribution) => hashNames.map((hash) => ({distribution, hash}))),
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => (port === 11211 ? host : `${host}:${port}`)}],
  traits: ({distribution}) => (distribution === 'ketama' ? ring : list),
  build(shards, given, tag) {
    const parts = {scheme: 'twemproxy', shards, traits: twemproxy.traits(given), tag};
    if (given.distribution === 'ketama') return twemproxyKetama(parts, given);
    refuseUnfit('twemproxy', shards);
    if (shards.length === 1) return onlyOne(parts);
    const hash = twemproxyHashes[given.hash][given.char];
    const keyHash: HashFunction = (bytes, start, end) => (start === end ? 0 : hash(bytes, start, end));
    const owners = weightedList('twemproxy', twemproxyOrder(shards));
    return remainderPlacement({...parts, owners, keyHash, byHash: hash, hashName: given.hash});
  },
};
