/**
 * The phases of an operation, in the order that makes each one's crash harmless:
 * copy → recheck → barrier → cutover → prune → final check. Before the barrier the sources hold everything; after it the targets do, durably.
 * Nothing in between deletes. Every phase can be run again.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {dropAside} from './aside.js';
import {raiseBarrier} from './barrier.js';
import {copyAll} from './copy.js';
import {cutOver} from './cutover.js';
import {restartCounts} from './history.js';
import {abortCommand, checkpoint, type Operation, resumeCommand, write, writeEnd} from './operation.js';
import {proveEnd} from './prove.js';
import {type Kept, pruneAll} from './prune.js';
import type {FinalCheck, Phase, Writers} from './records.js';
import {whileSampling} from './sampler.js';
import {judgeWriters, readWriters} from './writers.js';

export interface Outcome {
  readonly phase: Phase;
  readonly writers: Writers;
  readonly finalCheck: FinalCheck | null;
}

export type StopAfter = 'copied' | 'verified' | 'cutover';

export interface RunOptions {
  /** Where an earlier run stopped. `planned` for a new operation. */
  readonly phase: Phase;
  /** End when this phase is reached; null: go on to the end. After `cutover` the sources' copies are left for `rtopo rebalance prune`. */
  readonly stopAfter: StopAfter | null;
  /** True when the servers are still the processes that were there when the copies were made. */
  readonly sameServers: boolean;
  /** Pruning has ended before and left keys behind. */
  readonly leftovers: boolean;
  /** The verdict on the copies that an earlier run made. */
  readonly writers: Writers;
}

/** Keys that come late are writers at work. After so many rechecks rtopo stops hoping that they end. */
const MAX_RECHECKS = 3;

export function runOperation(operation: Operation, options: RunOptions): Promise<Outcome> {
  return whileSampling(operation, () => runPhases(operation, options));
}

async function runPhases(operation: Operation, options: RunOptions): Promise<Outcome> {
  const {stopAfter} = options;
  await write(operation, {type: 'run', servers: operation.nodes.map(({at, facts}) => ({at, runId: facts.runId}))});
  // Once the copies are proved and durable, the journal says what may go, key by key; what pruning leaves is looked at anew.
  const isCutOver = (options.phase === 'cutover' || options.phase === 'pruning') && !options.leftovers;
  let writers = isCutOver ? options.writers : 'unknown';
  if (!isCutOver) {
    const across = await bringAcross(operation, {goesOn: goesOn(options), stopAfter});
    if (across.phase !== 'cutover') return {...across, finalCheck: null};
    writers = across.writers;
  }
  if (stopAfter === 'cutover') return {phase: 'cutover', writers, finalCheck: null};
  let kept = await prune(operation);
  // A target that was restarted since may have come back without its copies. The sources still hold them: once more.
  if (kept.missing > 0 && isCutOver && !options.sameServers) {
    ({writers} = await bringAcross(operation, {goesOn: false, stopAfter: null}));
    kept = await prune(operation);
  }
  const finalCheck = await proveEnd(operation, kept);
  await dropAside(operation);
  await writeEnd(operation, {type: 'end', phase: 'done', writers, finalCheck});
  return {phase: 'done', writers, finalCheck};
}

/** The copies that an earlier run made are where they were: on the same processes, which have not lost their memory since. */
function goesOn({phase, sameServers, leftovers}: RunOptions): boolean {
  return sameServers && !leftovers && (phase === 'copying' || phase === 'copied' || phase === 'verified');
}

interface Across {
  /** `cutover`, unless it was to stop before. */
  readonly phase: StopAfter;
  readonly writers: Writers;
}

async function bringAcross(
  operation: Operation,
  {goesOn: isContinued, stopAfter}: {readonly goesOn: boolean; readonly stopAfter: StopAfter | null},
): Promise<Across> {
  if (!isContinued) {
    await enter(operation, 'copying');
    restartCounts(operation.counts);
    operation.cursors = new Map();
  }
  const before = await readWriters(operation);
  await copyAll(operation, 'copy');
  await enter(operation, 'copied');
  if (stopAfter === 'copied') return {phase: 'copied', writers: 'unknown'};
  // After the cutover the applications are welcome to write; and what happened before this run nobody has watched.
  const isWatched = !operation.hasCutOver && !isContinued;
  const writers = isWatched ? judgeWriters(before, await readWriters(operation)) : 'unknown';
  if (writers === 'seen') throw writersSeen(operation);
  // SCAN returns every key that was there all the time: where nobody wrote, none can have come late.
  if (writers !== 'none-seen') await recheck(operation);
  await enter(operation, 'verified', writers);
  await raiseBarrier(operation);
  if (stopAfter === 'verified') return {phase: 'verified', writers};
  checkpoint(operation);
  await cutOver(operation);
  operation.hasCutOver = true;
  await enter(operation, 'cutover');
  return {phase: 'cutover', writers};
}

async function recheck(operation: Operation): Promise<void> {
  for (let i = 0; i < MAX_RECHECKS; i++) if ((await copyAll(operation, 'recheck')) === 0) return;
  throw writersSeen(operation);
}

async function prune(operation: Operation): Promise<Kept> {
  await enter(operation, 'pruning');
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

async function enter(operation: Operation, phase: Phase, writers?: Writers): Promise<void> {
  checkpoint(operation);
  await write(operation, {type: 'phase', phase, ...(writers === undefined ? {} : {writers})});
  operation.onProgress({phase, keys: 0, totalKeys: null, bytes: 0});
}
