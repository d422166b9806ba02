/**
 * What a command that a master hands on to its replicas has done, and to which keys. The stream holds effects, not what clients have sent: SPOP arrives as SREM,
 * a script as what it did (Redis 5 and later), an expired key as DEL. Every command that is known here is known with the keys it changes; one that is
 * not known, and that the server does not describe either, may have done anything.
 */
import {escapeText} from '../errors.js';
import type {CommandTable} from './commands.js';
import {type Arguments, type KeySpec, keyRange, keysAt} from './key-specs.js';

/** A key that was changed; `db` is null for the database that the stream is in. */
export interface ChangedKey {
  readonly db: number | null;
  readonly key: Buffer;
}

export type Effect =
  /** Nothing that is kept: a ping, a message, the frame of a transaction. */
  | {readonly kind: 'none'}
  | {readonly kind: 'select'; readonly db: number}
  | {readonly kind: 'written'; readonly keys: readonly ChangedKey[]}
  /** By a client, or because it had expired: the stream does not tell these apart. */
  | {readonly kind: 'deleted'; readonly keys: readonly ChangedKey[]}
  /** `what` names the command; `data` is false for libraries of functions and scripts, which are no keys. */
  | {readonly kind: 'wholesale'; readonly what: string; readonly data: boolean};

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** One key, the first argument. */
const FIRST = words(`
  append bitfield decr decrby getdel getex getset incr incrby incrbyfloat psetex set setbit setex setnx setrange delex delifeq
  expire expireat pexpire pexpireat persist pfadd pfmerge restore restore-asking
  hdel hincrby hincrbyfloat hmset hset hsetnx hexpire hexpireat hpexpire hpexpireat hpersist hsetex hgetex hgetdel
  linsert lpop lpush lpushx lrem lset ltrim rpop rpush rpushx
  sadd srem spop sdiffstore sinterstore sunionstore
  zadd zincrby zpopmax zpopmin zrem zremrangebylex zremrangebyrank zremrangebyscore
  zrangestore zdiffstore zinterstore zunionstore geoadd geosearchstore
  xack xadd xautoclaim xclaim xdel xsetid xtrim xackdel xdelex xcfgset
  vadd vrem vsetattr`);

const SPECS: ReadonlyMap<string, readonly KeySpec[]> = new Map<string, readonly KeySpec[]>([
  ...FIRST.map((name) => [name, [keyRange(1)]] as const),
  ...words('rename renamenx lmove rpoplpush smove blmove brpoplpush').map((name) => [name, [keyRange(1, 2)]] as const),
  ...words('del unlink pfcount').map((name) => [name, [keyRange(1, -1)]] as const),
  ...words('mset msetnx').map((name) => [name, [keyRange(1, -1, 2)]] as const),
  ...words('blpop brpop bzpopmin bzpopmax').map((name) => [name, [keyRange(1, -2)]] as const),
  ...words('bitop pfdebug xgroup').map((name) => [name, [keyRange(2)]] as const),
  ...words('lmpop zmpop').map((name) => [name, [counted(1)]] as const),
  ...words('blmpop bzmpop').map((name) => [name, [counted(2)]] as const),
  ['msetex', [counted(1, 2)]],
  ['georadius', [after('STORE', 6), after('STOREDIST', 6)]],
  ['georadiusbymember', [after('STORE', 5), after('STOREDIST', 5)]],
  ['xreadgroup', [{begin: {keyword: 'STREAMS', from: 4}, find: {kind: 'range', last: -1, step: 1, limit: 2}}]],
]);

function counted(at: number, step = 1): KeySpec {
  return {begin: at, find: {kind: 'keynum', countAt: 0, first: 1, step}};
}

function after(keyword: string, from: number): KeySpec {
  return {begin: {keyword, from}, find: {kind: 'range', last: 0, step: 1, limit: 0}};
}

const NOTHING = new Set(words('ping replconf multi exec publish spublish'));
/** Whole databases; and scripts, which Redis 4 and older hand on as they are. */
const WHOLESALE = new Set(words('flushall flushdb swapdb eval evalsha fcall migrate'));
const LIBRARIES = new Set(words('function script'));
const DELETING = new Set(['del', 'unlink']);

/** Names in lower case of the commands that change keys, for servers that do not describe theirs. Subcommands as `xgroup|create`. */
export const WRITE_COMMANDS: ReadonlySet<string> = new Set([
  ...[...SPECS.keys()].filter((name) => name !== 'pfcount' && name !== 'xgroup'),
  ...words('copy move sort flushall flushdb swapdb migrate xgroup cluster|flushslot'),
  ...words('create setid destroy delconsumer createconsumer').map((name) => `xgroup|${name}`),
  ...words('load delete flush restore').map((name) => `function|${name}`),
]);

/** @param table what the server says of commands that are not known here, such as those of modules; null when it says nothing */
export function effectOf(command: Arguments, table: CommandTable | null): Effect {
  const name = textAt(command, 0)?.toLowerCase() ?? '';
  if (NOTHING.has(name)) return {kind: 'none'};
  if (WHOLESALE.has(name)) return wholesale(command);
  if (LIBRARIES.has(name)) return {...wholesale(command), data: false};
  switch (name) {
    case 'select':
      return select(command);
    case 'copy':
      return copied(command);
    case 'move':
      return moved(command);
    case 'sort':
      return sorted(command);
  }
  const specs = SPECS.get(name) ?? table?.get(name)?.written ?? null;
  if (specs === null) return wholesale(command);
  const keys: ChangedKey[] = [];
  for (const spec of specs) {
    const found = keysAt(spec, command);
    if (found === null) return wholesale(command);
    for (const key of found) keys.push({db: null, key});
  }
  return {kind: DELETING.has(name) ? 'deleted' : 'written', keys};
}

function textAt({args}: Arguments, index: number): string | null {
  return args[index]?.toString('latin1') ?? null;
}

function numberAt(command: Arguments, index: number): number | null {
  const text = textAt(command, index);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** The name, and for what concerns databases their numbers: never the values of an unknown command. */
function wholesale(command: Arguments): Effect & {kind: 'wholesale'} {
  const name = escapeText((textAt(command, 0) ?? '?').slice(0, 40).toUpperCase());
  const numbers = name === 'SWAPDB' ? [numberAt(command, 1), numberAt(command, 2)] : [];
  return {kind: 'wholesale', what: [name, ...numbers].join(' '), data: true};
}

function select(command: Arguments): Effect {
  const db = numberAt(command, 1);
  return db === null ? wholesale(command) : {kind: 'select', db};
}

/** COPY source destination [DB number] [REPLACE]: the source is only read. */
function copied(command: Arguments): Effect {
  const key = command.args[2];
  if (key === undefined || key === null) return wholesale(command);
  for (let i = 3; i < command.argc; i++) {
    if (textAt(command, i)?.toUpperCase() !== 'DB') continue;
    const db = numberAt(command, i + 1);
    return db === null ? wholesale(command) : {kind: 'written', keys: [{db, key}]};
  }
  return {kind: 'written', keys: [{db: null, key}]};
}

/** MOVE key number: it leaves one database and appears in another. */
function moved(command: Arguments): Effect {
  const [key, db] = [command.args[1], numberAt(command, 2)];
  if (key === undefined || key === null || db === null) return wholesale(command);
  return {
    kind: 'written',
    keys: [
      {db: null, key},
      {db, key},
    ],
  };
}

/** SORT key … STORE destination. The words after BY, GET and LIMIT are read over as the server does: a pattern may be called STORE. */
function sorted(command: Arguments): Effect {
  const skip: Readonly<Record<string, number>> = {LIMIT: 2, GET: 1, BY: 1};
  let destination: Buffer | null | undefined;
  for (let i = 2; i < command.argc; i++) {
    const word = textAt(command, i)?.toUpperCase() ?? '';
    if (word === 'STORE' && i + 1 < command.argc) {
      destination = command.args[i + 1];
      if (destination === undefined || destination === null) return wholesale(command);
      i += 1;
    } else i += skip[word] ?? 0;
  }
  return {
    kind: 'written',
    keys: destination === undefined || destination === null ? [] : [{db: null, key: destination}],
  };
}
