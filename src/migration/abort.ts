/**
 * Undo before the cutover: removes from the targets exactly what this operation put there. A copy goes only while the source still holds the key,
 * and only if it is what was copied; what somebody else changed meanwhile stays and is counted.
 */
import {createHash} from 'node:crypto';
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/record.js';
import {compareKeys, readCopies} from './compare.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, type Operation, write} from './operation.js';
import {COMPARE_AND_DELETE} from './prune.js';
import {OUTCOME_LETTERS, type RebalanceRecord} from './records.js';

export interface Undone {
  readonly removed: number;
  /** Copies left alone: the source lost the key, or the copy was changed by somebody else. */
  readonly kept: number;
}

interface Candidate {
  readonly key: Buffer;
  /** Base64 SHA-1 of what was copied; null when the batch was announced and never confirmed. */
  readonly sha: string | null;
}

type CopyRecord = RebalanceRecord & {type: 'copy'};

export async function undoCopies(operation: Operation): Promise<Undone> {
  let [removed, kept] = [0, 0];
  await withLane(operation.timeoutMs, async (lane) => {
    for (const {intent, candidates} of createdBatches(operation.journal.path)) {
      checkpoint(operation);
      for (const candidate of candidates) {
        const gone = await removeCopy(operation, lane, {intent, candidate});
        if (gone === 'removed') removed += 1;
        if (gone === 'kept') kept += 1;
      }
      operation.onProgress({phase: 'aborted', keys: removed, totalKeys: operation.counts.copied, bytes: 0});
    }
  });
  write(operation, {type: 'end', phase: 'aborted', writers: 'unknown', finalCheck: null});
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
    const candidates = intent.keys
      .map((key, i) => ({key: Buffer.from(key, 'base64'), sha: record.shas[i] ?? null, outcome: record.outcomes[i]}))
      .filter(({outcome}) => outcome === OUTCOME_LETTERS.created);
    yield {intent, candidates};
  }
  for (const intent of open.values()) {
    yield {intent, candidates: intent.keys.map((key) => ({key: Buffer.from(key, 'base64'), sha: null}))};
  }
}

async function removeCopy(
  operation: Operation,
  lane: Lane,
  {intent, candidate}: {intent: CopyRecord; candidate: Candidate},
): Promise<'removed' | 'kept' | 'absent'> {
  const source = await lane.to(operation.nodes[intent.source]!, intent.db);
  const target = await lane.to(operation.nodes[intent.target]!, intent.db);
  const [comparison] = await compareKeys(source, target, [candidate.key]);
  if (comparison === 'no-target') return 'absent';
  if (comparison === 'no-source') return 'kept';
  const [copy] = await readCopies(target, [candidate.key]);
  if (copy?.payload == null) return 'absent';
  const digest = createHash('sha1').update(copy.payload);
  const sha = digest.digest();
  if (comparison === 'different' && sha.toString('base64') !== candidate.sha) return 'kept';
  const reply = await target.call(
    [
      'EVAL',
      COMPARE_AND_DELETE,
      2,
      candidate.key,
      LOCK_KEY,
      operation.lock.token,
      sha.toString('hex'),
      copy.expireAtMs,
      intent.db,
    ],
    'removing a copy',
  );
  return reply === 1 ? 'removed' : 'kept';
}
