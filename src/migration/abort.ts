/**
 * Undo before the cutover: removes from the targets exactly what this operation put there. A copy goes only while the source still holds the key,
 * and only if it is what was copied; what somebody else changed meanwhile stays and is counted.
 */
import {readJournal} from '../journal/reading.js';
import {putBack} from './aside.js';
import {compareCopies, readCopies} from './compare.js';
import {dumpCrc} from './digest.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, type Operation, writeEnd} from './operation.js';
import {crcAt, unpackCrcs, unpackKeys} from './packing.js';
import {type Doomed, deleteUnchanged, type Fate} from './prune.js';
import {OUTCOME_LETTERS, type RebalanceRecord} from './records.js';

export interface Undone {
  readonly removed: number;
  /** Copies left alone: the source lost the key, or the copy was changed by somebody else. */
  readonly kept: number;
}

interface Candidate {
  readonly key: Buffer;
  /** Checksum of what landed at the target; null when nobody knows: then it is compared with the source. */
  readonly crc: Buffer | null;
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
        const fates = await removeCopies(operation, lane, {intent, candidates: batch});
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
  const crcs = unpackCrcs(intent.crcs);
  const candidates: Candidate[] = [];
  for (const [i, key] of unpackKeys(intent.keys).entries()) {
    if (copied !== null && copied.outcomes[i] !== OUTCOME_LETTERS.created) continue;
    const landed = copied?.landed[i];
    candidates.push({key, crc: landed === undefined ? crcAt(crcs, i) : Buffer.from(landed, 'base64')});
  }
  return candidates;
}

type Outcome = 'removed' | 'kept' | 'absent';

async function removeCopies(
  operation: Operation,
  lane: Lane,
  {intent, candidates}: {intent: CopyRecord; candidates: readonly Candidate[]},
): Promise<Outcome[]> {
  const source = await lane.to(operation.nodes[intent.source]!, intent.db);
  const target = await lane.to(operation.nodes[intent.target]!, intent.db);
  const keys = candidates.map(({key}) => key);
  // The copies are read before they are compared: the script deletes nothing but these bytes.
  const [originals, copies] = await Promise.all([readCopies(source, keys), readCopies(target, keys)]);
  const fates: Outcome[] = [];
  const [removable, positions]: [Doomed[], number[]] = [[], []];
  for (const [at, {key, crc}] of candidates.entries()) {
    const [original, copy] = [originals[at]!, copies[at]!];
    const sides = {source: {socket: source, copy: original}, target: {socket: target, copy}};
    fates.push(copy.payload === null ? 'absent' : 'kept');
    if (copy.payload === null || original.payload === null) continue;
    const found = dumpCrc(copy.payload);
    const isOurs = crc?.equals(found) || (await compareCopies({key, ...sides})) === 'equal';
    if (!isOurs) continue;
    removable.push({key, crc: found, expireAtMs: copy.expireAtMs});
    positions.push(at);
  }
  const removed = await deleteUnchanged(operation, {socket: target, db: intent.db}, removable);
  for (const [i, at] of positions.entries()) fates[at] = OUTCOMES[removed[i]!];
  return fates;
}

const OUTCOMES: Readonly<Record<Fate, Outcome>> = {deleted: 'removed', gone: 'absent', changed: 'kept'};
