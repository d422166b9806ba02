/**
 * The declared state: what `rtopo.yml` says, after it was parsed and found consistent.
 * Nothing here was asked of a server.
 */

/** Where a server is dialled: `host:port`, IPv6 hosts in brackets when written out. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where a secret comes from. The secret itself is never part of a topology. */
export type SecretSource =
  | {readonly from: 'env'; readonly name: string}
  | {readonly from: 'file'; readonly path: string}
  | {readonly from: 'command'; readonly command: string};

/** A login: to the default user when `username` is null. */
export interface Auth {
  readonly username: string | null;
  readonly password: SecretSource;
}

/** Presence means TLS. Paths are absolute, or relative to the topology file and already resolved. */
export interface Tls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** Name that the certificate must carry; also sent as SNI. Null: the host dialled, when it is a name. */
  readonly serverName: string | null;
}

/** One server process, as declared. */
export interface Instance {
  /** What rtopo dials, and the name by which people call it (`addressText`). */
  readonly address: Address;
  /** What other servers dial to reach it (REPLICAOF); equal to `address` unless declared. */
  readonly peer: Address;
  /** What it announces to its master and Sentinels, when declared. */
  readonly announce: Address | null;
  /** Login of rtopo to this instance, defaults applied; null: no login. */
  readonly auth: Auth | null;
  /** TLS to this instance, defaults applied; null: plain TCP. */
  readonly tls: Tls | null;
  /** replica-priority, when declared; 0 is never promoted. */
  readonly priority: number | null;
  /** The declared parent's `address`; null for the shard's master. */
  readonly of: Address | null;
}

/** What a master needs to take writes: so many replicas whose acknowledgements are at most so old. */
export interface MinReplicas {
  readonly toWrite: number;
  /** Null: as the server has it. */
  readonly maxLagSeconds: number | null;
}

/** A master with its replicas; holds one partition of the keys. */
export interface Shard {
  /** Identity in the placement and in every message. */
  readonly name: string;
  /** The string by which the client knows the shard, when it is not the name. */
  readonly node: string | null;
  /** Relative share of the keys; 1 unless declared. */
  readonly weight: number;
  readonly master: Instance;
  /** In the order of the file; parents before or after their children. */
  readonly replicas: readonly Instance[];
  /** min-replicas-to-write and min-replicas-max-lag of whoever is the master, when declared. */
  readonly minReplicas?: MinReplicas;
}

/** The placement as declared: names and raw options, judged by the scheme itself. */
export interface PlacementSpec {
  readonly scheme: string;
  /** Two characters, `redis-cluster`, `none`, or null for the scheme's own default. */
  readonly hashTag: string | null;
  /** All other keys of the mapping, as read from the file. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Topology {
  readonly version: 1;
  readonly name: string;
  readonly auth: Auth | null;
  /** How replicas log in to their master; already defaulted to `auth`. */
  readonly replicationAuth: Auth | null;
  readonly placement: PlacementSpec | null;
  readonly shards: readonly Shard[];
}

/** `host:port`; IPv6 hosts in brackets; `unix:` before the path of a socket. */
export function addressText(address: Address): string {
  if (isSocket(address)) return `unix:${address.host}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The path of a Unix socket stands where a host would, with port 0: other servers cannot dial it. */
export function isSocket({host}: Pick<Address, 'host'>): boolean {
  return host.startsWith('/');
}

/** How `redis-cli` is told where to go. */
export function dialFlags(address: Address): string {
  return isSocket(address) ? `-s ${address.host}` : `-h ${address.host} -p ${address.port}`;
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host === b.host;
}

/** The shard's instances, master first. */
export function instancesOf(shard: Shard): readonly Instance[] {
  return [shard.master, ...shard.replicas];
}

/** Every declared instance with its shard, in the order of the file. */
export function allInstances(topology: Topology): readonly {readonly shard: Shard; readonly instance: Instance}[] {
  return topology.shards.flatMap((shard) => instancesOf(shard).map((instance) => ({shard, instance})));
}
