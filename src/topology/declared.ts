/**
 * The instances of a file as far as they can be made out, for the checks that need more than one place: a file with
 * one mistake in it is still searched for all the others.
 */
import {readAddress} from './address.js';
import type {Path} from './problems.js';
import type {Address} from './types.js';

/** An address with the place where it is written. */
export interface Written {
  readonly address: Address;
  readonly path: Path;
}

export interface DeclaredInstance {
  readonly path: Path;
  readonly address: Written | null;
  readonly peer: Written | null;
  readonly announce: Written | null;
  /** As written; whether an unreadable `of` stands there is the schema's business. */
  readonly of: Written | null;
  readonly isMaster: boolean;
}

export interface DeclaredShard {
  readonly path: Path;
  readonly name: string | null;
  readonly node: string | null;
  readonly instances: readonly DeclaredInstance[];
}

export function declaredShards(file: unknown): readonly DeclaredShard[] {
  const shards = field(file, 'shards');
  if (!Array.isArray(shards)) {
    return [];
  }
  return shards.map((shard: unknown, i): DeclaredShard => {
    const path: Path = ['shards', i];
    const replicas = field(shard, 'replicas');
    const instances = Array.isArray(replicas)
      ? replicas.map((replica: unknown, j) => declaredInstance(replica, [...path, 'replicas', j], false))
      : [];
    return {
      path,
      name: text(field(shard, 'name')),
      node: text(field(shard, 'node')),
      instances: [declaredInstance(field(shard, 'master'), [...path, 'master'], true), ...instances],
    };
  });
}

function declaredInstance(entry: unknown, path: Path, isMaster: boolean): DeclaredInstance {
  return {
    path,
    address: typeof entry === 'string' ? written(entry, path) : written(field(entry, 'address'), [...path, 'address']),
    peer: written(field(entry, 'peer'), [...path, 'peer']),
    announce: written(field(entry, 'announce'), [...path, 'announce']),
    of: isMaster ? null : written(field(entry, 'of'), [...path, 'of']),
    isMaster,
  };
}

function written(value: unknown, path: Path): Written | null {
  const reading = typeof value === 'string' ? readAddress(value) : null;
  return reading?.ok ? {address: reading.address, path} : null;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
