/** The wing's story as reports: a plan, a run, a resumed run, an abort, and how far an unfinished operation came. */
import {ExitCode, RtopoError} from '../errors.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {undoCopies} from './abort.js';
import type {Told} from './history.js';
import {MEMORY_MARGIN} from './judge.js';
import {type Operation, resumeCommand} from './operation.js';
import {planChange, type Side} from './plan.js';
import type {Phase, Writers} from './records.js';
import {replacedReport} from './replacement.js';
import {type Outcome, type RunOptions, runOperation} from './run.js';
import {closeOperation, type RebalancePlan, sideOf} from './start.js';

const sideReport = ({placement}: Side) => ({scheme: placement.scheme, shards: placement.shards.map(({name}) => name)});

export function planReport(plan: RebalancePlan, file: string): RebalanceReport {
  const {change, census, nodes} = plan;
  return {
    id: null,
    phase: 'planned',
    from: sideReport(change.from),
    to: sideReport(change.to),
    keys: {
      scanned: census.scanned,
      moving: census.moving,
      copied: 0,
      verified: 0,
      deleted: 0,
      expired: 0,
      conflicts: census.conflicts,
      strays: census.strays,
    },
    bytes: census.matrix.reduce((sum, {bytes}) => sum + bytes, 0),
    seconds: 0,
    matrix: census.matrix,
    writers: 'unknown',
    journal: null,
    topologyFile: file,
    movedShare: census.scanned === 0 ? null : census.moving / census.scanned,
    minimumShare: change.minimumShare,
    loads: census.loads,
    memory: nodes
      .filter(({name}) => census.matrix.some(({to}) => to === name))
      .map(({name, at, facts}) => {
        const incoming = census.loads.find((load) => load.at === at)?.bytesIn ?? 0;
        const used = facts.usedMemoryBytes;
        return {
          name,
          usedBytes: used,
          afterBytes: used === null ? null : Math.round(used + incoming * MEMORY_MARGIN),
          maxBytes: facts.maxMemoryBytes === 0 ? null : facts.maxMemoryBytes,
        };
      }),
    finalCheck: null,
    next: null,
  };
}

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
    const {removed, kept} = await undoCopies(operation);
    const report = runReport(
      operation,
      {phase: 'aborted', writers: 'unknown', finalCheck: null},
      (Date.now() - startedMs) / 1000,
    );
    return {report: {...report, keys: {...report.keys, deleted: removed}}, kept};
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

function runReport(operation: Operation, outcome: Outcome, seconds: number): RebalanceReport {
  const {id, change, counts, planned, matrix, journal, file} = operation;
  const {finalCheck} = outcome;
  return {
    ...blank(change.from, change.to, change.minimumShare),
    ...{id, phase: outcome.phase, seconds, matrix, writers: outcome.writers, journal: journal.path, topologyFile: file},
    keys: {
      ...{scanned: planned.scanned, moving: planned.moving, strays: planned.strays, conflicts: 0},
      ...{copied: counts.copied, verified: counts.verified, deleted: counts.deleted, expired: counts.expired},
    },
    bytes: counts.bytes,
    movedShare: planned.scanned === 0 ? null : planned.moving / planned.scanned,
    next: nextCommand(outcome.phase, operation),
    finalCheck: finalCheck && {
      keys: finalCheck.keys,
      misplaced: finalCheck.misplaced,
      duplicates: finalCheck.duplicates,
    },
  };
}

/** How far an operation came, from its journal alone: no server is asked. */
export function toldReport(told: Told, again: string): RebalanceReport {
  const {begin, phase, counts, path, startedMs, lastMs} = told;
  const [from, to] = [sideOf(begin.fromText, begin.file), sideOf(begin.toText, begin.file)];
  const change = planChange(from, to);
  const {planned} = begin;
  return {
    ...blank(from, to, change.minimumShare),
    ...replacedReport(change, told.replaced),
    ...{id: begin.id, phase, matrix: begin.matrix, journal: path, topologyFile: begin.file},
    writers: told.end?.writers ?? told.writers,
    finalCheck: told.end?.finalCheck ?? null,
    seconds: (lastMs - startedMs) / 1000,
    next: nextCommand(phase, {id: begin.id, again}),
    keys: {
      ...{scanned: planned.scanned, moving: planned.moving, strays: planned.strays, conflicts: 0},
      ...{copied: counts.copied, verified: counts.verified, deleted: counts.deleted, expired: counts.expired},
    },
    bytes: counts.bytes,
    movedShare: planned.scanned === 0 ? null : planned.moving / planned.scanned,
  };
}

/** What is left to do: null when nothing is. */
function nextCommand(phase: Phase, operation: {readonly id: string; readonly again: string}): string | null {
  if (phase === 'done' || phase === 'aborted') return null;
  if (phase !== 'cutover') return resumeCommand(operation);
  return `rtopo rebalance prune ${operation.id}${operation.again}`;
}

function blank(from: Side, to: Side, minimumShare: number): Omit<RebalanceReport, 'keys' | 'bytes'> {
  return {
    ...{
      id: null,
      phase: 'planned' as Phase,
      seconds: 0,
      matrix: [],
      writers: 'unknown' as Writers,
      journal: null,
      topologyFile: '',
    },
    ...{
      from: sideReport(from),
      to: sideReport(to),
      movedShare: null,
      minimumShare,
      loads: [],
      memory: [],
      finalCheck: null,
      next: null,
    },
  };
}
