/**
 * Random data of every type, encoding and awkward name, from a seed: the same seed gives the same keys and values.
 * `generate` is pure; `fill` writes what it gives and returns the model of what was written.
 */
import {hrtime} from 'node:process';
import {type Kind, kinds, valueCommands} from './kinds.js';
import type {Arg, Raw} from './raw.js';
import {RawError} from './raw.js';

export interface Random {
  /** [0, 1) */
  next(): number;
  /** An integer in [0, below). */
  int(below: number): number;
  bytes(length: number): Buffer;
  pick<T>(items: readonly T[]): T;
}

/** mulberry32: 32 bits of state, good enough to spread test data. */
export function prng(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const int = (below: number) => Math.floor(next() * below);
  const bytes = (length: number) => {
    const words = new Uint32Array(Math.ceil(length / 4)).map(() => next() * 4_294_967_296);
    return Buffer.from(words.buffer, 0, length);
  };
  return {next, int, bytes, pick: (items) => items[int(items.length)]!};
}

/** A seed for one run: `RTOPO_SEED` repeats a failed one. Print it when a test fails. */
export function seedOfRun(): number {
  const given = Number(process.env.RTOPO_SEED ?? '');
  return Number.isInteger(given) && given > 0 ? given : Number(hrtime.bigint() % 1_000_000_007n) + 1;
}

export interface Entry {
  readonly db: number;
  readonly key: Buffer;
  readonly kind: Kind;
  readonly type: 'string' | 'list' | 'set' | 'hash' | 'zset' | 'stream';
  /** Absolute; null: stays for ever. */
  readonly expireAtMs: number | null;
  readonly commands: readonly (readonly Arg[])[];
}

export interface DataOptions {
  readonly seed: number;
  readonly keys: number;
  /** Databases to spread over, default [0]. */
  readonly dbs?: readonly number[];
  /** Part of the keys that expire, default 0.3: in a minute, in an hour to the millisecond, in ten years. */
  readonly ttlShare?: number;
  /** Default: all. */
  readonly kinds?: readonly Kind[];
  /** `awkward` (default) mixes in binary, very long, tagged and empty names; `plain` does not. */
  readonly names?: 'awkward' | 'plain';
  /** Put before every name, so that two fills do not meet. */
  readonly prefix?: string;
}

const awkwardNames: readonly ((random: Random, n: number) => Buffer)[] = [
  () => Buffer.alloc(0),
  (_, n) => Buffer.from(`nul\x00in\x00name:${n}`),
  (_, n) => Buffer.from(`line\r\nfeed:${n}\r\n`),
  (_, n) => Buffer.from(`\x1b[31mred\x1b[0m:${n}`),
  (random, n) => Buffer.concat([Buffer.from([0xff, 0xfe, 0xc3, 0x28]), random.bytes(8), Buffer.from(`:${n}`)]),
  (random, n) => Buffer.concat([Buffer.from(`long:${n}:`), random.bytes(4096)]),
  (_, n) => Buffer.from(`user:{${n % 7}}:cart:${n}`),
  (_, n) => Buffer.from(`{}empty-tag:${n}`),
  (_, n) => Buffer.from(`open{tag:${n}`),
  (_, n) => Buffer.from(`{{nested}}:${n}`),
  (_, n) => Buffer.from(`ключ:日本:👍🏽:${n}`),
  (_, n) => Buffer.from(`with space and 'quote" \\:${n}`),
  (_, n) => Buffer.from(`glob*?[a-z]^:${n}`),
  (random) => random.bytes(16),
];

function nameOf(random: Random, n: number, options: DataOptions): Buffer {
  const prefix = Buffer.from(options.prefix ?? '');
  const plain = Buffer.from(`key:${n}:${random.int(1e9)}`);
  if (options.names === 'plain') return Buffer.concat([prefix, plain]);
  // Each awkward name once at the start, afterwards one key in three is awkward; the empty name only once.
  const shape =
    n < awkwardNames.length
      ? awkwardNames[n]
      : random.int(3) === 0
        ? awkwardNames[1 + random.int(awkwardNames.length - 1)]
        : null;
  return Buffer.concat([prefix, shape?.(random, n) ?? plain]);
}

function expiry(random: Random, nowMs: number): number {
  const lives = [60_000, 3_600_000 + random.int(3_600_000), 10 * 365 * 86_400_000 + random.int(1000)];
  return nowMs + random.pick(lives);
}

/** Every kind of value comes up once before chance decides. No key twice in one database. */
export function generate(options: DataOptions, nowMs: number): Entry[] {
  const random = prng(options.seed);
  const wanted = options.kinds ?? kinds;
  const dbs = options.dbs ?? [0];
  const taken = new Set<string>();
  const entries: Entry[] = [];
  for (let n = 0; entries.length < options.keys; n += 1) {
    const db = dbs[entries.length % dbs.length]!;
    const key = nameOf(random, n, options);
    const id = `${db}:${key.toString('hex')}`;
    if (taken.has(id) || (n > 0 && key.length === 0)) continue;
    taken.add(id);
    const kind = entries.length < wanted.length ? wanted[entries.length]! : random.pick(wanted);
    const {type, commands} = valueCommands(kind, key, random);
    const expireAtMs = random.next() < (options.ttlShare ?? 0.3) ? expiry(random, nowMs) : null;
    const expire: Arg[][] = expireAtMs === null ? [] : [['PEXPIREAT', key, expireAtMs]];
    entries.push({db, key, kind, type, expireAtMs, commands: [...commands, ...expire]});
  }
  return entries;
}

export interface Written extends Omit<Entry, 'commands'> {
  /** Index of the server that holds it. */
  readonly server: number;
}

type Target = Raw | {readonly raw: Raw};

export interface FillOptions extends DataOptions {
  /** Index of the server that shall hold the key; default: all on the first. */
  readonly place?: (key: Buffer) => number;
}

/** Writes the data and checks every reply; returns the model. */
export async function fill(targets: Target | readonly Target[], options: FillOptions): Promise<Written[]> {
  const list = Array.isArray(targets) ? (targets as readonly Target[]) : [targets as Target];
  const raws = list.map((target) => ('raw' in target ? target.raw : target));
  const batches = new Map<string, {raw: Raw; commands: (readonly Arg[])[]}>();
  const written: Written[] = [];
  for (const {commands, ...entry} of generate(options, Date.now())) {
    const server = options.place?.(entry.key) ?? 0;
    const raw = raws[server];
    if (raw === undefined) throw new Error(`place() gave server ${server}; there are ${raws.length}`);
    const id = `${server}:${entry.db}`;
    if (!batches.has(id)) batches.set(id, {raw, commands: [['SELECT', entry.db]]});
    batches.get(id)!.commands.push(...commands);
    written.push({...entry, server});
  }
  // One after the other: SELECT belongs to a connection, and several batches may share one.
  for (const {raw, commands} of batches.values()) {
    for (let at = 0; at < commands.length; at += 2000) await send(raw, commands.slice(at, at + 2000));
  }
  for (const raw of raws) await raw.select(0);
  return written;
}

async function send(raw: Raw, commands: readonly (readonly Arg[])[]): Promise<void> {
  const replies = await raw.pipeline(commands);
  for (const [i, reply] of replies.entries()) {
    if (reply instanceof RawError) throw new Error(`${commands[i]!.slice(0, 1).join(' ')}: ${reply.message}`);
  }
}
