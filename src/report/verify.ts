/** A key that is not where the placement puts it, or that is there twice. */
export interface VerifyExample {
  readonly kind: 'misplaced' | 'duplicate';
  /** Escaped for a terminal; exact bytes in `keyBase64`. */
  readonly key: string;
  readonly keyBase64: string;
  readonly db: number;
  readonly foundOn: string;
  readonly owner: string;
}

export interface ShardVerify {
  readonly name: string;
  readonly keys: number;
  /** Share of the keys by weight; null for a server that owns none. */
  readonly expectedShare: number | null;
  readonly share: number;
  readonly misplaced: number;
}

/** What `rtopo verify` found: every key on its owner, once. */
export interface VerifyReport {
  /** How many were judged. */
  readonly keys: number;
  /** How many there are, when only a sample of them was judged; null when it was all. */
  readonly sampledOf: number | null;
  /** Copies of keys on servers that do not own them; duplicates included. */
  readonly misplaced: number;
  /** Misplaced copies whose owner holds the name as well. */
  readonly duplicates: number;
  /** Keys that the clients of the scheme place nowhere: `locate --explain` says why. */
  readonly unplaced: number;
  readonly shards: readonly ShardVerify[];
  readonly examples: readonly VerifyExample[];
}
