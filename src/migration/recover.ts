/** The verbs on an operation that already has a journal: status, resume, prune, abort. */
import {refusal} from '../errors.js';
import {stateRoot, topologyStateDir} from '../journal/state.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {findOperation, isFinished, listOperations, type Told} from './history.js';
import type {Operation} from './operation.js';
import {abortOperation, carryOut, hasCutOver, toldReport} from './rebalance.js';
import {reopenOperation} from './start.js';

export interface RecoverOptions extends Pick<Operation, 'onProgress' | 'interrupted' | 'timeoutMs'> {
  readonly stateDir: string | undefined;
  /** Path of the topology file that the operation belongs to. */
  readonly file: string;
  readonly id: string | undefined;
}

type Where = Pick<RecoverOptions, 'stateDir' | 'file' | 'id'>;

function dirOf({stateDir, file}: Where): string {
  return topologyStateDir(stateRoot(stateDir, process.env), file);
}

/** The operation named, or the only unfinished one, or the newest; null when there never was one. Asks no server. */
export function tellOperation(where: Where): RebalanceReport | null {
  const operations = listOperations(dirOf(where));
  if (where.id !== undefined) return toldReport(findOperation(dirOf(where), where.id));
  const told = operations.find((one) => !isFinished(one)) ?? operations[0];
  return told === undefined ? null : toldReport(told);
}

/** Goes on to the end. A finished operation is reported as it ended: running it again is a no-op. */
export async function resumeOperation(options: RecoverOptions): Promise<RebalanceReport> {
  const told = findOperation(dirOf(options), options.id);
  if (isFinished(told)) return toldReport(told);
  return reopened(told, options);
}

/** The last phase alone, after `--no-prune`. */
export async function pruneOperation(options: RecoverOptions): Promise<RebalanceReport> {
  const told = findOperation(dirOf(options), options.id);
  if (isFinished(told)) return toldReport(told);
  if (hasCutOver(told)) return reopened(told, options);
  throw refusal({
    code: 'NOT_CUT_OVER',
    message: `Operation ${told.begin.id} is in phase ${told.phase}: the sources are still the owners of their keys. Nothing was changed.`,
    remedy: `rtopo rebalance resume ${told.begin.id}`,
  });
}

async function reopened(told: Told, options: RecoverOptions): Promise<RebalanceReport> {
  const {operation, sameServers} = await reopenOperation(told, options);
  return carryOut(operation, {phase: told.phase, prune: true, sameServers});
}

/** Back to where it began. Only before the cutover: after it the new topology is the truth. */
export async function abort(options: RecoverOptions): Promise<{report: RebalanceReport; kept: number}> {
  const told = findOperation(dirOf(options), options.id);
  if (told.phase === 'aborted') return {report: toldReport(told), kept: 0};
  if (hasCutOver(told)) {
    throw refusal({
      code: 'ALREADY_CUT_OVER',
      message: `Operation ${told.begin.id} has cut over: clients may already use the new topology, and undoing copies could lose their writes.`,
      remedy: `finish it with rtopo rebalance resume ${told.begin.id}, then go back with rtopo rebalance --to ${told.begin.file}.before-${told.begin.id}`,
    });
  }
  const {operation} = await reopenOperation(told, options);
  return abortOperation(operation);
}
