/** Topologies as the tests of placement need them: names, nodes, weights, and a placement. */
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import type {Placement} from '../../src/placement/placement.js';
import {placementOf} from '../../src/placement/schemes.js';
import type {Topology} from '../../src/topology/types.js';

export interface ShardSketch {
  readonly name: string;
  readonly node?: string;
  readonly weight?: number;
  readonly port?: number;
}

/** As in the file: `scheme`, `hashTag` and the scheme's own options in one mapping; null for no placement. */
export type PlacementSketch = Readonly<Record<string, unknown>> | null;

export function topologyWith(placement: PlacementSketch, shards: readonly (string | ShardSketch)[]): Topology {
  const {scheme, hashTag, ...options} = placement ?? {};
  const spec = {scheme: String(scheme), hashTag: (hashTag as string | undefined) ?? null, options};
  return {
    version: 1,
    name: 'test',
    auth: null,
    replicationAuth: null,
    placement: placement === null ? null : spec,
    shards: shards.map((sketch, index) => {
      const {name, node = null, weight = 1, port = 6379 + index} = typeof sketch === 'string' ? {name: sketch} : sketch;
      const address = {host: '127.0.0.1', port};
      const master = {address, peer: address, announce: null, auth: null, tls: null, priority: null, of: null};
      return {name, node, weight, master, replicas: []};
    }),
  };
}

export function placed(placement: PlacementSketch, shards: readonly (string | ShardSketch)[]): Placement {
  return placementOf(topologyWith(placement, shards));
}

/** Name of the owner of a key given as text (UTF-8) or as bytes. */
export function ownerName(placement: Placement, key: string | Uint8Array): string {
  return placement.ownerOf(typeof key === 'string' ? Buffer.from(key) : key).name;
}

/** The refusal of a placement: its code and exit are checked here. */
export function refusalOf(placement: PlacementSketch, shards: readonly (string | ShardSketch)[]) {
  try {
    placed(placement, shards);
  } catch (error) {
    assert.instance(error, RtopoError);
    const {code, exit, message, remedy, details} = error as RtopoError;
    assert.is(code, 'PLACEMENT_INVALID');
    assert.is(exit, 78);
    const {path, problems} = details as {path: unknown; problems: {message: string; path: (string | number)[]}[]};
    assert.equal(path, problems[0]!.path);
    assert.is(message, problems.map((problem) => problem.message).join(' '));
    return {message, remedy, problems, paths: problems.map((problem) => problem.path.join('.'))};
  }
  throw new Error('the placement was accepted');
}
