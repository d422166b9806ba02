/**
 * What a server says of itself beside ROLE and INFO: its configuration, commands, clients, modules, functions, and what the login of
 * rtopo may do there. Reads only; what may not be asked is null, never a guess.
 */
import {RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {Connection, endpointOf, type Reply} from '../redis/connect.js';
import {infoNumber, infoText, parseInfo} from '../redis/info.js';
import type {Instance} from '../topology/types.js';
import {DECLARABLE, type LiveConfig} from './settings.js';

/** An order as `ACL DRYRUN` takes it: with arguments that count, and without any secret. */
export type Trial = readonly [command: string, ...args: string[]];

export interface Reading {
  /** CONFIG GET by name; null when CONFIG is not known or not permitted. */
  readonly config: LiveConfig | null;
  /** Of the commands asked after, those that the server does not have; null when it does not say. */
  readonly missing: ReadonlySet<string> | null;
  /** Name of the user that rtopo is logged in as; null when it may not ask. */
  readonly user: string | null;
  /** Trials that the server would refuse to this login. */
  readonly denied: readonly Trial[];
  /** Clients that are neither replicas nor rtopo. */
  readonly clients: number | null;
  readonly modules: readonly string[] | null;
  /** Names of function libraries. */
  readonly libraries: readonly string[] | null;
  /** Did the last snapshot reach the disk? */
  readonly savedOk: boolean | null;
  /** A snapshot is being made, or the append-only file written anew. */
  readonly saving: boolean;
  readonly datasetBytes: number | null;
  /** Holder of rtopo's lock in database 0, as it stands there; null when there is none, or when it may not be read. */
  readonly lock: string | null;
  /** When it was read, by our clock. */
  readonly atMs: number;
}

const NAMES = [
  ...DECLARABLE,
  ...['maxmemory', 'replica-ignore-maxmemory', 'tls-replication', 'repl-diskless-load', 'repl-diskless-sync'],
  ...['repl-backlog-size', 'client-output-buffer-limit'],
];
const COMMANDS = ['replicaof', 'slaveof', 'config'];

/** Null when it went away in the meantime: the step says so itself. */
export async function readOne(
  instance: Instance,
  trials: readonly Trial[],
  timeoutMs: number,
): Promise<Reading | null> {
  let connection: Connection | null = null;
  try {
    connection = await Connection.open(endpointOf(instance), timeoutMs);
    return await read(connection, trials);
  } catch (error) {
    if (error instanceof RtopoError && error.details?.address !== undefined) return null;
    throw error;
  } finally {
    connection?.close();
  }
}

async function read(connection: Connection, trials: readonly Trial[]): Promise<Reading> {
  const ask = (command: string, ...args: string[]): Promise<Reply> => connection.attempt(command, args);
  // All in one go: the answers come in the order of the questions, and a round trip is paid once.
  const [info, known, user, clients, modules, libraries, lock, ...config] = await Promise.all([
    ask('INFO'),
    ask('COMMAND', 'INFO', ...COMMANDS),
    ask('ACL', 'WHOAMI'),
    ask('CLIENT', 'LIST', 'TYPE', 'normal'),
    ask('MODULE', 'LIST'),
    ask('FUNCTION', 'LIST'),
    ask('GET', LOCK_KEY),
    ...NAMES.map((name) => ask('CONFIG', 'GET', name)),
  ]);
  const missing = missingOf(known);
  return {
    config: configOf(config),
    missing,
    user: typeof user === 'string' ? user : null,
    denied:
      typeof user === 'string'
        ? await deniedOf(
            ask,
            user,
            trials.map((trial) => byItsOldName(trial, missing)),
          )
        : [],
    clients: typeof clients === 'string' ? countClients(clients) : null,
    modules: namesAfter(modules, 'name'),
    libraries: namesAfter(libraries, 'library_name'),
    lock: typeof lock === 'string' ? lock : null,
    atMs: Date.now(),
    ...snapshotOf(String(info ?? '')),
  };
}

function snapshotOf(text: string): Pick<Reading, 'savedOk' | 'saving' | 'datasetBytes'> {
  const info = parseInfo(text);
  const status = infoText(info, 'rdb_last_bgsave_status');
  const isRunning = (name: string): boolean => infoText(info, name) === '1';
  return {
    savedOk: status === null ? null : status === 'ok',
    saving: isRunning('rdb_bgsave_in_progress') || isRunning('aof_rewrite_in_progress'),
    datasetBytes: infoNumber(info, 'used_memory_dataset'),
  };
}

function missingOf(known: Reply): Reading['missing'] {
  if (!Array.isArray(known) || known.length !== COMMANDS.length) return null;
  return new Set(COMMANDS.filter((_, i) => known[i] === null));
}

function configOf(replies: readonly Reply[]): LiveConfig | null {
  if (replies.every((reply) => reply === null)) return null;
  return new Map(
    replies.flatMap((reply): [string, string][] =>
      Array.isArray(reply) && reply.length >= 2 ? [[String(reply[0]), String(reply[1])]] : [],
    ),
  );
}

/** Some servers are made safe by renaming REPLICAOF, and keep its older name. */
function byItsOldName([command, ...args]: Trial, missing: Reading['missing']): Trial {
  return command === 'REPLICAOF' && missing?.has('replicaof') === true ? ['SLAVEOF', ...args] : [command, ...args];
}

/** Redis 7 says what it would say, without doing it and without an entry in its ACL log. An older server does not know the question. */
async function deniedOf(
  ask: (command: string, ...args: string[]) => Promise<Reply>,
  user: string,
  trials: readonly Trial[],
): Promise<Trial[]> {
  const verdicts = await Promise.all(trials.map((trial) => ask('ACL', 'DRYRUN', user, ...trial)));
  return trials.filter((_, i) => typeof verdicts[i] === 'string' && verdicts[i] !== 'OK');
}

function countClients(list: string): number {
  return list.split('\n').filter((line) => /\bcmd=/.test(line) && !/ name=rtopo /.test(line)).length;
}

/** Entries are lists of names and values in turn. */
function namesAfter(reply: Reply, label: string): readonly string[] | null {
  if (!Array.isArray(reply)) return null;
  return reply.flatMap((entry) => {
    const at = Array.isArray(entry) ? entry.findIndex((part, i) => i % 2 === 0 && part === label) : -1;
    return at < 0 ? [] : [String((entry as Reply[])[at + 1])];
  });
}
