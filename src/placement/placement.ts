/**
 * Which shard owns a key: the two contracts that every scheme fulfils. Pure; keys are bytes, never strings.
 */
import type * as v from 'valibot';
import {ExitCode, RtopoError} from '../errors.js';
import {quotedBytes} from './explain.js';
import {type Fold, foldOf, type HashFunction} from './hash/hash.js';
import type {EmptyTag, TagRule} from './tag.js';

/** What a scheme may know of a shard. Addresses are not among it: changing an address moves no key. */
export interface ShardIdentity {
  readonly name: string;
  /** `node` of the topology, else the name: the string that enters a ring. */
  readonly node: string;
  /** In a placement 1 for every shard, where the client has no weights. */
  readonly weight: number;
}

/** Why a key is where it is, for `locate --explain`: every value that decided, in the order of the calculation. */
export interface Why {
  /** The bytes that were hashed, and the rule that chose them. */
  readonly hashed: Buffer;
  readonly tagRule: string;
  /** Short labelled facts: `hash` → `crc32 = 0x1f2e3d4c`, `slot` → `5649`, `point` → `0x1f30… of alpha`. */
  readonly facts: readonly Fact[];
}

/**
 * A decision that takes the bytes of a key one after another: for a key that is not empty and does not hold `opener` (null:
 * whatever it holds), the owner is `ownerOfHash(fold.finish(…))`. All other keys need `ownerIndex`.
 */
export interface FoldedPlacement {
  readonly fold: Fold;
  readonly opener: number | null;
  ownerOfHash(hash: number): number;
}

/** What `ownerIndex` answers for a key that the client itself places nowhere: by a bug, or because it refuses the key. */
export const NO_OWNER = -1;

/** One value that decided. `value` is safe for a terminal. */
export interface Fact {
  readonly label: string;
  readonly value: string;
}

/**
 * A scheme bound to a list of shards. Deterministic, and total but for the keys that the client itself cannot place: those
 * have no owner rather than a guessed one.
 */
export interface Placement {
  readonly scheme: string;
  readonly shards: readonly ShardIdentity[];
  readonly traits: SchemeTraits;
  /**
   * Index into `shards` of the owner of the key `bytes[start, end)`, or `NO_OWNER`: `explain` says why. The hot path:
   * allocates nothing per key.
   */
  ownerIndex(bytes: Uint8Array, start: number, end: number): number;
  /** The same decision for whoever reads the bytes of many keys in one pass; null where there is no such way. */
  readonly folded: FoldedPlacement | null;
  /** The owner of a whole key. Throws `KEY_UNPLACED` when the client itself places it nowhere. */
  ownerOf(key: Uint8Array): ShardIdentity;
  explain(key: Uint8Array): Why;
  /** Name of the rule that picks the part of a key that decides: `{}`, `redis-cluster`, `none`. */
  readonly tagRule: string;
  /** The pair of characters around that part, for advice on naming keys; null where there is none. */
  readonly tagDelimiters: TagRule['delimiters'];
  /** The bytes of the key that decide, as that rule picks them: a view, not a copy. */
  hashedPart(key: Uint8Array): Uint8Array;
  /** What the operator should know before trusting it (a hash that reaches one shard only, an address as identity). */
  readonly warnings: readonly string[];
}

/**
 * A rule key → shard, before it is bound to shards: one file in `schemes/` and one line in `schemes.ts`.
 * `Options` is what `options` makes of the mapping in the topology file; `scheme` and `hashTag` are not part of it.
 */
export interface Scheme<Options = unknown> {
  readonly name: string;
  /** One line, for help and tables. */
  readonly summary: string;
  /** One sentence on how many keys a change of shards moves, for the documentation. */
  readonly movement: string;
  /** A strict object: `problems.ts` words what does not fit. What one option says about another is judged by `build`. */
  readonly options: v.GenericSchema<unknown, Options> & {readonly entries: Readonly<Record<string, unknown>>};
  /** The client's own rule for hash tags, in force when the topology names none. */
  tag(options: Options): TagRule;
  /** What two characters in `hashTag` mean to this client when nothing stands between them. Absent: the whole key decides. */
  readonly emptyTag?: EmptyTag;
  /**
   * The option mappings that `verify --detect` tries, as a topology would write them, the most common one first. Absent: only
   * the defaults, `{}`.
   */
  readonly variants?: readonly Readonly<Record<string, unknown>>[];
  /** Where the client builds a shard's `node` string from its address: the forms that `--detect` tries beside the declared one. */
  readonly nodeForms?: readonly NodeForm[];
  traits(options: Options): SchemeTraits;
  /** Throws `PLACEMENT_INVALID` when options and shards do not fit together. `shards` has at least one, names differ. */
  build(shards: readonly ShardIdentity[], options: Options, tag: TagRule): Placement;
}

/** How a client writes a server's address into its ring. */
export interface NodeForm {
  /** As it looks: `host:port`, `redis://host:port/0`. */
  readonly form: string;
  readonly nodeOf: (address: {readonly host: string; readonly port: number}) => string;
}

/** What follows from a scheme and its options, for whoever wants to change the shards. */
export interface SchemeTraits {
  /**
   * What makes a shard the same shard: its `name`, its `node` string, or its place in the file (`order`). With `name` and
   * `node` the order of the file moves no key; with `order` a shard can only be added or removed at the end.
   */
  readonly identity: 'name' | 'node' | 'order';
  /** The option that assigns keys to named shards. When it is not null, no shard can be added without editing that option. */
  readonly assignedBy: string | null;
  /**
   * Keys that move when a shard is added or removed. `minimal`: about the theoretical minimum; `shifting`: more, because
   * borders shift; `reshuffling`: nearly all; `assigned`: whatever the edited assignment says.
   */
  readonly movement: 'minimal' | 'shifting' | 'reshuffling' | 'assigned';
  /** The client has no weights: what a topology declares is without effect. */
  readonly weights?: 'ignored';
}

/** What a scheme has to know to become a placement: `owner` and `facts` see only the bytes that the tag rule picked. */
export interface PlacementParts {
  readonly scheme: string;
  readonly shards: readonly ShardIdentity[];
  readonly traits: SchemeTraits;
  readonly tag: TagRule;
  readonly owner: HashFunction;
  /** Where the owner follows from a 32-bit hash of the part alone, at least for parts that are not empty: that hash, and how. */
  readonly byHash?: {readonly hash: HashFunction; readonly ownerOfHash: (hash: number) => number};
  readonly facts: (hashed: Buffer) => readonly Fact[];
  /** Whole keys that the client places nowhere, and why: a sentence without its first capital and its full stop. */
  readonly unplaced?: {readonly test: (key: Uint8Array) => boolean; readonly reason: string};
  readonly warnings?: readonly string[];
}

/** Puts the tag rule in front of a scheme's decision. */
export function placementFrom(parts: PlacementParts): Placement {
  const {scheme, traits, tag, owner, facts, warnings = []} = parts;
  const shards = traits.weights === 'ignored' ? parts.shards.map((shard) => ({...shard, weight: 1})) : parts.shards;
  const {unplaced = null} = parts;
  const decide = tag.over(owner);
  const ownerIndex: HashFunction =
    unplaced === null
      ? decide
      : (bytes, start, end) => (unplaced.test(bytes.subarray(start, end)) ? NO_OWNER : decide(bytes, start, end));
  return {
    scheme,
    shards,
    traits,
    warnings,
    ownerIndex,
    folded: foldedPlacement(parts),
    ownerOf: (key) => shards[ownerIndex(key, 0, key.length)] ?? refuseUnplaced(scheme, key),
    tagRule: tag.name,
    tagDelimiters: tag.delimiters,
    hashedPart: tag.hashed,
    explain: (key) => {
      if (unplaced?.test(key)) {
        const facts = [{label: 'unplaced', value: unplaced.reason}];
        return {hashed: Buffer.from(key), tagRule: tag.name, facts};
      }
      const part = tag.hashed(key);
      const hashed = Buffer.from(part.buffer, part.byteOffset, part.length);
      return {hashed, tagRule: tag.name, facts: facts(hashed)};
    },
  };
}

function foldedPlacement({tag, byHash, unplaced}: PlacementParts): FoldedPlacement | null {
  const fold = byHash === undefined ? null : foldOf(byHash.hash);
  if (byHash === undefined || fold === null || tag.opener === null || unplaced !== undefined) return null;
  return {fold, opener: tag.opener === 'never' ? null : tag.opener, ownerOfHash: byHash.ownerOfHash};
}

function refuseUnplaced(scheme: string, key: Uint8Array): never {
  throw new RtopoError({
    code: 'KEY_UNPLACED',
    exit: ExitCode.failed,
    message: `Clients of scheme ${scheme} place the key ${quotedBytes(key)} on no shard.`,
    remedy: 'rtopo locate --explain says why',
  });
}
