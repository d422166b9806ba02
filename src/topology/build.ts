/** From the file's entries to the `Topology` that everybody else reads: defaults applied, paths resolved. */
import {isAbsolute, resolve} from 'node:path';
import {readAddress} from './address.js';
import type {AuthEntry, InstanceEntry, TlsEntry, TopologyFile} from './schema.js';
import {
  type Address,
  type Auth,
  type Instance,
  isSocket,
  type PlacementSpec,
  type SecretSource,
  type Shard,
  type Tls,
  type Topology,
} from './types.js';

/** Only for a file that was found right. `folder` is where relative paths of the file start. */
export function buildTopology(file: TopologyFile, folder: string): Topology {
  const defaults = {auth: authOf(file.auth, null, folder), tls: tlsOf(file.tls, null, folder), folder};
  return {
    version: 1,
    name: file.name,
    auth: defaults.auth,
    replicationAuth: authOf(file.replicationAuth, defaults.auth, folder),
    placement: file.placement === undefined ? null : placementOf(file.placement),
    shards: file.shards.map((shard) => shardOf(shard, defaults)),
  };
}

interface Defaults {
  readonly auth: Auth | null;
  readonly tls: Tls | null;
  readonly folder: string;
}

function shardOf(shard: TopologyFile['shards'][number], defaults: Defaults): Shard {
  const master = instanceOf(shard.master, null, defaults);
  return {
    name: shard.name,
    node: shard.node ?? null,
    weight: shard.weight ?? 1,
    master,
    replicas: (shard.replicas ?? []).map((replica) => instanceOf(replica, master.address, defaults)),
    ...(shard.minReplicas === undefined ? {} : {minReplicas: minReplicasOf(shard.minReplicas)}),
  };
}

function minReplicasOf({toWrite, maxLagSeconds}: NonNullable<TopologyFile['shards'][number]['minReplicas']>) {
  return {toWrite, maxLagSeconds: maxLagSeconds ?? null};
}

/** `master` is what a replica without `of` follows; null for the master itself. */
function instanceOf(written: InstanceEntry, master: Address | null, defaults: Defaults): Instance {
  const entry = typeof written === 'string' ? {address: written} : written;
  const address = addressOf(entry.address);
  return {
    address,
    peer: entry.peer === undefined ? address : addressOf(entry.peer),
    announce: entry.announce === undefined ? null : addressOf(entry.announce),
    auth: authOf(entry.auth, defaults.auth, defaults.folder),
    // A server speaks TLS on its TLS port only.
    tls: isSocket(address) ? null : tlsOf(entry.tls, defaults.tls, defaults.folder),
    priority: entry.priority ?? null,
    of: entry.of === undefined ? master : addressOf(entry.of),
  };
}

function addressOf(text: string): Address {
  const reading = readAddress(text);
  if (!reading.ok) {
    throw new Error('an address passed the schema and cannot be read');
  }
  return reading.address;
}

/** `false` switches the default off. */
function authOf(entry: AuthEntry | undefined, fallback: Auth | null, folder: string): Auth | null {
  if (entry === undefined) {
    return fallback;
  }
  return entry === false ? null : {username: entry.username ?? null, password: secretOf(entry, folder)};
}

function secretOf(entry: Exclude<AuthEntry, false>, folder: string): SecretSource {
  if (entry.passwordEnv !== undefined) {
    return {from: 'env', name: entry.passwordEnv};
  }
  if (entry.passwordFile !== undefined) {
    return {from: 'file', path: pathOf(entry.passwordFile, folder)};
  }
  return {from: 'command', command: entry.passwordCommand ?? ''};
}

/** An instance's own `tls` replaces the default as a whole: nothing of the two is mixed. */
function tlsOf(entry: TlsEntry | undefined, fallback: Tls | null, folder: string): Tls | null {
  if (entry === undefined) {
    return fallback;
  }
  if (entry === false) {
    return null;
  }
  const path = (text: string | undefined) => (text === undefined ? null : pathOf(text, folder));
  return {ca: path(entry.ca), cert: path(entry.cert), key: path(entry.key), serverName: entry.serverName ?? null};
}

function pathOf(text: string, folder: string): string {
  return isAbsolute(text) ? text : resolve(folder, text);
}

function placementOf({scheme, hashTag, ...options}: NonNullable<TopologyFile['placement']>): PlacementSpec {
  return {scheme, hashTag: hashTag ?? null, options};
}
