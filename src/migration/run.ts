/**
 * The phases of an operation, in the order that makes each one's crash harmless:
 * copy → recheck → barrier → cutover → prune → final check. Before the barrier the sources hold everything; after it the targets do, durably.
 * Nothing in between deletes. Every phase can be run again.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {raiseBarrier} from './barrier.js';
import {copyAll} from './copy.js';
import {cutOver} from './cutover.js';
import {restartCounts} from './history.js';
import {abortCommand, checkpoint, type Operation, resumeCommand, write, writeEnd} from './operation.js';
import {proveEnd} from './prove.js';
import {type Kept, pruneAll} from './prune.js';
import type {FinalCheck, Phase, Writers} from './records.js';
import {judgeWriters, readWriters} from './writers.js';

export interface Outcome {
  readonly phase: Phase;
  readonly writers: Writers;
  readonly finalCheck: FinalCheck | null;
}

export interface RunOptions {
  /** Where an earlier run stopped. `planned` for a new operation. */
  readonly phase: Phase;
  /** End when this phase is reached and leave the rest for a resume; null: to the end. */
  readonly stopAfter: 'copied' | 'verified' | 'cutover' | null;
  /** True when the servers are still the processes that were there when the copies were made. */
  readonly sameServers: boolean;
  /** Pruning has ended before and left keys behind. */
  readonly leftovers: boolean;
  /** The verdict on the copies that an earlier run made. */
  readonly writers: Writers;
}

/** Keys that come late are writers at work. After so many rechecks rtopo stops hoping that they end. */
const MAX_RECHECKS = 3;

export async function runOperation(operation: Operation, options: RunOptions): Promise<Outcome> {
  write(operation, {type: 'run', servers: operation.nodes.map(({at, facts}) => ({at, runId: facts.runId}))});
  // Once the copies are proved and durable, the journal says what may go, key by key; what pruning leaves is looked at anew.
  const isCopied = (options.phase === 'cutover' || options.phase === 'pruning') && !options.leftovers;
  let writers = isCopied ? options.writers : await bringAcross(operation);
  if (options.stopAfter !== null) return {phase: 'cutover', writers, finalCheck: null};
  let kept = await prune(operation);
  // A target that was restarted since may have come back without its copies. The sources still hold them: once more.
  if (kept.missing > 0 && isCopied && !options.sameServers) {
    writers = await bringAcross(operation);
    kept = await prune(operation);
  }
  const finalCheck = await proveEnd(operation, kept);
  await writeEnd(operation, {type: 'end', phase: 'done', writers, finalCheck});
  return {phase: 'done', writers, finalCheck};
}

async function bringAcross(operation: Operation): Promise<Writers> {
  enter(operation, 'copying');
  restartCounts(operation.counts);
  const before = await readWriters(operation);
  await copyAll(operation, 'copy');
  enter(operation, 'copied');
  await recheck(operation);
  // After the cutover the applications are welcome to write.
  const writers = operation.hasCutOver ? 'unknown' : judgeWriters(before, await readWriters(operation));
  if (writers === 'seen') throw writersSeen(operation);
  enter(operation, 'verified', writers);
  await raiseBarrier(operation);
  checkpoint(operation);
  await cutOver(operation);
  operation.hasCutOver = true;
  enter(operation, 'cutover');
  return writers;
}

async function recheck(operation: Operation): Promise<void> {
  for (let i = 0; i < MAX_RECHECKS; i++) if ((await copyAll(operation, 'recheck')) === 0) return;
  throw writersSeen(operation);
}

function prune(operation: Operation): Promise<Kept> {
  enter(operation, 'pruning');
  return pruneAll(operation);
}

function writersSeen(operation: Operation): RtopoError {
  const {id, file, hasCutOver} = operation;
  const details = {id, resume: resumeCommand(operation)};
  const fault = {code: 'WRITERS_SEEN', exit: ExitCode.incomplete, details};
  if (hasCutOver) {
    return new RtopoError({
      ...fault,
      message: `Somebody still writes to servers that do not own those keys any more. ${file} already names the new owners.`,
      remedy: `point every writer at the new topology, then: ${resumeCommand(operation)}`,
    });
  }
  return new RtopoError({
    ...fault,
    message:
      'Somebody writes to the servers whose keys are moving. Nothing was deleted and the topology file is unchanged.',
    remedy: `stop the writers, then undo the copies and start over: ${abortCommand(operation)}`,
  });
}

function enter(operation: Operation, phase: Phase, writers?: Writers): void {
  checkpoint(operation);
  write(operation, {type: 'phase', phase, ...(writers === undefined ? {} : {writers})});
  operation.onProgress({phase, keys: 0, totalKeys: null, bytes: 0});
}
