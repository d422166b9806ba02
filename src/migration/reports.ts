/** Plans and operations as reports: what `--json` gives, and what people see. */
import {shellWord} from '../errors.js';
import type {OperationPart, PlanPart, RebalanceReport} from '../report/rebalance.js';
import type {Told} from './history.js';
import {MEMORY_MARGIN} from './judge.js';
import {abortCommand, type Operation, resumeCommand} from './operation.js';
import {hasCutOver} from './operations.js';
import {type Change, planChange, type Side} from './plan.js';
import type {RebalancePlan} from './planning.js';
import {DEFAULT_SETTINGS, type Phase, type Settings, type Writers} from './records.js';
import {replacedReport} from './replacement.js';
import type {Outcome} from './run.js';
import {standingOf} from './standing.js';
import {sideOf} from './start.js';

/** What a whole run with small keys reached on two slow, shared cores (README, Speed), and what larger ones reach in bytes: rather too long than too short. */
const ASSUMED = {keysPerSecond: 20_000, bytesPerSecond: 60 * 1024 * 1024};

export interface PlanTold {
  readonly file: string;
  readonly saved?: PlanPart['saved'];
}

export function planReport(plan: RebalancePlan, {file, saved = null}: PlanTold): RebalanceReport {
  const {change, census, nodes, settings, consents, advice} = plan;
  const {scanned, moving, conflicts, strays, method, sampled, movingPlusMinus} = census;
  const bytes = census.matrix.reduce((sum, cell) => sum + cell.bytes, 0);
  return {
    ...blank(change.from, change.to, change.minimumShare),
    ...replacedReport(change, new Map()),
    ...{bytes, topologyFile: file, matrix: census.matrix, loads: census.loads},
    keys: {scanned, moving, copied: 0, verified: 0, deleted: 0, expired: 0, conflicts, strays},
    movedShare: scanned === 0 ? null : moving / scanned,
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
    plan: {
      estimate: {method, sampled, movingPlusMinus},
      duration: durationOf({keys: moving, bytes}, settings),
      ...{settings, consents, advice, already: null, saved},
      ...(plan.way === undefined ? {} : {way: plan.way}),
    },
  };
}

/** A plan of nothing: what was asked for is there already. No server was asked. */
export function nothingReport(
  {from, to, minimumShare}: Change,
  told: {file: string; already: string},
): RebalanceReport {
  const keys = {scanned: 0, moving: 0, copied: 0, verified: 0, deleted: 0, expired: 0, conflicts: 0, strays: 0};
  const plan: PlanPart = {
    estimate: {method: 'exact', sampled: 0, movingPlusMinus: 0},
    duration: durationOf({keys: 0, bytes: 0}, DEFAULT_SETTINGS),
    ...{settings: DEFAULT_SETTINGS, consents: {acceptVolatile: []}, advice: [], already: told.already, saved: null},
  };
  return {...blank(from, to, minimumShare), topologyFile: told.file, keys, bytes: 0, plan};
}

/** The slower of the two limits decides. */
function durationOf({keys, bytes}: {keys: number; bytes: number}, settings: Settings): PlanPart['duration'] {
  const {maxKeysPerSecond, maxBytesPerSecond} = settings;
  const keysPerSecond = Math.min(ASSUMED.keysPerSecond, maxKeysPerSecond ?? Number.POSITIVE_INFINITY);
  const bytesPerSecond = Math.min(ASSUMED.bytesPerSecond, maxBytesPerSecond ?? Number.POSITIVE_INFINITY);
  const seconds = Math.ceil(Math.max(keys / keysPerSecond, bytes / bytesPerSecond));
  const isAssumed = keysPerSecond === ASSUMED.keysPerSecond && bytesPerSecond === ASSUMED.bytesPerSecond;
  return {seconds, keysPerSecond, bytesPerSecond, isAssumed};
}

export function runReport(operation: Operation, ended: Outcome, seconds: number): RebalanceReport {
  const {change, counts, planned, matrix, journal, file, settings} = operation;
  const {phase, writers, method, finalCheck} = ended;
  const standing = {phase, counts, hasCutOver: operation.hasCutOver};
  return {
    ...blank(change.from, change.to, change.minimumShare),
    ...{id: operation.id, phase, seconds, matrix, writers, journal: journal.path, topologyFile: file},
    keys: keysOf(planned, counts),
    bytes: counts.bytes,
    movedShare: planned.scanned === 0 ? null : planned.moving / planned.scanned,
    next: nextCommand(phase, operation),
    finalCheck: finalCheck && {
      keys: finalCheck.keys,
      misplaced: finalCheck.misplaced,
      duplicates: finalCheck.duplicates,
    },
    operation: {
      ...{settings, whereabouts: standingOf(standing), process: null},
      durability: [...operation.durability].map(([at, by]) => ({at, by})),
      ...{...howOf(counts, method), notes: [...operation.notes]},
      ...waysBack(standing, {...operation, isRewritten: change.from.text !== change.to.text}),
    },
  };
}

/** How far an operation came, from its journal alone: no server is asked. */
export function toldReport(told: Told, again: string, process: OperationPart['process'] = null): RebalanceReport {
  const {begin, phase, counts, path, startedMs, lastMs} = told;
  const [from, to] = [sideOf(begin.fromText, begin.file), sideOf(begin.toText, begin.file)];
  const {planned, settings, id, file} = begin;
  const change = planChange(from, to);
  const standing = {phase, counts, hasCutOver: hasCutOver(told)};
  return {
    ...blank(from, to, change.minimumShare),
    ...replacedReport(change, told.replaced),
    ...{id, phase, matrix: begin.matrix, journal: path, topologyFile: file},
    writers: told.end?.writers ?? told.writers,
    finalCheck: told.end?.finalCheck ?? null,
    seconds: (lastMs - startedMs) / 1000,
    next: nextCommand(phase, {id, again}),
    keys: keysOf(planned, counts),
    bytes: counts.bytes,
    movedShare: planned.scanned === 0 ? null : planned.moving / planned.scanned,
    operation: {
      ...{settings, whereabouts: standingOf(standing), process},
      durability: [...told.durability].map(([at, by]) => ({at, by})),
      ...{...howOf(counts, told.method), notes: []},
      ...waysBack(standing, {id, file, again, isRewritten: begin.fromText !== begin.toText}),
    },
  };
}

/** How the keys travelled, and what is known of writers. */
function howOf(
  counts: Operation['counts'],
  method: string | null,
): Pick<OperationPart, 'fidelity' | 'skipped' | 'writersMethod'> {
  const {copied, refooted, byElements: elements, skipped} = counts;
  return {
    fidelity: {asIs: copied - refooted - elements, refooted, elements},
    skipped,
    ...(method === null ? {} : {writersMethod: method}),
  };
}

function keysOf(planned: Operation['planned'], counts: Operation['counts']): RebalanceReport['keys'] {
  const {copied, verified, deleted, expired, skipped} = counts;
  const {scanned, moving, strays} = planned;
  return {scanned, moving, strays, conflicts: skipped, copied, verified, deleted, expired};
}

/** What is left to do: null when nothing is. */
function nextCommand(phase: Phase, operation: {readonly id: string; readonly again: string}): string | null {
  if (phase === 'done' || phase === 'aborted') return null;
  if (phase !== 'cutover') return resumeCommand(operation);
  return `rtopo rebalance prune ${operation.id}${operation.again}`;
}

interface Ways {
  readonly id: string;
  readonly file: string;
  readonly again: string;
  /** The cutover gives the file another text, and keeps the old one beside it. */
  readonly isRewritten: boolean;
}

function waysBack(
  {phase, hasCutOver}: {readonly phase: Phase; readonly hasCutOver: boolean},
  ways: Ways,
): Pick<OperationPart, 'abort' | 'back'> {
  const isOver = phase === 'aborted' || phase === 'done';
  return {
    abort: isOver || hasCutOver ? null : abortCommand(ways),
    back: phase === 'done' && ways.isRewritten ? backCommand(ways) : null,
  };
}

/** The inverse: the topology as it was, which the cutover has kept beside the file. */
export function backCommand({id, file, again}: Pick<Ways, 'id' | 'file' | 'again'>): string {
  return `rtopo rebalance --to ${shellWord(`${file}.before-${id}`)}${again}`;
}

const sideReport = ({placement}: Side) => ({scheme: placement.scheme, shards: placement.shards.map(({name}) => name)});

function blank(from: Side, to: Side, minimumShare: number): Omit<RebalanceReport, 'keys' | 'bytes'> {
  return {
    ...{id: null, phase: 'planned' as Phase, seconds: 0, matrix: [], writers: 'unknown' as Writers, journal: null},
    ...{from: sideReport(from), to: sideReport(to), topologyFile: '', movedShare: null, minimumShare},
    ...{loads: [], memory: [], finalCheck: null, next: null},
  };
}
