/** Operations that replace masters, as a whole: their beginning, their way on after a death, and their undoing. */
import {join} from 'node:path';
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {Journal} from '../journal/record.js';
import {operationId} from '../journal/state.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import {ShardLocks} from '../replication/shard-lock.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {addressText} from '../topology/types.js';
import {readOperation, type Told} from './history.js';
import {type Operation, resumeCommand, unfinished} from './operation.js';
import {type Change, planChange} from './plan.js';
import type {RebalancePlan} from './planning.js';
import type {RebalanceRecord} from './records.js';
import {isUndone, limitsOf, type Replacing, runReplacements, undo} from './replace.js';
import type {Replacement} from './replacement.js';
import {toldReport} from './reports.js';
import {type OpenOptions, sideOf, type Target, thisProcess} from './start.js';

/** Begins the journal and replaces the masters. What is left then is told by the journal. */
export async function beginReplacing(plan: RebalancePlan, target: Target, options: OpenOptions): Promise<Told> {
  const {change, census} = plan;
  const id = operationId(Date.now());
  const path = join(options.stateDir, `${id}.jsonl`);
  const journal = Journal.create<RebalanceRecord>(path);
  const {scanned, moving, strays, matrix} = census;
  const texts = {fromText: change.from.text, toText: change.to.text};
  journal.note({type: 'begin', id, ...target, ...texts, planned: {scanned, moving, strays}, matrix}, Date.now());
  const locks = new ShardLocks(id, options.timeoutMs + limitsOf(options.timeoutMs).fenceMs);
  try {
    await journal.append(thisProcess(), Date.now());
    await lockLeaders(change, locks, options.timeoutMs);
  } catch (error) {
    await locks.release();
    await journal.discard();
    throw error;
  }
  await carryOutStage(stageOf({id, file: target.file, change, told: new Map(), journal, locks}, options));
  return readOperation(path)!;
}

type StageHooks = Pick<Operation, 'timeoutMs' | 'onProgress' | 'interrupted' | 'again'>;

function stageOf(
  about: Pick<Replacing, 'id' | 'file' | 'change' | 'told' | 'journal' | 'locks'>,
  {timeoutMs, onProgress, interrupted, again}: StageHooks,
): Replacing {
  return {...about, timeoutMs, onProgress, interrupted, again, limits: limitsOf(timeoutMs)};
}

/** Does what is left of it, closes the journal and gives the locks back whatever happens. */
async function carryOutStage(replacing: Replacing): Promise<void> {
  try {
    await runReplacements(replacing);
    if (!replacing.change.isOnlyAddresses) return;
    await replacing.locks.release();
    await replacing.journal.append({type: 'end', phase: 'done', writers: 'unknown', finalCheck: null}, Date.now());
  } catch (error) {
    throw isUndone(error) ? error : unfinished(replacing, error);
  } finally {
    await replacing.locks.release();
    await replacing.journal.close();
  }
}

async function lockLeaders({replacements}: Change, locks: ShardLocks, timeoutMs: number): Promise<void> {
  for (const {shard, old, next} of replacements) {
    const leader = await leaderOf({old, next}, timeoutMs);
    if (leader === null) await locks.assertNotForeign(next);
    else await locks.take(shard, leader);
  }
}

/** The server of the shard that takes writes now; null when none does. The new one leads only once the old one does not. */
async function leaderOf({old, next}: Pick<Replacement, 'old' | 'next'>, timeoutMs: number) {
  const isMaster = (instance: Replacement['old']): Promise<boolean> =>
    withConnection(endpointOf(instance), timeoutMs, async (connection) => {
      return (await readFacts(connection)).role.kind === 'master';
    }).catch((error) => {
      if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return false;
      throw error;
    });
  if (await isMaster(old)) return old;
  return (await isMaster(next)) ? next : null;
}

/** Goes on with the replacements of an operation whose keys have not begun to move. The journal as it is afterwards. */
export async function resumeReplacing(found: Told, options: StageHooks): Promise<Told> {
  const replacing = isReplacing(found) ? await reopenStage(found, options) : null;
  if (replacing !== null) await carryOutStage(replacing);
  return readOperation(found.path) ?? found;
}

function changeOf({begin}: Told): Change {
  return planChange(sideOf(begin.fromText, begin.file), sideOf(begin.toText, begin.file));
}

function isReplacing(told: Told): boolean {
  return (told.phase === 'planned' || told.phase === 'replicating') && changeOf(told).replacements.length > 0;
}

/** Null when another process has finished this part meanwhile. */
async function reopenStage(found: Told, options: StageHooks): Promise<Replacing | null> {
  const {id, file} = found.begin;
  const change = changeOf(found);
  const locks = new ShardLocks(id, options.timeoutMs + limitsOf(options.timeoutMs).fenceMs);
  try {
    await lockLeaders(change, locks, options.timeoutMs);
    // Read again under the lock: until now another process may have gone on with it, and even ended it.
    const now = readOperation(found.path) ?? found;
    if (isReplacing(now)) {
      const journal = Journal.resume<RebalanceRecord>(now.path, now.tail, () => locks.assertHeld());
      journal.note(thisProcess(), Date.now());
      return stageOf({id, file, change, told: new Map(now.replaced), journal, locks}, options);
    }
  } catch (error) {
    await locks.release();
    throw error instanceof RtopoError && error.code === 'LOCKED'
      ? error
      : unfinished({id, again: options.again}, error);
  }
  await locks.release();
  return null;
}

/** Takes off the new servers again, as long as none of them leads. Null when there is nothing of this kind to undo. */
export async function abortReplacing(found: Told, options: StageHooks): Promise<RebalanceReport | null> {
  const replacing = isReplacing(found) ? await reopenStage(found, options) : null;
  if (replacing === null) return null;
  try {
    const handed = [];
    for (const replacement of replacing.change.replacements) {
      if (await isHandedOver(replacing, replacement)) handed.push(replacement);
    }
    if (handed.length > 0) throw alreadyHanded(replacing, handed);
    await undo(replacing);
  } catch (error) {
    throw error instanceof RtopoError && error.exit === ExitCode.refused ? error : unfinished(replacing, error);
  } finally {
    await replacing.locks.release();
    await replacing.journal.close();
  }
  return toldReport(readOperation(found.path)!, options.again);
}

/** From the demotion of the old master on there is only the way forward. */
async function isHandedOver({told, timeoutMs}: Replacing, {shard, old}: Replacement): Promise<boolean> {
  if (told.get(shard)?.promoted != null) return true;
  if (told.get(shard)?.fence == null) return false;
  return (await withConnection(endpointOf(old), timeoutMs, readFacts)).role.kind !== 'master';
}

function alreadyHanded({id, again, file}: Replacing, handed: readonly Replacement[]): RtopoError {
  const names = handed.map(({shard, next}) => `${shard} (${addressText(next.address)})`).join(', ');
  return refusal({
    code: 'ALREADY_HANDED_OVER',
    message: `The change of master has begun or is done for ${names}: clients may already write to the new one.`,
    remedy: `finish it, then go back: ${resumeCommand({id, again})} && rtopo rebalance --to ${file}.before-${id}${again}`,
  });
}
