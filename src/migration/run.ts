/**
 * The phases of an operation, in the order that makes each one's crash harmless:
 * copy → recheck → barrier → cutover → prune → final check. Before the barrier the sources hold everything; after it the targets do, durably.
 * Nothing in between deletes. Every phase can be run again.
 */
import {bringAcross, type StopAfter} from './across.js';
import {dropAside} from './aside.js';
import {raiseBarrier} from './barrier.js';
import type {Told} from './history.js';
import {enter, type Operation, type WritersSettled, write, writeEnd} from './operation.js';
import {proveEnd} from './prove.js';
import {type Kept, pruneAll} from './prune.js';
import type {FinalCheck, Phase, Writers} from './records.js';
import {whileSampling} from './sampler.js';

export type {StopAfter} from './across.js';

export interface Outcome {
  readonly phase: Phase;
  readonly writers: Writers;
  /** What decided the verdict on writers; null where nothing could. */
  readonly method: string | null;
  readonly finalCheck: FinalCheck | null;
}

export interface RunOptions {
  /** Where an earlier run stopped. `planned` for a new operation. */
  readonly phase: Phase;
  /** End when this phase is reached; null: go on to the end. After `cutover` the sources' copies are left for `rtopo rebalance prune`. */
  readonly stopAfter: StopAfter | null;
  /** True when the servers are still the processes that were there when the copies were made. */
  readonly sameServers: boolean;
  /** What the journal told of the copies that an earlier run made; `FRESH` for a new operation. */
  readonly told: Pick<Told, 'leftovers' | 'writers' | 'method' | 'readings' | 'isDurable'>;
}

export const FRESH: RunOptions['told'] = {
  ...{leftovers: false, writers: 'unknown', method: null},
  ...{readings: null, isDurable: false},
};

export function runOperation(operation: Operation, options: RunOptions): Promise<Outcome> {
  return whileSampling(operation, () => runPhases(operation, options));
}

async function runPhases(operation: Operation, options: RunOptions): Promise<Outcome> {
  const {stopAfter, told, sameServers} = options;
  await write(operation, {type: 'run', servers: operation.nodes.map(({at, facts}) => ({at, runId: facts.runId}))});
  // Once the copies are proved and durable, the journal says what may go, key by key; what pruning leaves is looked at anew.
  const isCutOver = (options.phase === 'cutover' || options.phase === 'pruning') && !told.leftovers;
  let {writers, method, isDurable}: WritersSettled & {readonly isDurable: boolean} = told;
  if (!isCutOver) {
    const across = await bringAcross(operation, {readings: goesOn(options) ? told.readings : null, stopAfter});
    if (across.phase !== 'cutover') return {...across, finalCheck: null};
    ({writers, method, isDurable} = across);
  }
  if (stopAfter === 'cutover') return {phase: 'cutover', writers, method, finalCheck: null};
  let kept = await prune(operation, isDurable);
  // A target that was restarted since may have come back without its copies. The sources still hold them: once more.
  if (kept.missing > 0 && isCutOver && !sameServers) {
    ({writers, method, isDurable} = await bringAcross(operation, {readings: null, stopAfter: null}));
    kept = await prune(operation, isDurable);
  }
  const finalCheck = await proveEnd(operation, kept);
  await dropAside(operation);
  await writeEnd(operation, {type: 'end', phase: 'done', writers, finalCheck});
  return {phase: 'done', writers, method, finalCheck};
}

/** The copies that an earlier run made are where they were: on the same processes, which have not lost their memory since. */
function goesOn({phase, sameServers, told}: RunOptions): boolean {
  return sameServers && !told.leftovers && (phase === 'copying' || phase === 'copied' || phase === 'verified');
}

/** `isDurable`: a barrier stands behind the last copy. */
async function prune(operation: Operation, isDurable: boolean): Promise<Kept> {
  if (!isDurable) await raiseBarrier(operation);
  await enter(operation, 'pruning');
  return pruneAll(operation);
}
