/** The verbs on an operation that already has a journal: status, resume, prune, abort. */

import {refusal} from '../errors.js';
import {isAlive} from '../journal/lock.js';
import {stateRoot, topologyStateDir} from '../journal/state.js';
import type {RebalanceReport} from '../report/rebalance.js';
import type {Told} from './history.js';
import {type Operation, resumeCommand} from './operation.js';
import {findOperation, hasCutOver, isFinished, latestOperation} from './operations.js';
import {abortOperation, carryOut} from './rebalance.js';
import {replacedReport} from './replacement.js';
import {abortReplacing, resumeReplacing} from './replacing.js';
import {backCommand, toldReport} from './reports.js';
import type {RunOptions} from './run.js';
import {closeOperation, reopenOperation} from './start.js';

export interface RecoverOptions extends Pick<Operation, 'onProgress' | 'interrupted' | 'timeoutMs' | 'again'> {
  readonly stateDir: string | undefined;
  /** Path of the topology file that the operation belongs to. */
  readonly file: string;
  readonly id: string | undefined;
}

type Where = Pick<RecoverOptions, 'stateDir' | 'file' | 'id' | 'again'>;

function dirOf({stateDir, file}: Where): string {
  return topologyStateDir(stateRoot(stateDir, process.env), file);
}

/** Throws `NO_OPERATION` when there is none of that name, or none unfinished. Asks no server. */
function operationMeant(where: Where): Told {
  return findOperation(dirOf(where), where.id);
}

/** The state of the operation that a verb is about, to be looked at before it goes on. */
export function operationTold(where: Where): RebalanceReport {
  return reportOf(operationMeant(where), where);
}

function reportOf(told: Told, {again}: Where): RebalanceReport {
  return toldReport(told, again, told.process && {...told.process, isAlive: isAlive(told.process)});
}

/** The operation named, or the only unfinished one, or the newest; null when there never was one. Asks no server. */
export function tellOperation(where: Where): RebalanceReport | null {
  const dir = dirOf(where);
  const told = where.id === undefined ? latestOperation(dir) : findOperation(dir, where.id);
  return told && reportOf(told, where);
}

/** Goes on to the end. A finished operation is reported as it ended: running it again is a no-op. */
export async function resumeOperation(options: RecoverOptions): Promise<RebalanceReport> {
  const told = operationMeant(options);
  return isFinished(told) ? toldReport(told, options.again) : reopened(told, options);
}

/** The last phase alone, after `--no-prune`. */
export async function pruneOperation(options: RecoverOptions): Promise<RebalanceReport> {
  const told = operationMeant(options);
  if (isFinished(told)) return toldReport(told, options.again);
  if (hasCutOver(told)) return reopened(told, options);
  throw refusal({
    code: 'NOT_CUT_OVER',
    message: `Operation ${told.begin.id} is in phase ${told.phase}: the sources are still the owners of their keys. Nothing was changed.`,
    remedy: resumeCommand({id: told.begin.id, again: options.again}),
  });
}

/** Masters that are to be replaced come first; then the keys move. */
export async function reopened(
  begun: Told,
  options: Omit<RecoverOptions, 'stateDir' | 'file' | 'id'>,
  stopAfter: RunOptions['stopAfter'] = null,
): Promise<RebalanceReport> {
  const found = await resumeReplacing(begun, options);
  if (isFinished(found)) return toldReport(found, options.again);
  const {operation, told, sameServers} = await reopenOperation(found, options);
  if (!isFinished(told)) {
    const report = await carryOut(operation, {phase: told.phase, stopAfter, sameServers, told});
    return {...report, ...replacedReport(operation.change, told.replaced)};
  }
  await closeOperation(operation);
  return toldReport(told, options.again);
}

/** Back to where it began. Only before the cutover: after it the new topology is the truth. */
export async function abort(options: RecoverOptions): Promise<{report: RebalanceReport; kept: number}> {
  const found = operationMeant(options);
  if (found.phase === 'aborted') return {report: toldReport(found, options.again), kept: 0};
  const undone = await abortReplacing(found, options);
  if (undone !== null) return {report: undone, kept: 0};
  refuseCutOver(found, options);
  const {operation, told} = await reopenOperation(found, options);
  try {
    refuseCutOver(told, options);
  } catch (error) {
    await closeOperation(operation);
    throw error;
  }
  return abortOperation(operation);
}

function refuseCutOver(told: Told, {again}: RecoverOptions): void {
  if (!hasCutOver(told)) return;
  const {id, file} = told.begin;
  const back = backCommand({id, file, again});
  throw refusal({
    code: 'ALREADY_CUT_OVER',
    message: `Operation ${id} has cut over: clients may already use the new topology, and undoing copies could lose their writes.`,
    remedy: isFinished(told) ? back : `finish it, then go back: ${resumeCommand({id, again})} && ${back}`,
  });
}
