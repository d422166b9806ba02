/** What the journal says of copies that pruning, undoing and copying again have to know: batch by batch, in bounded memory. */
import {readJournal} from '../journal/reading.js';
import type {Doomed, DoomedWhole} from './compare-and-delete.js';
import {framedKeys, NO_SUM, sumAt, sumOfAt, unpackKeys, unpackSums} from './packing.js';
import {type ElementDigest, OUTCOME_LETTERS, PRUNE_LETTERS, type RebalanceRecord} from './records.js';

/** A batch as the journal tells it. */
export interface CopiedBatch {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly db: number;
  /** All of it as it can be deleted in one go: every name was copied, by its text or as a payload, as it nearly always is; else null. */
  readonly whole: DoomedWhole | null;
  /** What the source held when it was copied. The target is not asked for its expiry: since the cutover its keys belong to the applications. */
  readonly doomed: readonly Doomed[];
  /** The same of values that were carried element by element. */
  readonly values: readonly DoomedValue[];
}

export interface DoomedValue extends ElementDigest {
  readonly key: Buffer;
}

export interface PruneHistory {
  /** First batch of the last copying pass: earlier ones were superseded. */
  readonly firstBatch: number;
  /** Batches behind the cursor from which a later run has gone on: their keys are in its batches too. */
  readonly superseded: ReadonlySet<number>;
  /** Keys that were copied again, by `keyId`: the first batch that speaks for them. */
  readonly withdrawn: ReadonlyMap<string, number>;
  readonly intended: ReadonlySet<number>;
  readonly pruned: ReadonlySet<number>;
  /** What an earlier run of this pass had to keep before it died. */
  readonly kept: {readonly changed: number; readonly missing: number};
}

/** One key of one source, as text. */
export function keyId({source, db, key}: {readonly source: number; readonly db: number; readonly key: Buffer}): string {
  return `${source} ${db} ${key.toString('latin1')}`;
}

export function pruneHistory(path: string): PruneHistory {
  let [firstBatch, last, isCopying] = [0, -1, false];
  const [superseded, intended, pruned] = [new Set<number>(), new Set<number>(), new Set<number>()];
  const sinceCursor = new Map<string, number[]>();
  const withdrawn = new Map<string, number>();
  let kept = {changed: 0, missing: 0};
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    switch (record.type) {
      case 'copy': {
        last = Math.max(last, record.batch);
        const place = `${record.source}/${record.db}`;
        if (!isCopying) break;
        const batches = sinceCursor.get(place);
        if (batches === undefined) sinceCursor.set(place, [record.batch]);
        else batches.push(record.batch);
        break;
      }
      case 'cursor':
        sinceCursor.delete(`${record.source}/${record.db}`);
        break;
      case 'run':
        for (const batches of sinceCursor.values()) for (const batch of batches) superseded.add(batch);
        sinceCursor.clear();
        break;
      case 'phase':
        isCopying = record.phase === 'copying';
        sinceCursor.clear();
        if (isCopying) [firstBatch, kept] = [last + 1, {changed: 0, missing: 0}];
        break;
      case 'withdrawn':
        for (const key of unpackKeys(record.keys)) withdrawn.set(keyId({...record, key}), record.before);
        break;
      case 'prune':
        intended.add(record.batch);
        break;
      case 'pruned':
        pruned.add(record.batch);
        kept.changed += lettersIn(record.outcomes, PRUNE_LETTERS.changed);
        kept.missing += lettersIn(record.outcomes, PRUNE_LETTERS.missing);
        break;
    }
  }
  return {firstBatch, superseded, withdrawn, intended, pruned, kept};
}

export function lettersIn(outcomes: string, letter: string): number {
  return outcomes.split(letter).length - 1;
}

/** Batches with both their records that are not pruned yet, read from the journal one at a time: memory does not grow with the keys. */
export function* copiedBatches(path: string, history: PruneHistory): Generator<CopiedBatch, undefined> {
  const open = new Map<number, RebalanceRecord & {type: 'copy'}>();
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy' && record.batch >= history.firstBatch) open.set(record.batch, record);
    if (record.type !== 'copied') continue;
    const intent = open.get(record.batch);
    open.delete(record.batch);
    if (intent === undefined || history.pruned.has(record.batch) || history.superseded.has(record.batch)) continue;
    yield new ToldBatch(intent, record, history);
  }
}

type Copy = RebalanceRecord & {type: 'copy'};
type Copied = RebalanceRecord & {type: 'copied'};

const OURS = new RegExp(`^[${OUTCOME_LETTERS.created}${OUTCOME_LETTERS.equal}]*$`);

function wholeOf(intent: Copy, {outcomes, elements = {}}: Copied, {withdrawn}: PruneHistory): DoomedWhole | null {
  if (withdrawn.size > 0 || intent.of.length !== 1 || !OURS.test(outcomes)) return null;
  const sums = unpackSums(intent.sums);
  if (Object.keys(elements).length > 0 || sums.includes(NO_SUM)) return null;
  const expiries = Object.entries(intent.expiries).map(([i, at]) => [Number(i), at] as const);
  return {keys: framedKeys(intent.keys), sums, of: sumOfAt(intent.of, 0), expiries};
}

/** Most batches are never taken apart: their keys are only read when somebody asks for them one by one. */
class ToldBatch implements CopiedBatch {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly db: number;
  readonly whole: DoomedWhole | null;
  readonly #read: () => Parts;
  #parts: Parts | null = null;

  constructor(intent: Copy, record: Copied, history: PruneHistory) {
    ({batch: this.batch, source: this.source, target: this.target, db: this.db} = intent);
    this.whole = wholeOf(intent, record, history);
    this.#read = () => partsOf(intent, record, history);
  }

  get doomed(): readonly Doomed[] {
    return this.#takenApart().doomed;
  }

  get values(): readonly DoomedValue[] {
    return this.#takenApart().values;
  }

  #takenApart(): Parts {
    this.#parts ??= this.#read();
    return this.#parts;
  }
}

type Parts = Pick<CopiedBatch, 'doomed' | 'values'>;

function partsOf(intent: Copy, record: Copied, history: PruneHistory): Parts {
  const sums = unpackSums(intent.sums);
  const [doomed, values]: [Doomed[], DoomedValue[]] = [[], []];
  for (const [i, key] of unpackKeys(intent.keys).entries()) {
    const outcome = record.outcomes[i];
    const sum = sumAt(sums, i);
    const isOurs = outcome === OUTCOME_LETTERS.created || outcome === OUTCOME_LETTERS.equal;
    const isOld = history.withdrawn.size > 0 && record.batch < (history.withdrawn.get(keyId({...intent, key})) ?? 0);
    const elements = record.elements?.[i];
    if (!isOurs || isOld) continue;
    if (elements !== undefined) values.push({key, ...elements});
    else if (sum !== null) doomed.push({key, sum, of: sumOfAt(intent.of, i), expireAtMs: intent.expiries[i] ?? -1});
  }
  return {doomed, values};
}
