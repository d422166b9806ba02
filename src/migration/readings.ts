/**
 * Pure: what a source says of the writes it has taken, at one moment. Two readings are compared; the first one is written to the journal, so that a process
 * that resumes compares with what was before its predecessor began. Hence plain JSON.
 */
import type {CommandTable} from '../redis/commands.js';
import {WRITE_COMMANDS} from '../redis/effects.js';
import {type Info, infoNumber, infoText} from '../redis/info.js';

/** Changes that the operation itself has made on a server, as far as they are counted there. */
export interface OwnCounts {
  /** Names the process that counts: of what another one has done nobody knows the number. */
  readonly session: string;
  readonly sure: number;
  readonly perhaps: number;
  /** Calls of write commands, refused ones included; null when they are not counted. */
  readonly calls: number | null;
}

export interface Reading {
  /** Address of the server. */
  readonly node: string;
  /** Lines of INFO that this needs were given twice: somebody has injected text, and nothing here is worth anything. */
  readonly isForged: boolean;
  readonly isMaster: boolean;
  readonly runId: string | null;
  readonly replid: string | null;
  /** `master_repl_offset`, in bytes. */
  readonly offset: number | null;
  /** First offset that is still held; null without a backlog. */
  readonly backlogFirst: number | null;
  /** The offset moves with every write even where there is no backlog (Redis 7.2, Valkey). */
  readonly offsetAlwaysMoves: boolean;
  /** `rdb_changes_since_last_save`: every change of a key made by a command, and no active expiry. */
  readonly changes: number | null;
  readonly lastSave: number | null;
  /** Snapshots finished since the server started: the time of the last one counts whole seconds only. Null before Redis 7.0. */
  readonly saves: number | null;
  /** One that is under way takes its changes off the counter when it ends. */
  readonly isSaving: boolean;
  /** Calls per write command since the start or the last CONFIG RESETSTAT; those never called are left out. */
  readonly calls: Readonly<Record<string, number>>;
  /** Calls of CONFIG RESETSTAT, or of CONFIG altogether before Redis 7.0. */
  readonly resets: number;
  /** Commands of all kinds. */
  readonly commands: number | null;
  readonly own: OwnCounts;
}

export type Readings = readonly Reading[];

const USED =
  /^(run_id|role|redis_version|master_replid|master_repl_offset|repl_backlog_.+|rdb_.+|cmdstat_.+|total_commands_processed)$/;

/** @param info of INFO ALL, so that all of it speaks of one moment */
export function readingOf(
  node: string,
  info: Info,
  {commands, own}: {readonly commands: CommandTable | null; readonly own: OwnCounts},
): Reading {
  const isActive = infoText(info, 'repl_backlog_active') === '1';
  return {
    node,
    isForged: info.repeated.some((name) => USED.test(name)),
    isMaster: infoText(info, 'role') === 'master',
    runId: infoText(info, 'run_id'),
    replid: infoText(info, 'master_replid'),
    offset: infoNumber(info, 'master_repl_offset'),
    backlogFirst: isActive ? infoNumber(info, 'repl_backlog_first_byte_offset') : null,
    // Valkey calls itself Redis 7.2.4.
    offsetAlwaysMoves: isAtLeast(infoText(info, 'redis_version'), 7, 2),
    changes: infoNumber(info, 'rdb_changes_since_last_save'),
    lastSave: infoNumber(info, 'rdb_last_save_time'),
    saves: infoNumber(info, 'rdb_saves'),
    isSaving: infoText(info, 'rdb_bgsave_in_progress') === '1',
    calls: writeCalls(info, commands),
    resets: callsOf(info, 'config|resetstat') ?? callsOf(info, 'config') ?? 0,
    commands: infoNumber(info, 'total_commands_processed'),
    own,
  };
}

/** Names of called commands that are not known to write; containers of subcommands by their own name. */
export function unknownCommands(info: Info): readonly string[] {
  const names = calledCommands(info).filter((name) => !WRITE_COMMANDS.has(name));
  return [...new Set(names.map((name) => name.split('|')[0]!))];
}

function calledCommands(info: Info): readonly string[] {
  const fields = [...info.fields.keys()].filter((field) => field.startsWith('cmdstat_'));
  return fields.map((field) => field.slice('cmdstat_'.length));
}

function writeCalls(info: Info, commands: CommandTable | null): Record<string, number> {
  const calls: Record<string, number> = {};
  for (const name of calledCommands(info)) {
    const writes = WRITE_COMMANDS.has(name) || commands?.get(name)?.writes === true;
    const count = writes ? callsOf(info, name) : null;
    if (count !== null && count > 0) calls[name] = count;
  }
  return calls;
}

function callsOf(info: Info, command: string): number | null {
  const count = /^calls=(\d{1,15}),/.exec(info.fields.get(`cmdstat_${command}`) ?? '')?.[1];
  return count === undefined ? null : Number(count);
}

function isAtLeast(version: string | null, major: number, minor: number): boolean {
  const [, first, second] = /^(\d{1,4})\.(\d{1,4})/.exec(version ?? '') ?? [];
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
