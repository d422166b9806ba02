/**
 * The independent checker: reads every key of a server through the commands of its type (never DUMP) and reduces it
 * to a digest that depends on the content only, not on encoding, order of iteration, or server version.
 */
import {createHash} from 'node:crypto';
import {type Arg, type Raw, RawError, type Reply} from './raw.js';
import {digestParts, readCommand} from './values.js';

export interface Seen {
  readonly type: string;
  readonly digest: string;
  /** Absolute, from the server; null: stays for ever. */
  readonly expireAtMs: number | null;
  /** Seconds since the last access; only when asked for. */
  readonly idle?: number;
}

/** By `db:hex of the key`. */
export type Snapshot = Map<string, Seen>;

const batch = 100;
/** Keys that the product keeps for itself. */
const own = Buffer.from('__rtopo:');

type Source = Raw | {readonly raw: Raw};

/** All keys of all databases. A key that expires while it is read is left out. */
export async function snapshot(source: Source, options: {readonly idle?: boolean} = {}): Promise<Snapshot> {
  const raw = 'raw' in source ? source.raw : source;
  const found: Snapshot = new Map();
  const absolute = Number.parseInt((await raw.info('server')).redis_version ?? '0', 10) >= 7;
  for (const name of Object.keys(await raw.info('keyspace'))) {
    const db = Number(name.replace('db', ''));
    await raw.select(db);
    const keys = await scan(raw);
    for (let at = 0; at < keys.length; at += batch) {
      await read(raw, db, keys.slice(at, at + batch), found, {idle: options.idle === true, absolute});
    }
  }
  await raw.select(0);
  return found;
}

/** Every key of the database at hand, once. */
export async function scan(raw: Raw): Promise<Buffer[]> {
  const keys = new Map<string, Buffer>();
  let cursor = '0';
  do {
    const [next, page] = (await raw.cmd('SCAN', cursor, 'COUNT', 1000)) as [Buffer, Buffer[]];
    for (const key of page) if (!key.subarray(0, own.length).equals(own)) keys.set(key.toString('hex'), key);
    cursor = next.toString();
  } while (cursor !== '0');
  return [...keys.values()];
}

async function read(
  raw: Raw,
  db: number,
  keys: readonly Buffer[],
  found: Snapshot,
  how: {readonly idle: boolean; readonly absolute: boolean},
): Promise<void> {
  // Idle time first: reading the value ends it.
  const idles = how.idle ? await ok(raw, keys, (key) => ['OBJECT', 'IDLETIME', key]) : [];
  const types = await ok(raw, keys, (key) => ['TYPE', key]);
  const expiries = await ok(raw, keys, (key) => [how.absolute ? 'PEXPIRETIME' : 'PTTL', key]);
  const nowMs = how.absolute ? 0 : Date.now();
  const values = await raw.pipeline(keys.map((key, i) => readCommand(String(types[i]), key)));
  for (const [i, key] of keys.entries()) {
    const type = String(types[i]);
    const expiry = Number(expiries[i]);
    if (type === 'none' || expiry === -2) continue;
    const value = values[i]!;
    if (value instanceof RawError) throw new Error(`reading a ${type}: ${value.message}`);
    if (value === null) continue;
    found.set(`${db}:${key.toString('hex')}`, {
      type,
      digest: digest(digestParts(type, value)),
      expireAtMs: expiry === -1 ? null : expiry + nowMs,
      ...(how.idle ? {idle: Number(idles[i])} : {}),
    });
  }
}

async function ok(raw: Raw, keys: readonly Buffer[], command: (key: Buffer) => Arg[]): Promise<Reply[]> {
  const replies = await raw.pipeline(keys.map(command));
  const fault = replies.find((reply) => reply instanceof RawError);
  if (fault !== undefined) throw fault;
  return replies;
}

function digest(parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, 32);
}

export interface Difference {
  /** `db:hex` */
  readonly id: string;
  /** The key as text, escaped. */
  readonly key: string;
  readonly what: 'missing' | 'extra' | 'type' | 'value' | 'ttl';
  readonly before: Seen | null;
  readonly after: Seen | null;
}

/** What changed. A key whose time had come by `nowMs` may be missing; times of expiry must agree within the tolerance. */
export function diffSnapshots(
  before: Snapshot,
  after: Snapshot,
  options: {readonly nowMs?: number; readonly ttlToleranceMs?: number} = {},
): Difference[] {
  const {nowMs = Date.now(), ttlToleranceMs = 0} = options;
  const differences: Difference[] = [];
  const note = (id: string, what: Difference['what']) => {
    const [was, is] = [before.get(id) ?? null, after.get(id) ?? null];
    differences.push({id, key: keyText(id), what, before: was, after: is});
  };
  for (const [id, was] of before) {
    const is = after.get(id);
    if (is === undefined) {
      if (was.expireAtMs === null || was.expireAtMs > nowMs) note(id, 'missing');
      continue;
    }
    if (was.type !== is.type) note(id, 'type');
    else if (was.digest !== is.digest) note(id, 'value');
    if (!sameExpiry(was.expireAtMs, is.expireAtMs, ttlToleranceMs)) note(id, 'ttl');
  }
  for (const id of after.keys()) if (!before.has(id)) note(id, 'extra');
  return differences;
}

function sameExpiry(a: number | null, b: number | null, toleranceMs: number): boolean {
  return a === null || b === null ? a === b : Math.abs(a - b) <= toleranceMs;
}

export function keyText(id: string): string {
  const text = Buffer.from(id.slice(id.indexOf(':') + 1), 'hex').toString('latin1');
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

export interface Union {
  readonly all: Snapshot;
  /** Indexes of the servers that hold each key. */
  readonly holders: Map<string, number[]>;
  readonly duplicates: {readonly id: string; readonly key: string; readonly servers: readonly number[]}[];
}

/** What several servers hold together; the same key on two of them is a duplicate, whatever its values. */
export async function union(servers: readonly Source[]): Promise<Union> {
  const all: Snapshot = new Map();
  const holders = new Map<string, number[]>();
  const snapshots = await Promise.all(servers.map((server) => snapshot(server)));
  for (const [index, one] of snapshots.entries()) {
    for (const [id, seen] of one) {
      if (!all.has(id)) all.set(id, seen);
      holders.set(id, [...(holders.get(id) ?? []), index]);
    }
  }
  const duplicates = [...holders].flatMap(([id, on]) => (on.length < 2 ? [] : [{id, key: keyText(id), servers: on}]));
  return {all, holders, duplicates};
}
