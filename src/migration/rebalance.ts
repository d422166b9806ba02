import type {RebalanceReport} from '../report/rebalance.js';
import {undoCopies} from './abort.js';
import {type Operation, unfinished} from './operation.js';
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
