/**
 * Undo before the cutover: removes from the targets exactly what this operation put there. A copy goes only while the source still holds the key,
 * and only if it is what was copied; what somebody else changed meanwhile stays and is counted.
 */
import {createHash} from 'node:crypto';
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import {compareCopies, readCopies} from './compare.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, type Operation, writeEnd} from './operation.js';
import {COMPARE_AND_DELETE, lockLost} from './prune.js';
import {OUTCOME_LETTERS, type RebalanceRecord} from './records.js';

export interface Undone {
  readonly removed: number;
  /** Copies left alone: the source lost the key, or the copy was changed by somebody else. */
  readonly kept: number;
}

interface Candidate {
  readonly key: Buffer;
  /** Base64 SHA-1 of what landed at the target; null when the batch was announced and never confirmed. */
  readonly sha: string | null;
}

type CopyRecord = RebalanceRecord & {type: 'copy'};

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
    const candidates = intent.keys
      .map((key, i) => ({
        key: Buffer.from(key, 'base64'),
        sha: record.landed[i] ?? record.shas[i] ?? null,
        outcome: record.outcomes[i],
      }))
      .filter(({outcome}) => outcome === OUTCOME_LETTERS.created);
    yield {intent, candidates};
  }
  for (const intent of open.values()) {
    yield {intent, candidates: intent.keys.map((key) => ({key: Buffer.from(key, 'base64'), sha: null}))};
  }
}

type Fate = 'removed' | 'kept' | 'absent';

async function removeCopies(
  operation: Operation,
  lane: Lane,
  {intent, candidates}: {intent: CopyRecord; candidates: readonly Candidate[]},
): Promise<Fate[]> {
  const source = await lane.to(operation.nodes[intent.source]!, intent.db);
  const target = await lane.to(operation.nodes[intent.target]!, intent.db);
  const keys = candidates.map(({key}) => key);
  // The copies are read before they are compared: the script deletes nothing but these bytes.
  const [originals, copies] = await Promise.all([readCopies(source, keys), readCopies(target, keys)]);
  const fates: Fate[] = [];
  const removable: {at: number; sha: string; expireAtMs: number}[] = [];
  for (const [at, {key, sha}] of candidates.entries()) {
    const [original, copy] = [originals[at]!, copies[at]!];
    const sides = {source: {socket: source, copy: original}, target: {socket: target, copy}};
    fates.push(copy.payload === null ? 'absent' : 'kept');
    if (copy.payload === null || original.payload === null) continue;
    const found = createHash('sha1').update(copy.payload).digest();
    const isOurs = found.toString('base64') === sha || (await compareCopies({key, ...sides})) === 'equal';
    if (isOurs) removable.push({at, sha: found.toString('hex'), expireAtMs: copy.expireAtMs});
  }
  const {token} = operation.lock;
  const replies = await target.batch(
    removable.map(({at, sha, expireAtMs}) => [
      ...['EVAL', COMPARE_AND_DELETE, 2, keys[at]!, LOCK_KEY],
      ...[token, sha, expireAtMs, intent.db],
    ]),
  );
  for (const [i, {at}] of removable.entries()) fates[at] = fateOf(operation, intent, replies[i]);
  return fates;
}

function fateOf(operation: Operation, {target}: CopyRecord, reply: RespReply | undefined): Fate {
  switch (reply) {
    case 1:
      return 'removed';
    case -1:
      return 'absent';
    case 0:
      return 'kept';
    case -2:
      throw lockLost(operation);
    default: {
      const text = reply instanceof ReplyError ? reply.text : 'no number';
      throw replyFault(operation.nodes[target]!.instance.address, text, 'removing a copy');
    }
  }
}
