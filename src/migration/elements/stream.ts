/**
 * Reads a stream part by part, in the order of ids: entries, and with them what each consumer group has pending. An id that is pending
 * though its entry was deleted comes at its place too.
 */
import type {RespReply} from '../../redis/resp/decode.js';
import {compareIds} from './ids.js';
import {ValueChanged} from './pace.js';
import type {Reading} from './read.js';

export interface Entry {
  readonly id: string;
  /** Fields and values in turn. */
  readonly fields: readonly Buffer[];
}

export interface Pending {
  readonly id: string;
  readonly consumer: Buffer;
  /** Of the last delivery, epoch milliseconds. */
  readonly deliveredMs: number;
  readonly deliveries: number;
}

/** What lies between two ids. */
export interface StreamPart {
  readonly entries: readonly Entry[];
  /** Pending in some group, but no entry any more; in order. */
  readonly ghosts: readonly string[];
  /** In the order of the groups of the stream's facts, which was the order asked in. */
  readonly pending: readonly (readonly Pending[])[];
  readonly bytes: number;
}

const PENDING_AT_ONCE = 200;

/** @param groups names; @throws ValueChanged when a group goes */
export async function* walkStream(reading: Reading, groups: readonly Buffer[]): AsyncGenerator<StreamPart> {
  const entries = new Pages<Entry>((after) => readEntries(reading, after));
  const pending = groups.map((name) => new Pages<Pending>((after) => readPending(reading, name, after)));
  const all: readonly Pages<{readonly id: string}>[] = [entries, ...pending];
  for (;;) {
    for (const pages of all) await pages.fill();
    // What was read of each ends somewhere; up to the first of these ends everything is known.
    const ends = all.flatMap((pages) => pages.end ?? []);
    const end = ends.length === 0 ? null : ends.reduce((a, b) => (compareIds(a, b) < 0 ? a : b));
    const part = {entries: entries.take(end), pending: pending.map((pages) => pages.take(end))};
    const bytes = part.entries.reduce((sum, {fields}) => sum + lengthOf(fields), 0);
    if (part.entries.length > 0 || part.pending.some((list) => list.length > 0))
      yield {...part, ghosts: ghostsOf(part.entries, part.pending), bytes};
    if (end === null) return;
  }
}

/** Something with ids, read page by page. */
class Pages<T extends {readonly id: string}> {
  readonly #read: (after: string | null) => Promise<{items: T[]; isLast: boolean}>;
  #items: T[] = [];
  #last: string | null = null;
  #isRead = false;

  constructor(read: (after: string | null) => Promise<{items: T[]; isLast: boolean}>) {
    this.#read = read;
  }

  async fill(): Promise<void> {
    if (this.#items.length > 0 || this.#isRead) return;
    const {items, isLast} = await this.#read(this.#last);
    this.#items = items;
    this.#isRead = isLast;
    this.#last = items.at(-1)?.id ?? this.#last;
  }

  /** The id up to which this is known; null when nothing follows what is here. */
  get end(): string | null {
    return this.#isRead ? null : this.#last;
  }

  /** Up to and with this id; null: everything. */
  take(end: string | null): T[] {
    const upTo = end === null ? -1 : this.#items.findIndex(({id}) => compareIds(id, end) > 0);
    return this.#items.splice(0, upTo === -1 ? this.#items.length : upTo);
  }
}

async function readEntries({meter, key, pace}: Reading, after: string | null) {
  const count = pace.elements;
  const command = ['XRANGE', key, after === null ? '-' : `(${after}`, '+', 'COUNT', count];
  const reply = (await meter.call(command, 'reading a stream', pace)) as [Buffer, Buffer[]][];
  const items = reply.map(([id, fields]): Entry => ({id: id.toString(), fields}));
  pace.measure(
    items.length,
    items.reduce((sum, {fields}) => sum + lengthOf(fields), 0),
  );
  return {items, isLast: items.length < count};
}

/**
 * The server tells how long ago an entry was delivered, not when; so it is asked for the time before and after in the same breath, and
 * believed when that was the same millisecond. Fewer at a time make that likelier.
 */
async function readPending({meter, key}: Reading, group: Buffer, after: string | null) {
  for (let attempt = 1; ; attempt++) {
    const count = Math.max(1, Math.floor(PENDING_AT_ONCE / attempt));
    const [before, reply, behind] = await meter.batch(
      [['TIME'], ['XPENDING', key, group, after === null ? '-' : `(${after}`, '+', count], ['TIME']],
      'reading what is pending',
    );
    const nowMs = timeMs(before);
    if (nowMs !== timeMs(behind) && attempt < PENDING_AT_ONCE) continue;
    const items = (reply as [Buffer, Buffer, number, number][]).map(
      ([id, consumer, idleMs, deliveries]): Pending => ({
        id: id.toString(),
        consumer,
        deliveredMs: nowMs - Number(idleMs),
        deliveries: Number(deliveries),
      }),
    );
    return {items, isLast: items.length < count};
  }
}

/** The clock of a server, in whole milliseconds. */
export function timeMs(reply: RespReply | undefined): number {
  if (!Array.isArray(reply)) throw new ValueChanged();
  const [seconds, micros] = reply;
  return Number(String(seconds)) * 1000 + Math.floor(Number(String(micros)) / 1000);
}

function ghostsOf(entries: readonly Entry[], pending: readonly (readonly Pending[])[]): string[] {
  const present = new Set(entries.map(({id}) => id));
  const ids = new Set(pending.flat().map(({id}) => id));
  return [...ids].filter((id) => !present.has(id)).sort(compareIds);
}

function lengthOf(fields: readonly Buffer[]): number {
  return fields.reduce((sum, {length}) => sum + length, 0);
}
