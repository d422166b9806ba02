/** What a stream is beside its entries: its counters, its groups and their consumers. */
import type {RespReply} from '../../redis/resp/decode.js';
import {seal} from './digest.js';
import {type Meter, ValueChanged} from './pace.js';
import {timeMs} from './stream.js';

export interface Group {
  readonly name: Buffer;
  readonly lastDeliveredId: string;
  /** `-1`: the server does not know. */
  readonly entriesRead: string;
  readonly pending: number;
  readonly consumers: readonly Buffer[];
}

export interface StreamFacts {
  readonly length: number;
  readonly lastId: string;
  /** Entries ever added; null from a server that does not count them. */
  readonly entriesAdded: string | null;
  readonly maxDeletedId: string | null;
  /** In the server's order, which is that of their bytes. */
  readonly groups: readonly Group[];
  /**
   * A digest that changes with every reading, claiming and acknowledging by a consumer: when each was last seen, and how much is pending
   * for it. WATCH sees none of these.
   */
  readonly activity: string;
}

/** Reads the facts: time grows with groups and consumers, not with what is pending. */
export async function readStreamFacts(meter: Meter, key: Buffer): Promise<StreamFacts> {
  const reply = await meter.call(['XINFO', 'STREAM', key, 'FULL', 'COUNT', 1], 'reading the groups of a stream');
  const facts = mapOf(reply);
  const groups = listOf(facts, 'groups').map(mapOf);
  const seen = groups.flatMap((group) => [
    bytes(group, 'name'),
    ...listOf(group, 'consumers').flatMap((consumer) => {
      const map = mapOf(consumer);
      return [bytes(map, 'name'), ...['seen-time', 'active-time', 'pel-count'].map((name) => text(map, name) ?? '')];
    }),
  ]);
  const read = {
    length: Number(text(facts, 'length')),
    lastId: text(facts, 'last-generated-id') ?? missing('last-generated-id'),
    entriesAdded: text(facts, 'entries-added'),
    maxDeletedId: text(facts, 'max-deleted-entry-id'),
    groups: groups.map(
      (group): Group => ({
        name: bytes(group, 'name'),
        lastDeliveredId: text(group, 'last-delivered-id') ?? missing('last-delivered-id'),
        entriesRead: text(group, 'entries-read') ?? '-1',
        pending: Number(text(group, 'pel-count')),
        consumers: listOf(group, 'consumers').map((consumer) => bytes(mapOf(consumer), 'name')),
      }),
    ),
  };
  return {...read, activity: seal([...seen, ...factPieces(read)])};
}

/**
 * Facts whose `activity` will tell every later act of a consumer. A consumer is seen to the millisecond: the facts say nothing of a second
 * act within the millisecond in which they were read, so this one is waited out.
 */
export async function readSettledFacts(meter: Meter, key: Buffer): Promise<StreamFacts> {
  const facts = await readStreamFacts(meter, key);
  await passMillisecond(meter);
  return facts;
}

export async function passMillisecond(meter: Meter): Promise<void> {
  const clock = async () => timeMs(await meter.call(['TIME'], 'reading the time'));
  const startMs = await clock();
  while ((await clock()) <= startMs);
}

/** What of the facts belongs to the value. How far a group lags follows from the rest; when a consumer was seen is no part of it. */
export function factPieces({
  length,
  lastId,
  entriesAdded,
  maxDeletedId,
  groups,
}: Omit<StreamFacts, 'activity'>): (Buffer | string)[] {
  const ofGroups = groups.flatMap(({name, lastDeliveredId, entriesRead, pending, consumers}) => [
    ...[name, lastDeliveredId, entriesRead, String(pending), String(consumers.length), ...consumers],
  ]);
  return [String(length), lastId, entriesAdded ?? '', maxDeletedId ?? '', String(groups.length), ...ofGroups];
}

/** A map reply of RESP2: names and values in turn. */
function mapOf(reply: RespReply): ReadonlyMap<string, RespReply> {
  if (!Array.isArray(reply)) throw new ValueChanged();
  const map = new Map<string, RespReply>();
  for (let i = 0; i + 1 < reply.length; i += 2) map.set(String(reply[i]), reply[i + 1]!);
  return map;
}

function listOf(map: ReadonlyMap<string, RespReply>, name: string): readonly RespReply[] {
  const value = map.get(name);
  return Array.isArray(value) ? value : [];
}

function bytes(map: ReadonlyMap<string, RespReply>, name: string): Buffer {
  const value = map.get(name);
  return Buffer.isBuffer(value) ? value : missing(name);
}

function text(map: ReadonlyMap<string, RespReply>, name: string): string | null {
  const value = map.get(name);
  return value === undefined || value === null ? null : String(value);
}

function missing(name: string): never {
  throw new Error(`XINFO STREAM does not tell ${name}`);
}
