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
import {checkpoint, type Operation, resumeCommand, write} from './operation.js';
import {pruneAll} from './prune.js';
import type {FinalCheck, Phase, Writers} from './records.js';
import {verifyPlacement} from './verify.js';
import {judgeWriters, readWriters} from './writers.js';

export interface Outcome {
  readonly phase: Phase;
  readonly writers: Writers;
  readonly finalCheck: FinalCheck | null;
}

export interface RunOptions {
  /** Where an earlier run stopped. `planned` for a new operation. */
  readonly phase: Phase;
  /** End after the cutover and leave the sources' copies for `rtopo rebalance prune`. */
  readonly prune: boolean;
  /** True when the servers are still the processes that an earlier run left. */
  readonly sameServers: boolean;
}

/** Keys that come late are writers at work. After so many rechecks rtopo stops hoping that they end. */
const MAX_RECHECKS = 3;

export async function runOperation(operation: Operation, options: RunOptions): Promise<Outcome> {
  write(operation, {type: 'run', servers: operation.nodes.map(({at, facts}) => ({at, runId: facts.runId}))});
  // While pruning, the journal alone says what may go. With any server restarted its word is too old: every key is looked at again.
  const prunable = (options.phase === 'pruning' || options.phase === 'cutover') && options.sameServers;
  const writers = prunable ? 'unknown' : await bringAcross(operation);
  if (!options.prune) return {phase: 'cutover', writers, finalCheck: null};
  enter(operation, 'pruning');
  await pruneAll(operation);
  const finalCheck = await check(operation);
  write(operation, {type: 'end', phase: 'done', writers, finalCheck});
  return {phase: 'done', writers, finalCheck};
}

async function bringAcross(operation: Operation): Promise<Writers> {
  enter(operation, 'copying');
  restartCounts(operation.counts);
  const before = await readWriters(operation);
  await copyAll(operation, 'copy');
  enter(operation, 'copied');
  await recheck(operation);
  const writers = judgeWriters(before, await readWriters(operation));
  if (writers === 'seen') throw writersSeen(operation);
  enter(operation, 'verified');
  await raiseBarrier(operation);
  checkpoint(operation);
  await cutOver(operation);
  enter(operation, 'cutover');
  return writers;
}

async function recheck(operation: Operation): Promise<void> {
  for (let i = 0; i < MAX_RECHECKS; i++) if ((await copyAll(operation, 'recheck')) === 0) return;
  throw writersSeen(operation);
}

function writersSeen(operation: Operation): RtopoError {
  return new RtopoError({
    code: 'WRITERS_SEEN',
    exit: ExitCode.incomplete,
    message:
      'Somebody writes to the servers whose keys are moving. Nothing was deleted and the topology file is unchanged.',
    remedy: `stop the writers, then start over: rtopo rebalance abort ${operation.id}`,
    details: {id: operation.id, resume: resumeCommand(operation.id)},
  });
}

function enter(operation: Operation, phase: Phase): void {
  checkpoint(operation);
  write(operation, {type: 'phase', phase});
  operation.onProgress({phase, keys: 0, totalKeys: null, bytes: 0});
}

/** Independent of what the run believes of itself: names on servers, counted again from the start. */
async function check(operation: Operation): Promise<FinalCheck> {
  const {change, nodes, timeoutMs} = operation;
  const report = await verifyPlacement({
    topology: change.to.topology,
    placement: change.to.placement,
    retired: nodes.filter(({inTo}) => !inTo),
    timeoutMs,
  });
  if (report.misplaced === 0) return {keys: report.keys, misplaced: 0, duplicates: 0};
  throw new RtopoError({
    code: 'FINAL_CHECK_FAILED',
    exit: ExitCode.incomplete,
    message: `${report.misplaced} keys are on a server that does not own them, ${report.duplicates} of them twice: they were written during the move.`,
    remedy: `stop the writers, then: ${resumeCommand(operation.id)}`,
    details: {id: operation.id, misplaced: report.misplaced, examples: report.examples},
  });
}
