/**
 * The phases of an operation, in the order that makes each one's crash harmless:
 * copy → recheck → barrier → cutover → prune → final check. Before the barrier the sources hold everything; after it the targets do, durably.
 * Nothing in between deletes. Every phase can be run again.
 */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {dropAside} from './aside.js';
import {raiseBarrier} from './barrier.js';
import {copyAll} from './copy.js';
import {cutOver} from './cutover.js';
import {restartCounts} from './history.js';
import {probeNodes} from './intake.js';
import type {NodeKey, WritersVerdict} from './judge-writers.js';
import {abortCommand, checkpoint, type Operation, resumeCommand, write, writeEnd} from './operation.js';
import {proveEnd} from './prove.js';
import {type Kept, pruneAll} from './prune.js';
import type {Readings} from './readings.js';
import {recopyTouched} from './recopy.js';
import type {FinalCheck, Phase, Writers} from './records.js';
import {whileSampling} from './sampler.js';
import {proveWriters, readWriters} from './writers.js';

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
  /** What the sources told before those copies; null when nobody asked. */
  readonly readings: Readings | null;
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
    operation.intakes = await probeNodes(operation);
    const across = await bringAcross(operation, {readings: goesOn(options) ? options.readings : null, stopAfter});
    if (across.phase !== 'cutover') return {...across, finalCheck: null};
    writers = across.writers;
  }
  if (stopAfter === 'cutover') return {phase: 'cutover', writers, finalCheck: null};
  let kept = await prune(operation);
  // A target that was restarted since may have come back without its copies. The sources still hold them: once more.
  if (kept.missing > 0 && isCutOver && !options.sameServers) {
    operation.intakes = await probeNodes(operation);
    ({writers} = await bringAcross(operation, {readings: null, stopAfter: null}));
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

/** `readings`: those of the pass that this one goes on with; null: a new pass. */
async function bringAcross(
  operation: Operation,
  {readings, stopAfter}: {readonly readings: Readings | null; readonly stopAfter: StopAfter | null},
): Promise<Across> {
  const before = readings ?? (await beginPass(operation));
  await copyAll(operation, 'copy');
  await enter(operation, 'copied');
  if (stopAfter === 'copied') return {phase: 'copied', writers: 'unknown'};
  const writers = await settleWriters(operation, before);
  await enter(operation, 'verified', writers);
  await raiseBarrier(operation);
  if (stopAfter === 'verified') return {phase: 'verified', writers};
  checkpoint(operation);
  await cutOver(operation);
  operation.hasCutOver = true;
  await enter(operation, 'cutover');
  return {phase: 'cutover', writers};
}

async function beginPass(operation: Operation): Promise<Readings> {
  await enter(operation, 'copying');
  restartCounts(operation.counts);
  operation.cursors = new Map();
  const readings = await readWriters(operation);
  await write(operation, {type: 'watch', readings});
  return readings;
}

/** Keys that are touched while touched ones are copied again: rounds, until nobody wrote in the last one. */
const MAX_ROUNDS = 20;

/** Nobody wrote; or what was written is copied again; or it cannot be known, and then every key is asked for once more. */
async function settleWriters(operation: Operation, before: Readings): Promise<Writers> {
  // After the cutover the applications are welcome to write.
  if (operation.hasCutOver) {
    await recheck(operation);
    return 'unknown';
  }
  let [since, wasSeen] = [before, false];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    checkpoint(operation);
    const now = await readWriters(operation);
    const verdict = await proveWriters(operation, since, now);
    // SCAN returns every key that was there all the time: where nobody wrote, none can have come late.
    if (verdict.verdict === 'none-seen') return wasSeen ? 'seen' : 'none-seen';
    if (verdict.verdict === 'unknown') break;
    if (operation.settings.writers === 'fail' || (await recopyTouched(operation, verdict)) === null)
      throw writersSeen(operation, verdict);
    [since, wasSeen] = [now, true];
  }
  if (wasSeen) throw writersSeen(operation, null);
  await recheck(operation);
  return 'unknown';
}

async function recheck(operation: Operation): Promise<void> {
  for (let i = 0; i < MAX_RECHECKS; i++) if ((await copyAll(operation, 'recheck')) === 0) return;
  throw writersSeen(operation, null);
}

async function prune(operation: Operation): Promise<Kept> {
  await enter(operation, 'pruning');
  return pruneAll(operation);
}

function writersSeen(operation: Operation, verdict: WritersVerdict | null): RtopoError {
  const {id, file, hasCutOver} = operation;
  const touched = [...(verdict?.written ?? []), ...(verdict?.deleted ?? [])];
  const examples = touched.slice(0, 20).map(({node, db, key}) => ({node, db, keyBase64: key.toString('base64')}));
  const details = {id, resume: resumeCommand(operation), ...(verdict && {method: verdict.method, examples})};
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
    message: `Somebody writes to the servers whose keys are moving${namesOf(touched)}. Nothing was deleted and the topology file is unchanged.`,
    remedy: `stop the writers, then undo the copies and start over: ${abortCommand(operation)}`,
  });
}

function namesOf(touched: readonly NodeKey[]): string {
  if (touched.length === 0) return '';
  const names = touched.slice(0, 3).map(({key}) => escapeText(key.toString('utf8')));
  return ` (${touched.length} of these keys were touched, for example ${names.join(', ')})`;
}

async function enter(operation: Operation, phase: Phase, writers?: Writers): Promise<void> {
  checkpoint(operation);
  await write(operation, {type: 'phase', phase, ...(writers === undefined ? {} : {writers})});
  operation.onProgress({phase, keys: 0, totalKeys: null, bytes: 0});
}
