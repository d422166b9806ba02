/**
 * Deletes at the sources what the journal says was copied and proved, and only while it is still what was copied. The comparison and
 * the deletion are one script on the source, fenced by the operation's lock: nobody can slip a write or a second operator in between.
 * WATCH would not do: it does not see consumer groups change.
 */

import {createHash} from 'node:crypto';
import {ExitCode, RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/record.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {compareKeys, readCopies} from './compare.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {checkpoint, type Operation, resumeCommand, write} from './operation.js';
import {OUTCOME_LETTERS, PRUNE_LETTERS, type RebalanceRecord} from './records.js';

/**
 * KEYS: the key, the lock. ARGV: lock token, SHA-1 of the DUMP in hex, expiry in ms, database.
 * Answers 1 deleted, 0 another value or expiry, -1 not there, -2 the lock is not ours.
 */
export const COMPARE_AND_DELETE = `redis.call('SELECT', 0)
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return -2 end
redis.call('SELECT', ARGV[4])
local dump = redis.call('DUMP', KEYS[1])
if not dump then return -1 end
if redis.sha1hex(dump) ~= ARGV[2] then return 0 end
if redis.call('PEXPIRETIME', KEYS[1]) ~= tonumber(ARGV[3]) then return 0 end
redis.call('UNLINK', KEYS[1])
return 1`;

/** A batch as the journal tells it. */
interface CopiedBatch {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly db: number;
  readonly keys: readonly Buffer[];
  /** Hex SHA-1 of the source's DUMP, per key. */
  readonly shas: readonly string[];
}

/** Prunes every batch of the last copying pass that is not pruned yet. */
export async function pruneAll(operation: Operation): Promise<void> {
  const history = pruneHistory(operation.journal.path);
  await withLane(operation.timeoutMs, async (lane) => {
    for (const batch of copiedBatches(operation.journal.path, history.firstBatch)) {
      if (history.pruned.has(batch.batch)) continue;
      await pruneBatch({operation, lane, batch, intended: history.intended.has(batch.batch)});
    }
  });
  if (operation.counts.changed > 0) throw changedError(operation);
}

interface PruneHistory {
  /** First batch of the last copying pass: earlier ones were superseded. */
  readonly firstBatch: number;
  readonly intended: ReadonlySet<number>;
  readonly pruned: ReadonlySet<number>;
}

function pruneHistory(path: string): PruneHistory {
  let [firstBatch, last] = [0, -1];
  const [intended, pruned] = [new Set<number>(), new Set<number>()];
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy') last = record.batch;
    if (record.type === 'phase' && record.phase === 'copying') firstBatch = last + 1;
    if (record.type === 'prune') intended.add(record.batch);
    if (record.type === 'pruned') pruned.add(record.batch);
  }
  return {firstBatch, intended, pruned};
}

/** Batches with both their records, read from the journal one at a time: memory does not grow with the keys. */
function* copiedBatches(path: string, firstBatch: number): Generator<CopiedBatch> {
  const open = new Map<number, RebalanceRecord & {type: 'copy'}>();
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy' && record.batch >= firstBatch) open.set(record.batch, record);
    if (record.type !== 'copied') continue;
    const intent = open.get(record.batch);
    open.delete(record.batch);
    if (intent === undefined) continue;
    const kept = intent.keys
      .map((key, i) => ({key: Buffer.from(key, 'base64'), sha: record.shas[i], outcome: record.outcomes[i]}))
      .filter(({sha, outcome}) => typeof sha === 'string' && outcome !== OUTCOME_LETTERS.gone);
    yield {
      ...intent,
      keys: kept.map(({key}) => key),
      shas: kept.map(({sha}) => Buffer.from(sha!, 'base64').toString('hex')),
    };
  }
}

interface Pruning {
  readonly operation: Operation;
  readonly lane: Lane;
  readonly batch: CopiedBatch;
  /** An earlier run announced this batch and died: what is gone now was deleted by it. */
  readonly intended: boolean;
}

async function pruneBatch(pruning: Pruning): Promise<void> {
  const {operation, batch} = pruning;
  checkpoint(operation);
  write(operation, {type: 'prune', batch: batch.batch});
  const letters: string[] = [];
  for (const [i, verdict] of (await compareAndDelete(pruning)).entries())
    letters.push(await judge(pruning, i, verdict));
  write(operation, {type: 'pruned', batch: batch.batch, outcomes: letters.join('')});
  const {counts} = operation;
  counts.deleted += letters.filter((letter) => letter === PRUNE_LETTERS.deleted).length;
  counts.expired += letters.filter((letter) => letter === PRUNE_LETTERS.expired).length;
  counts.changed += letters.filter((letter) => letter === PRUNE_LETTERS.changed).length;
  operation.onProgress({
    phase: 'pruning',
    keys: counts.deleted,
    totalKeys: operation.planned.moving,
    bytes: counts.bytes,
  });
}

interface Verdict {
  readonly reply: number;
  /** Expiry of the copy at the target; -2 when it is not there. */
  readonly targetExpiry: number;
}

/** The target is asked first, over the connection that proved its identity; a key that it does not hold is not even tried. */
async function compareAndDelete({operation, lane, batch}: Pruning): Promise<Verdict[]> {
  const [sourceNode, targetNode] = [operation.nodes[batch.source]!, operation.nodes[batch.target]!];
  const target = await lane.to(targetNode, batch.db);
  const expiries = (await target.batch(batch.keys.map((key) => ['PEXPIRETIME', key]))).map(asInteger(targetNode));
  const source = await lane.to(sourceNode, batch.db);
  const replies = await source.batch(
    batch.keys.map((key, i) =>
      expiries[i] === -2
        ? ['PEXPIRETIME', key]
        : ['EVAL', COMPARE_AND_DELETE, 2, key, LOCK_KEY, operation.lock.token, batch.shas[i]!, expiries[i]!, batch.db],
    ),
  );
  return replies.map(asInteger(sourceNode)).map((reply, i) => ({reply, targetExpiry: expiries[i]!}));
}

function asInteger(node: Node): (reply: unknown) => number {
  return (reply) => {
    if (typeof reply === 'number') return reply;
    throw replyFault(node.instance.address, reply instanceof ReplyError ? reply.text : 'no number', 'pruning');
  };
}

async function judge(pruning: Pruning, i: number, {reply, targetExpiry}: Verdict): Promise<string> {
  if (targetExpiry === -2) return missingAtTarget(pruning, i, reply);
  if (reply === 1) return PRUNE_LETTERS.deleted;
  // Gone while the target holds it: an earlier run deleted it and died before it could say so, or it has just expired.
  if (reply === -1) return pruning.intended ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.expired;
  if (reply === -2) throw lockLost(pruning.operation);
  return retryByValue(pruning, i, targetExpiry);
}

/** Here `reply` is the source's own expiry: -2 means that the key has expired on both sides. */
function missingAtTarget({operation, batch}: Pruning, _i: number, reply: number): string {
  if (reply === -2) return PRUNE_LETTERS.expired;
  throw new RtopoError({
    code: 'TARGET_LOST_KEY',
    exit: ExitCode.incomplete,
    message: `${operation.nodes[batch.target]!.at} no longer holds a key that was copied to it. The source still holds it; nothing more is deleted.`,
    remedy: resumeCommand(operation.id),
    details: {id: operation.id},
  });
}

/**
 * The bytes differ from those that were copied. For hash tables that alone means little: rehashing reorders them. So the values are compared,
 * and when they are equal the deletion is tried once more with the digest of the bytes as they are now.
 */
async function retryByValue({operation, lane, batch}: Pruning, i: number, targetExpiry: number): Promise<string> {
  const key = batch.keys[i]!;
  const source = await lane.to(operation.nodes[batch.source]!, batch.db);
  const target = await lane.to(operation.nodes[batch.target]!, batch.db);
  const [comparison] = await compareKeys(source, target, [key]);
  if (comparison === 'no-source') return PRUNE_LETTERS.expired;
  const [copy] = await readCopies(source, [key]);
  if (comparison !== 'equal' || copy?.payload == null) return PRUNE_LETTERS.changed;
  const sha = createHash('sha1').update(copy.payload).digest('hex');
  const reply = await source.call(
    ['EVAL', COMPARE_AND_DELETE, 2, key, LOCK_KEY, operation.lock.token, sha, targetExpiry, batch.db],
    'pruning',
  );
  if (reply === -2) throw lockLost(operation);
  return reply === 1 ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.changed;
}

function lockLost(operation: Operation): RtopoError {
  return new RtopoError({
    code: 'LOCK_LOST',
    exit: ExitCode.incomplete,
    message:
      'The operation lock is not ours any more: this process was stopped for too long, or somebody removed it. Nothing was deleted without it.',
    remedy: resumeCommand(operation.id),
    details: {id: operation.id},
  });
}

function changedError(operation: Operation): RtopoError {
  const {changed} = operation.counts;
  return new RtopoError({
    code: 'SOURCE_CHANGED',
    exit: ExitCode.incomplete,
    message: `${changed} keys changed at their source after they were copied: somebody still writes there. They were kept at the source and are on two shards now.`,
    remedy: `point every writer at the new topology, then look at both values: rtopo verify`,
    details: {id: operation.id, changed},
  });
}
