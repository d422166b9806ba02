/** Pure: what asking further brought, where something was wrong. What could not be asked is null or absent, and nothing is concluded from it. */

/** One link that is not up, seen from the side of whoever might be let in. */
export interface LinkProbe {
  /** Does the parent let in somebody without a login? */
  readonly open: boolean | null;
  /** The login that replicas are declared to use, tried at the declared address of the parent; null: none is declared, or it did not get that far. */
  readonly login: TriedLogin | null;
  /** What the replica is set to use. */
  readonly own: OwnLogin;
  /** Does the parent answer only its own host, for want of a password? */
  readonly protectedMode: boolean | null;
  /** Error replies that the parent gave to others while it was watched. */
  readonly knocks: {readonly code: string; readonly count: number} | null;
}

export interface TriedLogin {
  readonly user: string;
  /** Why the parent did not let rtopo in with it: code and sentence. */
  readonly fault: {readonly code: string; readonly message: string} | null;
  /** A command of replication that this user may not run there. */
  readonly denied: string | null;
}

export interface OwnLogin {
  readonly user: string | null;
  /** Compared on this side, and never shown. */
  readonly password: 'none' | 'declared' | 'another' | null;
  readonly tls: boolean | null;
  readonly servesStale: boolean | null;
}

export interface Probes {
  /** By the declared address of the replica. */
  readonly links: ReadonlyMap<string, LinkProbe>;
  /** By the address of a root: bytes that were written there in a second, between two samples. */
  readonly writeRates: ReadonlyMap<string, number>;
  /** By address: how the Sentinels that are attached there call themselves. */
  readonly sentinels: ReadonlyMap<string, readonly string[]>;
  /** Addresses of servers that know neither REPLICAOF nor SLAVEOF. */
  readonly disobedient: ReadonlySet<string>;
}

export const NOTHING_PROBED: Probes = {
  links: new Map(),
  writeRates: new Map(),
  sentinels: new Map(),
  disobedient: new Set(),
};
