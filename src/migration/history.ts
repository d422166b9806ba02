import {EMPTY_TAIL, readJournal, type Tail} from '../journal/reading.js';
import type {FenceRecord} from './fence.js';
import {type Counts, noCounts} from './operation.js';
import {unpackKeys} from './packing.js';
import type {Readings} from './readings.js';
import {
  type Durability,
  OUTCOME_LETTERS,
  type Phase,
  PRUNE_LETTERS,
  type RebalanceRecord,
  type Writers,
} from './records.js';
import {type Recounted, SinceCursor, takeOff} from './recounted.js';
import {NOTHING_TOLD, type ReplaceTold, retell} from './replacement.js';

export type Begin = RebalanceRecord & {type: 'begin'};

/** What a journal says of its operation. */
export interface Told {
  readonly path: string;
  readonly begin: Begin;
  readonly phase: Phase;
  readonly startedMs: number;
  readonly lastMs: number;
  /** Run ids by address, as they were when the last copying pass began: what pruning may rely on. */
  readonly servers: ReadonlyMap<string, string>;
  /** What makes each target keep its copies, by address. */
  readonly durability: ReadonlyMap<string, Durability>;
  /** Pruning ended and left keys behind: the next run copies again before it prunes. */
  readonly leftovers: boolean;
  /** Counts of the last copying pass, and of all pruning. */
  readonly counts: Counts;
  /** The part of them that a run which goes on with this pass counts again: batches behind the last cursors. */
  readonly uncertain: Recounted;
  readonly nextBatch: number;
  /** How far the last copying pass has come, by `node/database`: the cursor to go on from; null: to its end. */
  readonly cursors: ReadonlyMap<string, string | null>;
  /** Node numbers of those that were given keys. */
  readonly received: ReadonlySet<number>;
  /** A barrier stands behind the last copy. */
  readonly isDurable: boolean;
  /** A fence that was raised and, as far as the journal knows, never taken down. */
  readonly fence: FenceRecord | null;
  /** What the sources told before the last copying pass; null when it died before that. */
  readonly readings: Readings | null;
  /** The verdict on the last copying pass. */
  readonly writers: Writers;
  /** What decided that verdict; null while there is none. */
  readonly method: string | null;
  /** A copying pass has begun: servers that are filled by replication are on their own since. */
  readonly isSplit: boolean;
  /** How far replaced masters came, by shard. */
  readonly replaced: ReadonlyMap<string, ReplaceTold>;
  /** Who opened the journal last; null where it does not tell. */
  readonly process: {readonly host: string; readonly pid: number} | null;
  /** Null while unfinished. */
  readonly end: (RebalanceRecord & {type: 'end'}) | null;
  readonly tail: Tail;
}

/** Reads one journal. Null when the process died before its first record was complete: then nothing was changed. */
export function readOperation(path: string): Told | null {
  let begin: Begin | null = null;
  let end: Told['end'] = null;
  let process: Told['process'] = null;
  let writers: Writers = 'unknown';
  let durability = new Map<string, Durability>();
  let [phase, startedMs, lastMs, nextBatch, tail]: [Phase, number, number, number, Tail] = [
    'planned',
    0,
    0,
    0,
    EMPTY_TAIL,
  ];
  let isSplit = false;
  const replaced = new Map<string, ReplaceTold>();
  const cursors = new Map<string, string | null>();
  const since = new SinceCursor();
  let readings: Readings | null = null;
  let fence: FenceRecord | null = null;
  const received = new Set<number>();
  let isDurable = false;
  let method: string | null = null;
  let [found, servers, leftovers] = [new Map<string, string>(), new Map<string, string>(), false];
  const counts = noCounts();
  for (const {record, tail: at} of readJournal<RebalanceRecord>(path)) {
    [tail, lastMs] = [at, record.t];
    switch (record.type) {
      case 'begin':
        [begin, startedMs] = [record, record.t];
        break;
      case 'run':
        found = new Map(record.servers.map((server) => [server.at, server.runId]));
        if (phase === 'copying') takeOff(counts, since.total);
        since.clear();
        break;
      case 'phase':
        phase = record.phase;
        method = record.method ?? (phase === 'copying' ? null : method);
        writers = record.writers ?? (phase === 'copying' ? 'unknown' : writers);
        if (phase !== 'copying') break;
        restartCounts(counts);
        cursors.clear();
        since.clear();
        readings = null;
        [servers, leftovers] = [found, false];
        break;
      case 'leftovers':
        leftovers = true;
        break;
      case 'copy':
        // Lanes number their batches before they write them down: the records need not be in order.
        nextBatch = Math.max(nextBatch, record.batch + 1);
        received.add(record.target);
        isDurable = false;
        if (phase === 'copying') since.copy(record);
        break;
      case 'copied':
        since.copied(record, addCopied(counts, record, begin?.settings.onConflict === 'skip'));
        break;
      case 'cursor':
        cursors.set(`${record.source}/${record.db}`, record.cursor);
        since.cursor(`${record.source}/${record.db}`);
        break;
      case 'fence':
        fence = record.record;
        break;
      case 'unfence':
        fence = null;
        break;
      case 'withdrawn':
        withdraw(counts, record);
        break;
      case 'watch':
        [readings, isSplit] = [record.readings, true];
        break;
      case 'pruned':
        addPruned(counts, record.outcomes);
        break;
      case 'end':
        [phase, end] = [record.phase, record];
        break;
      case 'barrier':
        isDurable = true;
        durability = new Map(record.targets.map((target) => [target.at, target.by]));
        break;
      case 'replace':
        replaced.set(record.shard, retell(replaced.get(record.shard) ?? NOTHING_TOLD, record));
        break;
      case 'process':
        process = {host: record.host, pid: record.pid};
        break;
      case 'split':
      case 'prune':
        break;
    }
  }
  if (begin === null) return null;
  const where = {path, phase, startedMs, lastMs, nextBatch, tail};
  const pass = {
    counts,
    uncertain: since.total,
    cursors,
    readings,
    fence,
    received,
    isDurable,
    method,
    isSplit,
    replaced,
  };
  return {...where, ...pass, begin, servers, leftovers, writers, durability, process, end};
}

/** A new pass looks at every key that is left at its source; those deleted by an earlier run were copied and verified before. */
export function restartCounts(counts: Counts): void {
  counts.copied = counts.deleted;
  counts.verified = counts.deleted;
  counts.changed = 0;
  counts.skipped = 0;
  counts.byElements = 0;
  counts.refooted = 0;
  counts.bytes = 0;
}

function withdraw(counts: Counts, record: RebalanceRecord & {type: 'withdrawn'}): void {
  const keys = unpackKeys(record.keys).length;
  counts.copied -= keys;
  counts.verified -= keys;
}

function addCopied(counts: Counts, record: RebalanceRecord & {type: 'copied'}, maySkip: boolean): Recounted {
  const number = (letter: string): number => record.outcomes.split(letter).length - 1;
  const expired = number(OUTCOME_LETTERS.gone);
  const conflicts = number(OUTCOME_LETTERS.conflict);
  const copied = record.outcomes.length - expired - conflicts - number(OUTCOME_LETTERS.unreadable);
  const byElements = Object.keys(record.elements ?? {}).length;
  const skipped = maySkip ? conflicts : 0;
  const part = {
    copied,
    verified: copied,
    expired,
    skipped,
    byElements,
    refooted: record.refooted ?? 0,
    bytes: record.bytes,
  };
  takeOff(counts, part, -1);
  return part;
}

function addPruned(counts: Counts, outcomes: string): void {
  for (const letter of outcomes) {
    if (letter === PRUNE_LETTERS.deleted) counts.deleted += 1;
    if (letter === PRUNE_LETTERS.expired) counts.expired += 1;
  }
}
