/** Operations of a topology: which one is unfinished, which one is meant, and which one stands in the way. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {ExitCode, escapeText, RtopoError, refusal} from '../errors.js';
import {peekLast} from '../journal/reading.js';
import {isOperationId} from '../journal/state.js';
import {readOperation, type Told} from './history.js';
import type {RebalanceRecord} from './records.js';

export function isFinished({phase}: Told): boolean {
  return phase === 'done' || phase === 'aborted';
}

/** Ids of all operations of a topology, newest first. */
function operationIds(dir: string): string[] {
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl') && isOperationId(name.slice(0, -6)));
  return names
    .map((name) => name.slice(0, -6))
    .sort()
    .reverse();
}

const pathOf = (dir: string, id: string): string => join(dir, `${id}.jsonl`);

/** Unfinished operations, newest first. Of a finished one only the end is read: a journal grows with the keys that it moved. */
export function unfinishedOperations(dir: string): readonly Told[] {
  return operationIds(dir)
    .filter((id) => peekLast<RebalanceRecord>(pathOf(dir, id))?.type !== 'end')
    .map((id) => readOperation(pathOf(dir, id)))
    .filter((told) => told !== null);
}

/** The unfinished operation, else the newest; null when there never was one. */
export function latestOperation(dir: string): Told | null {
  const [unfinished] = unfinishedOperations(dir);
  if (unfinished !== undefined) return unfinished;
  for (const id of operationIds(dir)) {
    const told = readOperation(pathOf(dir, id));
    if (told !== null) return told;
  }
  return null;
}

/**
 * The operation meant by `id`; without one the only unfinished one, or when all are finished the newest: a resume that is
 * run twice finds what it has finished.
 * @throws RtopoError `NO_OPERATION` (exit 64)
 */
export function findOperation(dir: string, id: string | undefined): Told {
  if (id !== undefined) {
    const name = id.toUpperCase();
    const told = operationIds(dir).includes(name) ? readOperation(pathOf(dir, name)) : null;
    if (told !== null) return told;
    throw noOperation(`There is no operation ${escapeText(id)} for this topology file.`, operationIds(dir).slice(0, 5));
  }
  const unfinished = unfinishedOperations(dir);
  const names = unfinished.map(({begin}) => begin.id);
  if (unfinished.length > 1)
    throw noOperation('There are several unfinished operations for this topology file.', names);
  const found = unfinished[0] ?? latestOperation(dir);
  if (found === null) throw noOperation('There is no operation for this topology file.', []);
  return found;
}

function noOperation(message: string, known: readonly string[]): RtopoError {
  return new RtopoError({
    code: 'NO_OPERATION',
    exit: ExitCode.usage,
    message,
    remedy: known.length === 0 ? 'rtopo rebalance --help' : `name one of ${known.join(', ')}`,
  });
}

/** Two half-done moves over the same keys could not both be right. @throws RtopoError exit 3 `OPERATION_UNFINISHED` */
export function refuseUnfinished(dir: string, again: string): void {
  const [unfinished] = unfinishedOperations(dir);
  if (unfinished === undefined) return;
  const {id} = unfinished.begin;
  throw refusal({
    code: 'OPERATION_UNFINISHED',
    message: `Operation ${id} of this topology is unfinished (phase ${unfinished.phase}). Nothing was changed.`,
    remedy: `rtopo rebalance resume ${id}${again}, or rtopo rebalance abort ${id}${again}`,
    details: {id, phase: unfinished.phase},
  });
}

/** True when the file already has the text of the target: the operation has cut over, whatever its last record says. */
export function hasCutOver({begin, phase}: Told): boolean {
  if (phase === 'cutover' || phase === 'pruning' || phase === 'done') return true;
  try {
    return begin.fromText !== begin.toText && readFileSync(begin.file, 'utf8') === begin.toText;
  } catch {
    return false;
  }
}
