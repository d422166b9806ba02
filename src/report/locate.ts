/** What `rtopo locate` found: the owner of each key, in the order in which the keys were given. */
import {isUtf8} from 'node:buffer';
import type {Placement} from '../placement/placement.js';

export interface LocateReport {
  readonly keys: readonly LocatedKey[];
  readonly sameShard: boolean;
}

/** One key and its owner. `address` is that of the shard's master. Both are null when the clients place the key nowhere. */
export type LocatedKey = KeyText & {
  readonly shard: string | null;
  readonly address: string | null;
  readonly why?: WhyReport;
  /** With `--check`: the shards that hold it. */
  readonly foundOn?: readonly string[];
};

/** A key and the part of it that decides: as text, or both in base64 when the key is not UTF-8. */
export type KeyText =
  | {readonly key: string; readonly hashed: string}
  | {readonly keyBase64: string; readonly hashedBase64: string};

/** The tag rule, and every value that decided by its label: `hash`, `point`, `slot`, `range`, … */
export type WhyReport = Readonly<Record<string, string>> & {readonly tagRule: string};

export interface LocateOptions {
  readonly placement: Placement;
  /** Addresses of the masters, in the order of the placement's shards. */
  readonly addresses: readonly string[];
  readonly explain: boolean;
}

/** Finds owners, and with `--check` the servers too. */
export type Locating = (keys: readonly Buffer[]) => Promise<readonly LocatedKey[]>;

export function locateKey(key: Buffer, options: LocateOptions): LocatedKey {
  const located = placedKey(key, options);
  return options.explain ? {...located, why: whyReport(key, options.placement)} : located;
}

export function locateKeys(keys: readonly Buffer[], options: LocateOptions): LocateReport {
  const located = keys.map((key) => locateKey(key, options));
  return reportOf(located);
}

export function reportOf(located: readonly LocatedKey[]): LocateReport {
  return {keys: located, sameShard: new Set(located.map(({shard}) => shard)).size <= 1};
}

/** A key that exists, and not on its owner alone. */
export function isElsewhere({shard, foundOn = []}: LocatedKey): boolean {
  return foundOn.length > 1 || (foundOn.length === 1 && foundOn[0] !== shard);
}

/** Written out as two literals: a stream makes millions of these, and spreading made that twice as slow. */
function placedKey(key: Buffer, {placement, addresses}: LocateOptions): LocatedKey {
  const owner = placement.ownerIndex(key, 0, key.length);
  const shard = placement.shards[owner]?.name ?? null;
  const address = addresses[owner] ?? null;
  const part = placement.hashedPart(key);
  // Tag characters are ASCII: a part of a UTF-8 key is UTF-8 too.
  const encoding = isUtf8(key) ? 'utf8' : 'base64';
  const text = key.toString(encoding);
  const hashed = part === key ? text : Buffer.from(part.buffer, part.byteOffset, part.length).toString(encoding);
  if (encoding === 'utf8') return {key: text, hashed, shard, address};
  return {keyBase64: text, hashedBase64: hashed, shard, address};
}

function whyReport(key: Buffer, placement: Placement): WhyReport {
  const {tagRule, facts} = placement.explain(key);
  return {tagRule, ...Object.fromEntries(facts.map(({label, value}) => [label, value]))};
}

/** The keys of one shard: how many, and the first few as text that is safe for a terminal. */
export interface KeyGroup {
  readonly shard: string;
  readonly keys: number;
  readonly examples: readonly string[];
}

const exampleCount = 3;
const exampleLength = 60;

/** Groups any number of keys by shard, in memory that does not grow with them. */
export class KeyGroups {
  readonly #groups: {shard: string; keys: number; examples: string[]}[];
  readonly #text: (key: Uint8Array) => string;

  /** `text` makes a key safe for a terminal. */
  constructor(shards: readonly {readonly name: string}[], text: (key: Uint8Array) => string) {
    this.#groups = shards.map(({name}) => ({shard: name, keys: 0, examples: []}));
    this.#text = text;
  }

  /** Adds the key `bytes[start, end)` to the group of its owner. */
  add(owner: number, bytes: Uint8Array, start: number, end: number): void {
    const group = this.#groups[owner];
    // Without an owner it is on no shard.
    if (group === undefined) return;
    if (group.keys++ >= exampleCount) return;
    const text = this.#text(bytes.subarray(start, end));
    group.examples.push(text.length > exampleLength ? `${text.slice(0, exampleLength)}…` : text);
  }

  /** The same placement, with every key whose owner is asked for added here. */
  watch(placement: Placement): Placement {
    return {
      ...placement,
      // There is only one way then, and it passes here.
      folded: null,
      ownerIndex: (bytes, start, end) => {
        const owner = placement.ownerIndex(bytes, start, end);
        this.add(owner, bytes, start, end);
        return owner;
      },
    };
  }

  /** Shards that own at least one of the keys. */
  get list(): readonly KeyGroup[] {
    return this.#groups.filter(({keys}) => keys > 0);
  }
}
