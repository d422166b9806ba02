import type {Unreachable} from './replicate.js';

/** One instance that was found, as it will stand in the topology. */
export interface DiscoveredInstance {
  readonly address: string;
  /** What its replicas dial, where that is another name. */
  readonly peer?: string;
  /** What its master lists it as, where that is another name. */
  readonly announce?: string;
  /** The parent by its address in the topology; absent on a master. */
  readonly of?: string;
  readonly version: string;
  readonly server: 'redis' | 'valkey';
  readonly keys: number | null;
  /** Further addresses that led to the same process. */
  readonly alsoAt: readonly string[];
}

export interface DiscoveredShard {
  readonly name: string;
  /** Master first, parents before their children. */
  readonly instances: readonly DiscoveredInstance[];
}

/** An address that a server named and that was not dialled. Untrusted text, already escaped. */
export interface Announced {
  readonly address: string;
  /** Who named it. */
  readonly by: string;
  readonly as: 'master' | 'replica';
  /**
   * `not-confirmed`: neither named nor under --follow. `not-an-address`: no host has it. `forged`: whoever named it was made to print
   * injected text. `limit`: more than --limit.
   */
  readonly why: 'not-confirmed' | 'not-an-address' | 'forged' | 'limit';
}

/** An instance that answers and has no place in a topology of rtopo. */
export interface Homeless {
  readonly address: string;
  readonly code: 'MASTER_NOT_FOUND' | 'RING' | 'CLUSTER_ENABLED' | 'NOT_A_SERVER';
  readonly message: string;
}

/** What `rtopo discover` found. */
export interface DiscoverReport {
  /** The text of the file; null when there is no shard to write. */
  readonly topology: string | null;
  /** Where it was written; null: to standard output. */
  readonly output: string | null;
  readonly dialled: number;
  readonly shards: readonly DiscoveredShard[];
  readonly homeless: readonly Homeless[];
  readonly announced: readonly Announced[];
  /** Announcements beyond those that are listed. */
  readonly announcedMore: number;
  readonly unreachable: readonly Unreachable[];
}

/** A sentence for a person, on the screen and in the file. */
export function announcement({address, by, as, why}: Announced): string {
  return `${by} names ${address} as its ${as}, which was not asked: ${REASONS[why]}`;
}

const REASONS: Readonly<Record<Announced['why'], string>> = {
  'not-confirmed': 'it was not confirmed',
  'not-an-address': 'no host has such an address',
  forged: 'text was injected into what that server says',
  limit: 'there are more than --limit',
};
