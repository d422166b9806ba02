/** Which keys a stream of commands has touched, gathered in bounded memory. */
import type {CommandTable} from '../commands.js';
import {type ChangedKey, effectOf} from '../effects.js';
import type {StreamedCommand} from './command-stream.js';

/** `db` is null when the stream never said in which database it began: a key that was touched before the first SELECT. */
export interface TouchedKey {
  readonly db: number | null;
  readonly key: Buffer;
}

/** A command that touches more than it names, or that nobody knows. `data` is false for functions and scripts. */
export interface Wholesale {
  readonly db: number | null;
  readonly command: string;
  readonly data: boolean;
}

export interface Touched {
  /** Each key once, in the order in which they were first touched. */
  readonly written: readonly TouchedKey[];
  /** By DEL or UNLINK: by a client, or because the key had expired. A key may be in both lists. */
  readonly deleted: readonly TouchedKey[];
  readonly wholesale: readonly Wholesale[];
  /** How often keys were touched that the caller does not care for; a key that was touched twice counts twice. */
  readonly others: number;
  /** There were more names than asked for, or more wholesale commands than are kept: the lists are not complete. */
  readonly overflow: boolean;
}

export interface TouchOptions {
  /** Names kept, written and deleted ones together. */
  readonly maxKeys: number;
  /** What the server says of its commands; null when it may not be asked. */
  readonly commands: CommandTable | null;
  /** Keys that begin so are the caller's own, and no concern. */
  readonly ownPrefix: Buffer;
  /** A key of the caller's that exists in one database only: where it is touched, the database of the stream is known. */
  readonly anchor: {readonly key: Buffer; readonly db: number} | null;
  /** The keys that the caller wants to hear of; without it all of them. */
  readonly wanted?: ((db: number | null, key: Buffer) => boolean) | undefined;
}

const MAX_WHOLESALE = 100;
/** Names of all keys together. */
const MAX_KEY_BYTES = 16 * 1024 * 1024;

export class Touches {
  readonly #options: TouchOptions;
  #db: number | null = null;
  /** The database in which the stream began, once that is known. */
  #firstDb: number | null = null;
  #hasSelected = false;
  readonly #written = new Map<string, TouchedKey>();
  readonly #deleted = new Map<string, TouchedKey>();
  readonly #wholesale: Wholesale[] = [];
  #keyBytes = 0;
  #others = 0;
  #overflow = false;

  constructor(options: TouchOptions) {
    this.#options = options;
  }

  add(command: StreamedCommand): void {
    const effect = effectOf(command, this.#options.commands);
    switch (effect.kind) {
      case 'none':
        return;
      case 'select':
        this.#db = effect.db;
        this.#hasSelected = true;
        return;
      case 'wholesale':
        if (this.#wholesale.length >= MAX_WHOLESALE) this.#overflow = true;
        else this.#wholesale.push({db: this.#db, command: effect.what, data: effect.data});
        return;
      case 'written':
      case 'deleted':
        for (const changed of effect.keys)
          this.#touch(changed, effect.kind === 'written' ? this.#written : this.#deleted);
    }
  }

  result(): Touched {
    return {
      written: this.#settled(this.#written.values()),
      deleted: this.#settled(this.#deleted.values()),
      wholesale: this.#wholesale.map((one) => this.#settle(one)),
      others: this.#others,
      overflow: this.#overflow,
    };
  }

  /** A key touched before and after the database became known is one. */
  #settled(keys: Iterable<TouchedKey>): TouchedKey[] {
    const settled = new Map<string, TouchedKey>();
    for (const key of keys) {
      const one = this.#settle(key);
      settled.set(idOf(one), one);
    }
    return [...settled.values()];
  }

  #settle<T extends {readonly db: number | null}>(one: T): T {
    return one.db === null && this.#firstDb !== null ? {...one, db: this.#firstDb} : one;
  }

  #touch(changed: ChangedKey, into: Map<string, TouchedKey>): void {
    const {ownPrefix, anchor, wanted, maxKeys} = this.#options;
    const {key} = changed;
    if (key.subarray(0, ownPrefix.length).equals(ownPrefix)) {
      // A continued stream does not begin with a SELECT: the master takes it that a replica still knows the database.
      if (anchor !== null && !this.#hasSelected && changed.db === null && key.equals(anchor.key)) {
        this.#firstDb = anchor.db;
        this.#db = anchor.db;
      }
      return;
    }
    const db = changed.db ?? this.#db;
    if (wanted !== undefined && !wanted(db, key)) {
      this.#others += 1;
      return;
    }
    const id = idOf({db, key});
    if (into.has(id)) return;
    const isFull = this.#written.size + this.#deleted.size >= maxKeys || this.#keyBytes + key.length > MAX_KEY_BYTES;
    if (isFull) {
      this.#overflow = true;
      return;
    }
    this.#keyBytes += key.length;
    // A copy: the slice would keep alive everything that arrived with it.
    into.set(id, {db, key: Buffer.from(key)});
  }
}

function idOf({db, key}: TouchedKey): string {
  return `${db}:${key.toString('latin1')}`;
}
