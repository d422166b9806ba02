/** Operations of a topology as their journals tell them: which one is unfinished, and how far it came. */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {EMPTY_TAIL, readJournal, type Tail} from '../journal/record.js';
import {isOperationId} from '../journal/state.js';
import type {Counts} from './operation.js';
import {OUTCOME_LETTERS, type Phase, PRUNE_LETTERS, type RebalanceRecord} from './records.js';

export type Begin = RebalanceRecord & {type: 'begin'};

/** What a journal says of its operation. */
export interface Told {
  readonly path: string;
  readonly begin: Begin;
  readonly phase: Phase;
  readonly startedMs: number;
  readonly lastMs: number;
  /** Run ids by address, as the last run found them. */
  readonly servers: ReadonlyMap<string, string>;
  /** Counts of the last copying pass, and of all pruning. */
  readonly counts: Counts;
  readonly nextBatch: number;
  /** Null while unfinished. */
  readonly end: (RebalanceRecord & {type: 'end'}) | null;
  readonly tail: Tail;
}

/** Reads one journal. Null when the process died before its first record was complete: then nothing was changed. */
export function readOperation(path: string): Told | null {
  let begin: Begin | null = null;
  let end: Told['end'] = null;
  let [phase, startedMs, lastMs, nextBatch, tail]: [Phase, number, number, number, Tail] = [
    'planned',
    0,
    0,
    0,
    EMPTY_TAIL,
  ];
  let servers = new Map<string, string>();
  const counts: Counts = {copied: 0, verified: 0, deleted: 0, expired: 0, changed: 0, bytes: 0};
  for (const {record, tail: at} of readJournal<RebalanceRecord>(path)) {
    [tail, lastMs] = [at, record.t];
    switch (record.type) {
      case 'begin':
        [begin, startedMs] = [record, record.t];
        break;
      case 'run':
        servers = new Map(record.servers.map((server) => [server.at, server.runId]));
        break;
      case 'phase':
        phase = record.phase;
        if (phase === 'copying') restartCounts(counts);
        break;
      case 'copy':
        nextBatch = record.batch + 1;
        break;
      case 'copied':
        addCopied(counts, record);
        break;
      case 'pruned':
        addPruned(counts, record.outcomes);
        break;
      case 'end':
        [phase, end] = [record.phase, record];
        break;
      case 'barrier':
      case 'prune':
        break;
    }
  }
  return begin === null ? null : {path, begin, phase, startedMs, lastMs, servers, counts, nextBatch, end, tail};
}

/** A new pass looks at every key that is left at its source; those deleted by an earlier run were copied and verified before. */
export function restartCounts(counts: Counts): void {
  counts.copied = counts.deleted;
  counts.verified = counts.deleted;
  counts.changed = 0;
  counts.bytes = 0;
}

function addCopied(counts: Counts, record: RebalanceRecord & {type: 'copied'}): void {
  const gone = record.outcomes.split(OUTCOME_LETTERS.gone).length - 1;
  counts.copied += record.outcomes.length - gone;
  counts.verified += record.outcomes.length - gone;
  counts.expired += gone;
  counts.bytes += record.bytes;
}

function addPruned(counts: Counts, outcomes: string): void {
  for (const letter of outcomes) {
    if (letter === PRUNE_LETTERS.deleted) counts.deleted += 1;
    if (letter === PRUNE_LETTERS.expired) counts.expired += 1;
  }
}

export function isFinished({phase}: Told): boolean {
  return phase === 'done' || phase === 'aborted';
}

/** All operations of a topology, newest first. */
export function listOperations(dir: string): readonly Told[] {
  const names = readdirSync(dir).filter((name) => name.endsWith('.jsonl') && isOperationId(name.slice(0, -6)));
  const told = names.map((name) => readOperation(join(dir, name)));
  return told.filter((one) => one !== null).sort((a, b) => (a.begin.id < b.begin.id ? 1 : -1));
}

/**
 * The operation meant by `id`, or without one the only unfinished one.
 * @throws RtopoError `NO_OPERATION` (exit 64)
 */
export function findOperation(dir: string, id: string | undefined): Told {
  const operations = listOperations(dir);
  const unfinished = operations.filter((told) => !isFinished(told));
  const found = id === undefined ? unfinished[0] : operations.find(({begin}) => begin.id === id.toUpperCase());
  if (found !== undefined && (id !== undefined || unfinished.length === 1)) return found;
  const known = (id === undefined ? unfinished : operations).map(({begin}) => begin.id);
  throw new RtopoError({
    code: 'NO_OPERATION',
    exit: ExitCode.usage,
    message:
      id === undefined
        ? `There ${known.length === 0 ? 'is no unfinished operation' : 'are several unfinished operations'} for this topology file.`
        : `There is no operation ${id} for this topology file.`,
    remedy: known.length === 0 ? 'rtopo rebalance status lists finished ones too' : `name one of ${known.join(', ')}`,
  });
}

/** Two half-done moves over the same keys could not both be right. @throws RtopoError exit 3 `OPERATION_UNFINISHED` */
export function refuseUnfinished(dir: string): void {
  const unfinished = listOperations(dir).find((told) => !isFinished(told));
  if (unfinished === undefined) return;
  const {id} = unfinished.begin;
  throw refusal({
    code: 'OPERATION_UNFINISHED',
    message: `Operation ${id} of this topology is unfinished (phase ${unfinished.phase}). Nothing was changed.`,
    remedy: `rtopo rebalance resume ${id}, or rtopo rebalance abort ${id}`,
    details: {id, phase: unfinished.phase},
  });
}
