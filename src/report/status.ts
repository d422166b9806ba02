import type {Finding} from './finding.js';

/** Progress of a synchronisation; null where the server does not know. */
export interface SyncProgress {
  readonly phase: 'waiting' | 'transfer' | 'loading';
  readonly percent: number | null;
  readonly etaSeconds: number | null;
  /** Of the snapshot; the total is unknown while a diskless master sends it. */
  readonly readBytes?: number | null;
  readonly totalBytes?: number | null;
}

/**
 * The life of a link, in its order. `connect`: between two attempts. `connecting`: no answer to the dial yet. `handshake`: login and
 * capabilities. `waiting`: for the snapshot to begin. `online`: the stream of writes is followed. `down`: none of these.
 */
export type LinkState = 'down' | 'connect' | 'connecting' | 'handshake' | 'waiting' | 'transfer' | 'loading' | 'online';

/** One instance, as `status` reports it. Unknown values are null, never 0. */
export interface InstanceStatus {
  readonly address: string;
  readonly role: 'master' | 'replica' | 'unknown';
  readonly reachable: boolean;
  readonly version: string | null;
  readonly server: 'redis' | 'valkey' | null;
  readonly runId: string | null;
  readonly offset: number | null;
  readonly keys: number | null;
  /** Live parent; absent on a master. Shown only: never dialled. */
  readonly of?: string | null;
  /** Declared parent; absent on a declared master. */
  readonly expectedOf?: string;
  readonly link?: 'up' | 'down' | 'connecting' | 'syncing' | null;
  /** The same in full, merged from both ends of the link. */
  readonly linkState?: LinkState | null;
  readonly lagBytes?: number | null;
  /** By the rate at which its root has written between two samples; null where that is not known. */
  readonly lagSeconds?: number | null;
  /** Part of the parent's backlog that the lag takes up, 0 to 1: above 1 the next interruption costs a full resync. */
  readonly backlogShare?: number | null;
  readonly ackSeconds?: number | null;
  /** How long the link has been in its state. */
  readonly linkSeconds?: number | null;
  readonly sync?: SyncProgress | null;
  readonly problems: readonly string[];
}

export interface ShardStatus {
  readonly name: string;
  readonly healthy: boolean;
  readonly instances: readonly InstanceStatus[];
}

/** What `rtopo status` found. `sampledMs` is the time from the first question to the last answer, in milliseconds. */
export interface StatusReport {
  readonly topology: string;
  readonly healthy: boolean;
  readonly sampledMs: number;
  /** When the last answer came, ISO 8601 in UTC; a stream of samples is told apart by it. */
  readonly sampledAt?: string;
  readonly shards: readonly ShardStatus[];
  readonly problems: readonly Finding[];
}
