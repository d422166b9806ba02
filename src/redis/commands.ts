/** Reader of COMMAND: which commands a server has, which of them write, and which keys these change. */
import {type KeySpec, keyRange} from './key-specs.js';

export interface CommandFacts {
  readonly writes: boolean;
  /** The keys that it changes, those that it only reads left out; null when the server does not say for certain. */
  readonly written: readonly KeySpec[] | null;
}

/** By name in lower case, subcommands as `xgroup|create`: as INFO commandstats names them. */
export type CommandTable = ReadonlyMap<string, CommandFacts>;

/** Takes the reply of either kind of connection; what has another form than expected is left out. */
export function readCommandTable(reply: unknown): CommandTable {
  const table = new Map<string, CommandFacts>();
  for (const entry of list(reply)) readEntry(list(entry), table);
  return table;
}

function readEntry(entry: readonly unknown[], table: Map<string, CommandFacts>): void {
  const name = word(entry[0]).toLowerCase();
  if (name === '') return;
  const flags = list(entry[2]).map(word);
  const writes = flags.includes('write');
  table.set(name, {writes, written: writes ? writtenSpecs(entry, flags) : null});
  for (const sub of list(entry[9])) readEntry(list(sub), table);
}

function writtenSpecs(entry: readonly unknown[], flags: readonly string[]): readonly KeySpec[] | null {
  if (entry[8] === undefined) return oldSpecs(entry, flags);
  const specs = list(entry[8]).map(readSpec);
  if (specs.includes('unknown')) return null;
  const written = specs.filter((spec): spec is KeySpec => typeof spec === 'object');
  // A command that writes and claims to change no key: a whole database, or a claim that is not to be relied on.
  return written.length === 0 ? null : written;
}

/** Before Redis 7.0: one range, in which keys that are written and keys that are only read are not told apart. */
function oldSpecs(entry: readonly unknown[], flags: readonly string[]): readonly KeySpec[] | null {
  const [first, last, step] = entry.slice(3, 6).map(Number) as [number, number, number];
  if (!(first > 0) || flags.includes('movablekeys')) return null;
  return [keyRange(first, last, step)];
}

function readSpec(reply: unknown): KeySpec | 'read-only' | 'unknown' {
  const spec = pairs(reply);
  const flags = list(spec.get('flags')).map(word);
  if (flags.includes('incomplete')) return 'unknown';
  if (flags.includes('not_key') || flags.includes('RO')) return 'read-only';
  const begin = readBegin(pairs(spec.get('begin_search')));
  const find = readFind(pairs(spec.get('find_keys')));
  return begin === null || find === null ? 'unknown' : {begin, find};
}

function readBegin(search: ReadonlyMap<string, unknown>): KeySpec['begin'] | null {
  const spec = pairs(search.get('spec'));
  const number = (name: string): number => Number(spec.get(name));
  switch (word(search.get('type'))) {
    case 'index':
      return number('index') > 0 ? number('index') : null;
    case 'keyword':
      return {keyword: word(spec.get('keyword')).toUpperCase(), from: number('startfrom')};
    default:
      return null;
  }
}

function readFind(find: ReadonlyMap<string, unknown>): KeySpec['find'] | null {
  const spec = pairs(find.get('spec'));
  const number = (name: string): number => Number(spec.get(name));
  switch (word(find.get('type'))) {
    case 'range':
      return {kind: 'range', last: number('lastkey'), step: number('keystep'), limit: number('limit')};
    case 'keynum':
      return {kind: 'keynum', countAt: number('keynumidx'), first: number('firstkey'), step: number('keystep')};
    default:
      return null;
  }
}

function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

/** A map as RESP2 writes it: names and values in turn. */
function pairs(reply: unknown): ReadonlyMap<string, unknown> {
  const items = list(reply);
  return new Map(items.flatMap((name, i) => (i % 2 === 0 ? [[word(name), items[i + 1]] as const] : [])));
}

function word(reply: unknown): string {
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : typeof reply === 'string' ? reply : '';
}
