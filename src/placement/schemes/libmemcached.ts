/**
 * libmemcached's distributions. `weighted` (MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED) is the ring of ketama-ring.ts with MD5 as hash of the
 * key, `ketama` (MEMCACHED_BEHAVIOR_KETAMA, MEMCACHED_DISTRIBUTION_CONSISTENT) hashes keys with one_at_a_time and, while no
 * server weighs more than 1, has 100 points of that hash per server; `modula` is hash % n without weights.
 * Source: libmemcached libmemcached/hosts.cc, update_continuum; libhashkit/function.cc.
 *
 * A shard's `node` is `host:port`, the host alone when the port is 11211.
 */
import * as v from 'valibot';
import {plainHashes} from '../hash/hashes.js';
import {md5} from '../hash/md5.js';
import {ketamaRing, refuseUnfit} from '../ketama-ring.js';
import {choice} from '../options.js';
import type {Placement, PlacementParts, Scheme, SchemeTraits, ShardIdentity} from '../placement.js';
import {labelled, pointless} from '../points.js';
import {notThese} from '../problems.js';
import {remainderPlacement} from '../remainder.js';
import {Ring} from '../ring.js';
import {ringPlacement} from '../ring-placement.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';
import {chars} from './twemproxy.js';

const modes = ['weighted', 'ketama', 'modula'] as const;

const options = v.strictObject(
  {
    mode: choice('Mode', modes),
    /** MEMCACHED_BEHAVIOR_HASH, for modula: libmemcached's default is one_at_a_time. */
    hash: choice('Hash', ['one_at_a_time', 'md5', 'crc32', 'fnv1_32', 'fnv1a_32']),
    /** How the machine of the client reads a byte. */
    char: choice('Char', chars),
  },
  notThese('Scheme libmemcached', ['mode', 'hash', 'char', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const ring: SchemeTraits = {identity: 'node', assignedBy: null, movement: 'minimal'};
const list: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'reshuffling', weights: 'ignored'};
const pointsPerServer = 100;

export const libmemcached: Scheme<Options> = {
  name: 'libmemcached',
  summary: 'the ketama rings of libmemcached, and its modula',
  movement: 'On a ring about as few keys as possible, with modula nearly all.',
  options,
  tag: () => wholeKey,
  variants: [{}, {mode: 'ketama'}, {mode: 'modula'}, {mode: 'modula', hash: 'md5'}],
  nodeForms: [{form: 'host:port', nodeOf: ({host, port}) => (port === 11211 ? host : `${host}:${port}`)}],
  traits: ({mode}) => (mode === 'modula' ? list : ring),
  build(shards, given, tag) {
    refuseUnfit('libmemcached', shards);
    const parts = {scheme: 'libmemcached', shards, traits: libmemcached.traits(given), tag};
    switch (given.mode) {
      case 'weighted':
        return weighted(parts);
      case 'ketama':
        return consistent(parts, given);
      case 'modula':
        return modula(parts, given);
    }
  },
};

type Parts = Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag'>;

/** In the order in which the servers were added, which decides where points are equal only. */
function placed(shards: readonly ShardIdentity[]) {
  return shards.map((shard, owner) => ({...shard, owner}));
}

function weighted(parts: Parts): Placement {
  const continuum = ketamaRing(placed(parts.shards));
  const warnings = pointless(parts.shards, continuum.owners);
  return ringPlacement({...parts, ring: continuum, hash: md5, hashName: 'md5', warnings});
}

function consistent(parts: Parts, {char}: Options): Placement {
  const hash = plainHashes.one_at_a_time[char];
  const continuum = parts.shards.some(({weight}) => weight > 1)
    ? ketamaRing(placed(parts.shards))
    : new Ring(
        parts.shards.flatMap(({node}, owner) =>
          labelled(owner, pointsPerServer, (i) => {
            const label = Buffer.from(`${node}-${i}`);
            return [hash(label, 0, label.length)];
          }),
        ),
      );
  return ringPlacement({...parts, ring: continuum, hash, hashName: 'one_at_a_time'});
}

function modula(parts: Parts, {hash, char}: Options): Placement {
  const keyHash = plainHashes[hash][char];
  const owners = Uint32Array.from(parts.shards.keys());
  const warnings = idleWeights('modula has no weights', parts.shards);
  return remainderPlacement({...parts, owners, keyHash, byHash: keyHash, hashName: hash, warnings});
}
