/**
 * Which shard owns a key: the two contracts that every scheme fulfils. Pure; keys are bytes, never strings.
 */

/** What a scheme may know of a shard. Addresses are not among it: changing an address moves no key. */
export interface ShardIdentity {
  readonly name: string;
  /** `node` of the topology, else the name: the string that enters a ring. */
  readonly node: string;
  readonly weight: number;
}

/** Why a key is where it is, for `locate --explain`: every value that decided, in the order of the calculation. */
export interface Why {
  /** The bytes that were hashed, and the rule that chose them. */
  readonly hashed: Buffer;
  readonly tagRule: string;
  /** Short labelled facts: `hash` → `crc32 = 0x1f2e3d4c`, `slot` → `5649`, `point` → `0x1f30… of alpha`. */
  readonly facts: readonly {readonly label: string; readonly value: string}[];
}

/** A scheme bound to a list of shards. Total and deterministic: every byte string has exactly one owner. */
export interface Placement {
  readonly scheme: string;
  readonly shards: readonly ShardIdentity[];
  /** Index into `shards` of the owner of the key `bytes[start, end)`. The hot path: allocates nothing per key. */
  ownerIndex(bytes: Uint8Array, start: number, end: number): number;
  /** The owner of a whole key. */
  ownerOf(key: Uint8Array): ShardIdentity;
  explain(key: Uint8Array): Why;
  /** What the operator should know before trusting it (a hash that reaches one shard only, an address as identity). */
  readonly warnings: readonly string[];
}
