/**
 * From the first copy to the cutover: copy → prove that nobody wrote, or copy again what was written → barrier → cutover.
 * All of it can be run again, and until its last step the sources are the owners of their keys.
 */
import {raiseBarrier} from './barrier.js';
import {copyAll} from './copy.js';
import {cutOver} from './cutover.js';
import type {Fence} from './fence.js';
import {copyFunctions} from './functions.js';
import {restartCounts} from './history.js';
import {lift, raiseOver} from './hold-writers.js';
import {probeNodes} from './intake.js';
import {checkpoint, enter, type Operation, type WritersSettled, write} from './operation.js';
import type {Readings} from './readings.js';
import {recopyTouched} from './recopy.js';
import type {Writers} from './records.js';
import {dropSurplus} from './split-keys.js';
import {fillChildren, splitOff} from './split-run.js';
import {proveWriters, readWriters, writersSeen} from './writers.js';

export type StopAfter = 'copied' | 'verified' | 'cutover';

export interface Across {
  /** `cutover`, unless it was to stop before. */
  readonly phase: StopAfter;
  readonly writers: Writers;
  readonly method: string | null;
  /** A barrier stands behind the last copy. */
  readonly isDurable: boolean;
}

const UNSETTLED = {writers: 'unknown', method: null} as const;

/** Keys that come late are writers at work. After so many rechecks rtopo stops hoping that they end. */
const MAX_RECHECKS = 3;
/** Rounds of copying again what was touched, until nobody wrote in the last one. */
const MAX_ROUNDS = 20;

/** `readings`: those of the pass that this one goes on with; null: a new pass. */
export async function bringAcross(
  operation: Operation,
  {readings, stopAfter}: {readonly readings: Readings | null; readonly stopAfter: StopAfter | null},
): Promise<Across> {
  operation.intakes = await probeNodes(operation);
  if (operation.settings.functions === 'copy')
    await copyFunctions(operation.nodes, operation.matrix, operation.timeoutMs);
  const fencing = new Fencing(operation);
  try {
    // Where what is written meanwhile is copied again, writers are held off only for the last of it.
    await fillChildren(operation);
    if (operation.settings.writers === 'fail') await fencing.raise();
    const before = readings ?? (await splitOff(operation, fencing.isUp, () => beginPass(operation)));
    await dropSurplus(operation);
    await copyAll(operation, 'copy');
    await enter(operation, 'copied');
    if (stopAfter === 'copied') return {phase: 'copied', ...UNSETTLED, isDurable: false};
    const settled = await settleWriters(operation, before, fencing);
    await enter(operation, 'verified', settled);
    const {writers, method, isDurable} = await makeDurable(operation, settled, fencing);
    if (stopAfter === 'verified') return {phase: 'verified', writers, method, isDurable};
    checkpoint(operation);
    await fencing.assertUp();
    await cutOver(operation);
    operation.hasCutOver = true;
    await enter(operation, 'cutover');
    return {phase: 'cutover', writers, method, isDurable};
  } finally {
    await fencing.lift();
  }
}

/** The fence of this pass, if the settings want one. */
class Fencing {
  readonly #operation: Operation;
  #fence: Fence | null = null;
  /** Raised when the bulk was copied and durable. */
  isLate = false;

  constructor(operation: Operation) {
    this.#operation = operation;
  }

  get isUp(): boolean {
    return this.#fence !== null;
  }

  get isWanted(): boolean {
    return this.#operation.settings.fence !== 'none' && this.#fence === null;
  }

  async raise(): Promise<void> {
    this.#fence ??= await raiseOver(this.#operation);
  }

  async raiseLate(): Promise<void> {
    await raiseBarrier(this.#operation);
    await this.raise();
    this.isLate = true;
  }

  async assertUp(): Promise<void> {
    await this.#fence?.assertUp();
  }

  lift(): Promise<void> {
    return lift(this.#operation, this.#fence);
  }
}

async function beginPass(operation: Operation): Promise<Readings> {
  await enter(operation, 'copying');
  restartCounts(operation.counts);
  operation.cursors = new Map();
  const readings = await readWriters(operation);
  await write(operation, {type: 'watch', readings});
  return readings;
}

/** A verdict, and the readings from which whoever looks again goes on; null where there is none to go on from. */
interface Settled extends WritersSettled {
  readonly since: Readings | null;
}

/** How often copies that writers touched while disks were waited for are waited for once more. */
const MAX_BARRIERS = 3;

/**
 * Waiting for disks takes its time, and writers do not stand still meanwhile: they are looked at once more, right before the cutover. Under a late fence
 * nobody waits for disks: what was copied then is made durable before anything is deleted.
 */
async function makeDurable(
  operation: Operation,
  settled: Settled,
  fencing: Fencing,
): Promise<WritersSettled & {isDurable: boolean}> {
  if (fencing.isLate) return {...settled, isDurable: false};
  let {writers, method, since} = settled;
  for (let i = 0; i < MAX_BARRIERS; i++) {
    await raiseBarrier(operation);
    if (since === null) return {writers, method, isDurable: true};
    const batches = operation.nextBatch;
    const again = await settleWriters(operation, since, fencing);
    // The last look could not tell any more: then the verdict is that nobody knows.
    if (operation.nextBatch === batches)
      return {...(again.since === null ? again : {writers, method}), isDurable: true};
    ({writers, method, since} = again);
  }
  return {writers, method, isDurable: false};
}

/** Nobody wrote; or what was written is copied again; or it cannot be known, and then every key is asked for once more. */
async function settleWriters(operation: Operation, before: Readings, fencing: Fencing): Promise<Settled> {
  // After the cutover the applications are welcome to write.
  if (operation.hasCutOver) return recheck(operation);
  let [since, wasSeen] = [before, false];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    checkpoint(operation);
    const now = await readWriters(operation);
    const verdict = await proveWriters(operation, since, now);
    if (verdict.verdict === 'unknown') break;
    if (verdict.verdict === 'seen') {
      const isSettled = operation.settings.writers === 'recopy' && (await recopyTouched(operation, verdict)) !== null;
      if (!isSettled) throw writersSeen(operation, verdict);
      [since, wasSeen] = [now, true];
    }
    // SCAN returns every key that was there all the time: where nobody wrote, none can have come late.
    else if (!fencing.isWanted) return {writers: wasSeen ? 'seen' : 'none-seen', method: verdict.method, since: now};
    // What is left to copy again is little: now is the moment to hold writers off, and to look once more.
    if (fencing.isWanted) await fencing.raiseLate();
  }
  if (wasSeen) throw writersSeen(operation, null);
  if (fencing.isWanted) await fencing.raise();
  return recheck(operation);
}

async function recheck(operation: Operation): Promise<Settled> {
  for (let i = 0; i < MAX_RECHECKS; i++)
    if ((await copyAll(operation, 'recheck')) === 0) return {...UNSETTLED, since: null};
  throw writersSeen(operation, null);
}
