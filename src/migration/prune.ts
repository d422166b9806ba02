/**
 * Deletes at the sources what the journal says was copied and proved, while its owner holds it, and only what is still what was copied.
 */

import {escapeText} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {compareCopies, compareKeys, readCopies} from './compare.js';
import {deleteUnchanged, type Fate, lockLost, readyToDelete} from './compare-and-delete.js';
import {type CopiedBatch, copiedBatches, type DoomedValue, lettersIn, pruneHistory} from './copied-batches.js';
import {dumpSum} from './digest.js';
import {deleteIfEqual} from './elements/delete.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, note, type Operation, progress, write} from './operation.js';
import {PRUNE_LETTERS} from './records.js';

/** Keys that were not deleted, because that would not have been safe. */
export interface Kept {
  /** The source holds another value than the one that was copied. */
  changed: number;
  /** The target does not hold the key any more. */
  missing: number;
  /** Some names, escaped. */
  examples: string;
}

/** An answer that took longer is asked for again: who was stopped in between knows only what was true before. Milliseconds. */
const FRESH_MS = 100;

/** Lanes that prune side by side. */
const LANES = 4;

/** Prunes every batch of the last copying pass that is not pruned yet. */
export async function pruneAll(operation: Operation): Promise<Kept> {
  const history = pruneHistory(operation.journal.path);
  const kept: Kept = {changed: 0, missing: 0, examples: ''};
  const batches = copiedBatches(operation.journal.path, history);
  const fault: {error: unknown; isSet: boolean} = {error: null, isSet: false};
  const work = async (lane: Lane): Promise<void> => {
    for (let next = batches.next(); !next.done && !fault.isSet; next = batches.next()) {
      const {value: batch} = next;
      let intended = history.intended.has(batch.batch);
      await lane.persist(async () => {
        const pruning = {operation, lane, batch, kept, intended};
        // Should the connection be lost, nobody knows what was deleted: by then it was announced.
        intended = true;
        await pruneBatch(pruning);
      });
    }
  };
  const lanes = Array.from({length: LANES}, () =>
    withLane(operation.timeoutMs, work).catch((error) => {
      if (!fault.isSet) [fault.error, fault.isSet] = [error, true];
    }),
  );
  await Promise.all(lanes);
  batches.return(undefined);
  if (fault.isSet) throw fault.error;
  kept.changed += history.kept.changed;
  kept.missing += history.kept.missing;
  return kept;
}

interface Pruning {
  readonly operation: Operation;
  readonly lane: Lane;
  readonly batch: CopiedBatch;
  readonly kept: Kept;
  /** An earlier run announced this batch and died: what is gone now was deleted by it. */
  readonly intended: boolean;
}

async function pruneBatch(pruning: Pruning): Promise<void> {
  const {operation, lane, batch, kept} = pruning;
  checkpoint(operation);
  await write(operation, {type: 'prune', batch: batch.batch});
  const source = await readyToDelete(operation, await lane.to(operation.nodes[batch.source]!, batch.db));
  const letters = await fatesOf(pruning, source, await heldAt(pruning));
  for (const value of batch.values) letters.push(await fateOfValue(pruning, value));
  const outcomes = letters.join('');
  note(operation, {type: 'pruned', batch: batch.batch, outcomes});
  const {counts} = operation;
  const deleted = lettersIn(outcomes, PRUNE_LETTERS.deleted);
  counts.deleted += deleted;
  counts.expired += lettersIn(outcomes, PRUNE_LETTERS.expired);
  kept.changed += lettersIn(outcomes, PRUNE_LETTERS.changed);
  kept.missing += lettersIn(outcomes, PRUNE_LETTERS.missing);
  if (kept.examples === '') kept.examples = examplesOf([...batch.doomed, ...batch.values], letters);
  const {source: from, target: to} = batch;
  progress(operation, {phase: 'pruning', keys: counts.deleted, from, to, more: deleted});
}

function examplesOf(doomed: readonly {readonly key: Buffer}[], letters: readonly string[]): string {
  const isKept = (letter: string | undefined): boolean =>
    letter === PRUNE_LETTERS.changed || letter === PRUNE_LETTERS.missing;
  return doomed
    .filter((_, i) => isKept(letters[i]))
    .slice(0, 5)
    .map(({key}) => escapeText(key.toString('utf8')))
    .join(', ');
}

/**
 * The target is asked first, over the connection that proved its identity; a key that it does not hold is not even tried.
 * Where the target may have come back with older data, only an equal value counts; elsewhere its value is its own affair by now.
 */
async function heldAt({operation, lane, batch}: Pruning): Promise<boolean[]> {
  const {db, doomed} = batch;
  const target = await lane.to(operation.nodes[batch.target]!, db);
  const keys = doomed.map(({key}) => key);
  const held = async (): Promise<boolean[]> => {
    if (!operation.doubted.has(batch.target)) return existing(target, keys);
    const source = await lane.to(operation.nodes[batch.source]!, db);
    return (await compareKeys(source, target, keys)).map((comparison) => comparison === 'equal');
  };
  for (let isFirst = true; ; isFirst = false) {
    const askedMs = performance.now();
    const answer = await held();
    if (!isFirst || performance.now() - askedMs < FRESH_MS) return answer;
  }
}

/** Nothing may stand between the target's answer and the deletion: `source` is ready for it. */
async function fatesOf(pruning: Pruning, source: RespSocket, held: readonly boolean[]): Promise<string[]> {
  const {operation, batch} = pruning;
  const {db, doomed} = batch;
  const fates = await deleteUnchanged(
    operation,
    {socket: source, db},
    doomed.filter((_, i) => held[i]),
  );
  const missing = doomed.filter((_, i) => !held[i]);
  const left = await existing(
    source,
    missing.map(({key}) => key),
  );
  const letters: string[] = [];
  let [deleted, asked] = [0, 0];
  for (const [i, one] of doomed.entries()) {
    // A key that is on neither side has expired.
    if (!held[i]) letters.push(left[asked++] ? PRUNE_LETTERS.missing : PRUNE_LETTERS.expired);
    else letters.push(await letterOf(pruning, one.key, fates[deleted++]!));
  }
  return letters;
}

async function letterOf(pruning: Pruning, key: Buffer, fate: Fate): Promise<string> {
  switch (fate) {
    case 'deleted':
      return PRUNE_LETTERS.deleted;
    case 'gone':
      // While the target holds it: an earlier run deleted it and died before it could say so, or it has just expired.
      return pruning.intended ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.expired;
    case 'changed':
      return retryByValue(pruning, key);
  }
}

/** Compared part by part, so that the source is held up by none of them. */
async function fateOfValue(
  {operation, lane, batch, intended}: Pruning,
  {key, digest, expireAtMs}: DoomedValue,
): Promise<string> {
  const holder = await lane.to(operation.nodes[batch.source]!, batch.db);
  const reference = await lane.to(operation.nodes[batch.target]!, batch.db);
  // A target that may have come back with older data is compared in full.
  const copied = operation.doubted.has(batch.target) ? {} : {copied: {digest, expireAtMs}};
  const {token} = operation.lock;
  const {maxLatencyMs} = operation.settings;
  const fate = await deleteIfEqual({
    holder,
    reference,
    db: batch.db,
    key,
    lockKey: LOCK_KEY,
    token,
    maxLatencyMs,
    ...copied,
  });
  switch (fate) {
    case 'deleted':
      return PRUNE_LETTERS.deleted;
    case 'changed':
      return PRUNE_LETTERS.changed;
    case 'gone':
      return intended ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.expired;
    case 'no-reference':
      return PRUNE_LETTERS.missing;
    case 'lock-lost':
      throw lockLost(operation);
  }
}

/** Which of the keys a server holds. One question for all, and one for each only where some are missing. */
async function existing(socket: RespSocket, keys: readonly Buffer[]): Promise<boolean[]> {
  if (keys.length === 0) return [];
  const all = await socket.call(['EXISTS', ...keys], 'pruning');
  if (all === keys.length) return keys.map(() => true);
  const replies = await socket.batch(keys.map((key) => ['EXISTS', key]));
  return replies.map((reply) => {
    if (typeof reply === 'number') return reply === 1;
    throw replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no number', 'pruning');
  });
}

/**
 * The bytes differ from those that were copied. For hash tables that alone means little: rehashing reorders them. So the values are compared,
 * and when they are equal the deletion is tried once more with the digest of the bytes as they are now.
 */
async function retryByValue({operation, lane, batch}: Pruning, key: Buffer): Promise<string> {
  const source = await lane.to(operation.nodes[batch.source]!, batch.db);
  const target = await lane.to(operation.nodes[batch.target]!, batch.db);
  // The digest that the script gets is of bytes read before the comparison: a write after it makes the script refuse.
  const [[copy], [held]] = await Promise.all([readCopies(source, [key]), readCopies(target, [key])]);
  const sides = {source: {socket: source, copy: copy!}, target: {socket: target, copy: held!}};
  const comparison = await compareCopies({key, ...sides});
  if (comparison === 'no-source') return PRUNE_LETTERS.expired;
  if (comparison !== 'equal' || copy?.payload == null) return PRUNE_LETTERS.changed;
  const doomed = {key, sum: dumpSum(copy.payload), of: 'dump', expireAtMs: copy.expireAtMs} as const;
  const [fate] = await deleteUnchanged(operation, {socket: source, db: batch.db}, [doomed]);
  if (fate === 'gone') return PRUNE_LETTERS.expired;
  return fate === 'deleted' ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.changed;
}
