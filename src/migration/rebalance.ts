/** The wing's story as reports: a plan, a run, a resumed run, an abort, and how far an unfinished operation came. */
import {readFileSync} from 'node:fs';
import type {RebalanceReport} from '../report/rebalance.js';
import {undoCopies} from './abort.js';
import type {Told} from './history.js';
import type {Operation} from './operation.js';
import {planChange, type Side} from './plan.js';
import type {Phase, Writers} from './records.js';
import {type Outcome, type RunOptions, runOperation} from './run.js';
import {closeOperation, type RebalancePlan, sideOf} from './start.js';

const sideReport = ({placement}: Side) => ({scheme: placement.scheme, shards: placement.shards.map(({name}) => name)});

const MEMORY_MARGIN = 1.15;

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
  };
}

/** Runs the operation from where it stands to its end, and gives everything back whatever happens. */
export async function carryOut(operation: Operation, options: RunOptions): Promise<RebalanceReport> {
  const startedMs = Date.now();
  try {
    const outcome = await runOperation(operation, options);
    return runReport(operation, outcome, (Date.now() - startedMs) / 1000);
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
  } finally {
    await closeOperation(operation);
  }
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
    finalCheck: finalCheck && {
      keys: finalCheck.keys,
      misplaced: finalCheck.misplaced,
      duplicates: finalCheck.duplicates,
    },
  };
}

/** How far an operation came, from its journal alone: no server is asked. */
export function toldReport(told: Told): RebalanceReport {
  const {begin, phase, counts, path, startedMs, lastMs} = told;
  const [from, to] = [sideOf(begin.fromText, begin.file), sideOf(begin.toText, begin.file)];
  const {planned} = begin;
  return {
    ...blank(from, to, planChange(from, to).minimumShare),
    ...{id: begin.id, phase, matrix: begin.matrix, journal: path, topologyFile: begin.file},
    ...(told.end === null ? {} : {writers: told.end.writers, finalCheck: told.end.finalCheck}),
    seconds: (lastMs - startedMs) / 1000,
    keys: {
      ...{scanned: planned.scanned, moving: planned.moving, strays: planned.strays, conflicts: 0},
      ...{copied: counts.copied, verified: counts.verified, deleted: counts.deleted, expired: counts.expired},
    },
    bytes: counts.bytes,
    movedShare: planned.scanned === 0 ? null : planned.moving / planned.scanned,
  };
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
    },
  };
}

/** True when the file already has the text of the target: the operation has cut over, whatever its last record says. */
export function hasCutOver({begin, phase}: Told): boolean {
  if (phase === 'cutover' || phase === 'pruning' || phase === 'done') return true;
  try {
    return begin.fromText !== begin.toText && readFileSync(begin.file, 'utf8') === begin.toText;
  } catch {
    return false;
  }
}
