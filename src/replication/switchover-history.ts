/** The changes of master that were made, or begun, for a topology file: which is unfinished, which is meant, who was master before. */
import {existsSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {ExitCode, escapeText, RtopoError, refusal} from '../errors.js';
import {isOperationId, stateRoot, topologyStateDir, topologyStatePath} from '../journal/state.js';
import {readChange, type Told} from './switchover-record.js';

/** Where the journals are, and the flags that a printed command must repeat to find them. */
export interface Where {
  readonly stateDir: string | undefined;
  /** Path of the topology file. */
  readonly file: string;
  readonly again: string;
}

export function changesDir({stateDir, file}: Where): string {
  return topologyStateDir(stateRoot(stateDir, process.env), file, 'mastership');
}

/** Newest first. Reads only: a folder that is not there holds nothing. */
export function allChanges({stateDir, file}: Pick<Where, 'stateDir' | 'file'>): readonly Told[] {
  const dir = topologyStatePath(stateRoot(stateDir, process.env), file, 'mastership');
  if (!existsSync(dir)) return [];
  const ids = readdirSync(dir)
    .filter((name) => name.endsWith('.jsonl') && isOperationId(name.slice(0, -6)))
    .sort()
    .reverse();
  return ids.map((name) => readChange(join(dir, name))).filter((told) => told !== null);
}

export function unfinishedChanges(where: Pick<Where, 'stateDir' | 'file'>): readonly Told[] {
  return allChanges(where).filter(({end}) => end === null);
}

/** The command that finishes an operation, of either kind: what is meant is in its journal. */
export function resumeCommand({begin}: Pick<Told, 'begin'>, again: string): string {
  return `rtopo switchover resume ${begin.id}${again}`;
}

export function abortCommand({begin}: Pick<Told, 'begin'>, again: string): string {
  return `rtopo switchover abort ${begin.id}${again}`;
}

/** Of one shard only one change at a time. @throws RtopoError exit 3 `CHANGE_UNFINISHED` */
export function refuseUnfinished(where: Where, shard: string): void {
  const unfinished = unfinishedChanges(where).find(({begin}) => begin.shard === shard);
  if (unfinished === undefined) return;
  const {id, kind, old, next} = unfinished.begin;
  throw refusal({
    code: 'CHANGE_UNFINISHED',
    message: `The ${kind} ${id} of shard ${shard}, from ${old} to ${next}, is unfinished. Nothing was changed.`,
    remedy: `${resumeCommand(unfinished, where.again)}; or: ${abortCommand(unfinished, where.again)}`,
    details: {id},
  });
}

/**
 * The change meant by `id`; without one the only unfinished one, or when all are finished the newest: a resume that is run twice finds
 * what it has finished.
 * @throws RtopoError exit 64 `NO_OPERATION`
 */
export function findChange(where: Where, id: string | undefined): Told {
  const all = allChanges(where);
  if (id !== undefined) {
    const found = all.find(({begin}) => begin.id === id.toUpperCase());
    if (found !== undefined) return found;
    throw noOperation(`There is no change of master ${escapeText(id)} for this topology file.`, all.slice(0, 5));
  }
  const unfinished = all.filter(({end}) => end === null);
  if (unfinished.length > 1) throw noOperation('There are several unfinished changes of master.', unfinished);
  const found = unfinished[0] ?? all[0];
  if (found === undefined)
    throw noOperation('No master was ever changed for this topology file from this account.', []);
  return found;
}

function noOperation(message: string, known: readonly Told[]): RtopoError {
  const names = known.map(({begin}) => begin.id).join(', ');
  return new RtopoError({
    code: 'NO_OPERATION',
    exit: ExitCode.usage,
    message,
    remedy: names === '' ? 'rtopo switchover --help' : `name one of ${names}`,
  });
}
