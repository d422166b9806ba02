/** The wing's story from a running operation to its report: carried out, or undone; and what every fault on the way means. */
import {ExitCode, RtopoError} from '../errors.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {undoCopies} from './abort.js';
import {type Operation, resumeCommand} from './operation.js';
import {runReport} from './reports.js';
import {type RunOptions, runOperation} from './run.js';
import {emptyChildren} from './split-keys.js';
import {closeOperation} from './start.js';

/** Runs the operation from where it stands to its end, and gives everything back whatever happens. */
export async function carryOut(operation: Operation, options: RunOptions): Promise<RebalanceReport> {
  const startedMs = Date.now();
  try {
    const outcome = await runOperation(operation, options);
    return runReport(operation, outcome, (Date.now() - startedMs) / 1000);
  } catch (error) {
    throw unfinished(operation, error);
  } finally {
    await closeOperation(operation);
  }
}

/** Removes the copies of an operation that has not cut over yet. */
export async function abortOperation(operation: Operation): Promise<{report: RebalanceReport; kept: number}> {
  const startedMs = Date.now();
  try {
    const held = await emptyChildren(operation);
    const {removed, kept} = await undoCopies(operation);
    const report = runReport(
      operation,
      {phase: 'aborted', writers: 'unknown', method: null, finalCheck: null},
      (Date.now() - startedMs) / 1000,
    );
    return {report: {...report, keys: {...report.keys, deleted: removed}}, kept: Math.max(kept, held)};
  } catch (error) {
    throw unfinished(operation, error);
  } finally {
    await closeOperation(operation);
  }
}

/** Once an operation has begun every fault leaves it unfinished, whatever the server said: exit 4, and the command that goes on. */
function unfinished(operation: Operation, error: unknown): unknown {
  if (!(error instanceof RtopoError)) return error;
  const {code, message, remedy, details, exit} = error;
  const isKnown = exit === ExitCode.incomplete || exit === ExitCode.interrupted;
  if (isKnown && remedy?.includes('rtopo rebalance')) return error;
  return new RtopoError({
    code,
    exit: ExitCode.incomplete,
    message: isKnown ? message : `${message} The operation is unfinished; no key is lost.`,
    remedy: remedy === undefined ? resumeCommand(operation) : `${remedy}; then: ${resumeCommand(operation)}`,
    details: {...details, id: operation.id},
    cause: error,
  });
}
