/** A placement that was tried, and how many of the sampled keys are where it says. */
export interface DetectCandidate {
  /** As the topology file would write it: `{scheme: twemproxy, hash: murmur}`. */
  readonly placement: Readonly<Record<string, unknown>>;
  /** How the client writes the nodes, `host:port`; null: as the topology has them. */
  readonly nodes: string | null;
  readonly order: 'file' | 'name' | 'address';
  readonly share: number;
}

/** What `rtopo verify --detect` found. */
export interface DetectReport {
  /**
   * `declared`: the topology's own placement fits. `other`: another one does. `none`: none of them. `too-few`: there are too few
   * keys, or all on one shard, so that nothing can be told.
   */
  readonly verdict: 'declared' | 'other' | 'none' | 'too-few';
  readonly keys: number;
  readonly tried: number;
  /** Share of the keys that are where the declared placement says; null without a placement that can be built. */
  readonly declared: number | null;
  /** The best one; null when no key was there to be judged. */
  readonly winner: DetectCandidate | null;
  /** Others that explain exactly as many of these keys: more keys may tell them apart. */
  readonly equals: readonly DetectCandidate[];
  /** The next best. */
  readonly runnersUp: readonly DetectCandidate[];
}
