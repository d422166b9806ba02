/**
 * Undo before the cutover: removes from the targets exactly what this operation put there. A copy goes only while the source still holds the key,
 * and only if it is what was copied; what somebody else changed meanwhile stays and is counted.
 */
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {putBack} from './aside.js';
import {compareCopies, readCopies, readTexts} from './compare.js';
import {type Doomed, deleteUnchanged, type Fate, lockLost, readyToDelete} from './compare-and-delete.js';
import {dumpSum, type Sum, type SumOf, textSum} from './digest.js';
import {deleteIfEqual} from './elements/delete.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, type Operation, writeEnd} from './operation.js';
import {landedSum, sumAt, sumOfAt, unpackKeys, unpackSums} from './packing.js';
import {type ElementDigest, OUTCOME_LETTERS, type RebalanceRecord} from './records.js';

export interface Undone {
  readonly removed: number;
  /** Copies left alone: the source lost the key, or the copy was changed by somebody else. */
  readonly kept: number;
}

interface Candidate {
  readonly key: Buffer;
  /** Checksum of what landed at the target; null when nobody knows: then it is compared with the source. */
  readonly sum: Sum | null;
  readonly of: SumOf;
  /** Its canonical digest, where the value was carried element by element. */
  readonly elements: ElementDigest | null;
}

type CopyRecord = RebalanceRecord & {type: 'copy'};
type CopiedRecord = RebalanceRecord & {type: 'copied'};

/** Keys looked at in one go. */
const BATCH_KEYS = 200;

export async function undoCopies(operation: Operation): Promise<Undone> {
  let [removed, kept] = [0, 0];
  await withLane(operation.timeoutMs, async (lane) => {
    for (const {intent, candidates} of createdBatches(operation.journal.path)) {
      for (let at = 0; at < candidates.length; at += BATCH_KEYS) {
        checkpoint(operation);
        const batch = candidates.slice(at, at + BATCH_KEYS);
        const fates = await lane.persist(() => removeBatch(operation, lane, {intent, candidates: batch}));
        removed += fates.filter((fate) => fate === 'removed').length;
        kept += fates.filter((fate) => fate === 'kept').length;
        operation.onProgress({phase: 'aborted', keys: removed, totalKeys: operation.counts.copied, bytes: 0});
      }
    }
  });
  await putBack(operation);
  await writeEnd(operation, {type: 'end', phase: 'aborted', writers: 'unknown', finalCheck: null});
  return {removed, kept};
}

/** Names that an equal value already had at the target before we came are not ours; a later pass finds our own copies equal, an earlier record names them. */
function* createdBatches(path: string): Generator<{intent: CopyRecord; candidates: Candidate[]}> {
  const open = new Map<number, CopyRecord>();
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy') open.set(record.batch, record);
    if (record.type !== 'copied') continue;
    const intent = open.get(record.batch);
    open.delete(record.batch);
    if (intent === undefined) continue;
    yield {intent, candidates: candidatesOf(intent, record)};
  }
  for (const intent of open.values()) yield {intent, candidates: candidatesOf(intent, null)};
}

/** `copied` null: the batch was announced and never confirmed, so every name of it may be ours. */
function candidatesOf(intent: CopyRecord, copied: CopiedRecord | null): Candidate[] {
  const sums = unpackSums(intent.sums);
  const candidates: Candidate[] = [];
  for (const [i, key] of unpackKeys(intent.keys).entries()) {
    if (copied !== null && copied.outcomes[i] !== OUTCOME_LETTERS.created) continue;
    const landed = copied?.landed[i];
    const sum = landed === undefined ? sumAt(sums, i) : landedSum(landed);
    const of = landed === undefined ? sumOfAt(intent.of, i) : 'dump';
    candidates.push({key, sum, of, elements: copied?.elements?.[i] ?? null});
  }
  return candidates;
}

type Outcome = 'removed' | 'kept' | 'absent';

/** Those without a checksum may be too big to be asked for: they are compared part by part. */
async function removeBatch(
  operation: Operation,
  lane: Lane,
  {intent, candidates}: {intent: CopyRecord; candidates: readonly Candidate[]},
): Promise<Outcome[]> {
  const small = candidates.filter(({sum}) => sum !== null);
  const outcomes = small.length === 0 ? [] : await removeCopies(operation, lane, {intent, candidates: small});
  for (const one of candidates) if (one.sum === null) outcomes.push(await removeValue(operation, lane, intent, one));
  return outcomes;
}

async function removeValue(
  operation: Operation,
  lane: Lane,
  intent: CopyRecord,
  {key, elements}: Candidate,
): Promise<Outcome> {
  const holder = await lane.to(operation.nodes[intent.target]!, intent.db);
  const reference = await lane.to(operation.nodes[intent.source]!, intent.db);
  const fate = await deleteIfEqual({
    ...{holder, reference, db: intent.db, key, lockKey: LOCK_KEY, token: operation.lock.token},
    maxLatencyMs: operation.settings.maxLatencyMs,
    ...(elements === null ? {} : {copied: elements}),
  });
  switch (fate) {
    case 'deleted':
      return 'removed';
    case 'gone':
      return 'absent';
    case 'changed':
    case 'no-reference':
      return 'kept';
    case 'lock-lost':
      throw lockLost(operation);
  }
}

async function removeCopies(
  operation: Operation,
  lane: Lane,
  {intent, candidates}: {intent: CopyRecord; candidates: readonly Candidate[]},
): Promise<Outcome[]> {
  const source = await lane.to(operation.nodes[intent.source]!, intent.db);
  const target = await readyToDelete(operation, await lane.to(operation.nodes[intent.target]!, intent.db));
  const keys = candidates.map(({key}) => key);
  // The copies are read before they are compared: the script deletes nothing but these bytes.
  const [originals, copies] = await Promise.all([readCopies(source, keys), readCopies(target, keys)]);
  // Behind the copies: a text that is still ours says the same of the copy that was read before it, or the script will refuse.
  const texts = candidates.some(({of}) => of === 'text') ? await readTexts(target, keys) : [];
  const fates: Outcome[] = [];
  const [removable, positions]: [Doomed[], number[]] = [[], []];
  for (const [at, {key, sum, of}] of candidates.entries()) {
    const [original, copy] = [originals[at]!, copies[at]!];
    const sides = {source: {socket: source, copy: original}, target: {socket: target, copy}};
    fates.push(copy.payload === null ? 'absent' : 'kept');
    if (copy.payload === null || original.payload === null) continue;
    const found = dumpSum(copy.payload);
    const text = texts[at] ?? null;
    const held = of === 'dump' ? found : text && textSum(text);
    const isOurs = (held !== null && sum === held) || (await compareCopies({key, ...sides})) === 'equal';
    if (!isOurs) continue;
    removable.push({key, sum: found, of: 'dump', expireAtMs: copy.expireAtMs});
    positions.push(at);
  }
  const removed = await deleteUnchanged(operation, {socket: target, db: intent.db}, removable);
  for (const [i, at] of positions.entries()) fates[at] = OUTCOMES[removed[i]!];
  return fates;
}

const OUTCOMES: Readonly<Record<Fate, Outcome>> = {deleted: 'removed', gone: 'absent', changed: 'kept'};
