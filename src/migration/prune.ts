/**
 * Deletes at the sources what the journal says was copied and proved, and only while it is still what was copied. The comparison and
 * the deletion are one script on the source, fenced by the operation's lock: nobody can slip a write or a second operator in between.
 * WATCH would not do: it does not see consumer groups change.
 */

import {createHash} from 'node:crypto';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {compareCopies, compareKeys, readCopies} from './compare.js';
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
  /** Hex SHA-1 of the source's DUMP when it was copied, per key. */
  readonly shas: readonly string[];
  /** Its expiry then. The target is not asked for it: since the cutover its keys belong to the applications. */
  readonly expiries: readonly number[];
}

/** Keys that were not deleted, because that would not have been safe. */
export interface Kept {
  /** The source holds another value than the one that was copied. */
  changed: number;
  /** The target does not hold the key any more. */
  missing: number;
  /** Some names, escaped. */
  examples: string;
}

/** Prunes every batch of the last copying pass that is not pruned yet. */
export async function pruneAll(operation: Operation): Promise<Kept> {
  const history = pruneHistory(operation.journal.path);
  const kept: Kept = {changed: 0, missing: 0, examples: ''};
  await withLane(operation.timeoutMs, async (lane) => {
    for (const batch of copiedBatches(operation.journal.path, history.firstBatch)) {
      if (history.pruned.has(batch.batch)) continue;
      await pruneBatch({operation, lane, batch, kept, intended: history.intended.has(batch.batch)});
    }
  });
  kept.changed += history.kept.changed;
  kept.missing += history.kept.missing;
  return kept;
}

interface PruneHistory {
  /** First batch of the last copying pass: earlier ones were superseded. */
  readonly firstBatch: number;
  readonly intended: ReadonlySet<number>;
  readonly pruned: ReadonlySet<number>;
  /** What an earlier run of this pass had to keep before it died. */
  readonly kept: {readonly changed: number; readonly missing: number};
}

function pruneHistory(path: string): PruneHistory {
  let [firstBatch, last] = [0, -1];
  const [intended, pruned] = [new Set<number>(), new Set<number>()];
  let kept = {changed: 0, missing: 0};
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy') last = record.batch;
    if (record.type === 'phase' && record.phase === 'copying')
      [firstBatch, kept] = [last + 1, {changed: 0, missing: 0}];
    if (record.type === 'prune') intended.add(record.batch);
    if (record.type !== 'pruned') continue;
    pruned.add(record.batch);
    kept.changed += lettersIn(record.outcomes, PRUNE_LETTERS.changed);
    kept.missing += lettersIn(record.outcomes, PRUNE_LETTERS.missing);
  }
  return {firstBatch, intended, pruned, kept};
}

function lettersIn(outcomes: string, letter: string): number {
  return outcomes.split(letter).length - 1;
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
    const ours = intent.keys
      .map((key, i) => ({
        key: Buffer.from(key, 'base64'),
        sha: record.shas[i],
        expireAtMs: record.expiries[i]!,
        outcome: record.outcomes[i],
      }))
      .filter(({outcome}) => outcome === OUTCOME_LETTERS.created || outcome === OUTCOME_LETTERS.equal);
    yield {
      ...intent,
      keys: ours.map(({key}) => key),
      shas: ours.map(({sha}) => Buffer.from(sha!, 'base64').toString('hex')),
      expiries: ours.map(({expireAtMs}) => expireAtMs),
    };
  }
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
  const {operation, batch, kept} = pruning;
  checkpoint(operation);
  write(operation, {type: 'prune', batch: batch.batch});
  const letters: string[] = [];
  for (const [i, verdict] of (await compareAndDelete(pruning)).entries())
    letters.push(await judge(pruning, i, verdict));
  const outcomes = letters.join('');
  write(operation, {type: 'pruned', batch: batch.batch, outcomes});
  const {counts} = operation;
  counts.deleted += lettersIn(outcomes, PRUNE_LETTERS.deleted);
  counts.expired += lettersIn(outcomes, PRUNE_LETTERS.expired);
  kept.changed += lettersIn(outcomes, PRUNE_LETTERS.changed);
  kept.missing += lettersIn(outcomes, PRUNE_LETTERS.missing);
  if (kept.examples === '') kept.examples = examplesOf(batch.keys, letters);
  operation.onProgress({
    phase: 'pruning',
    keys: counts.deleted,
    totalKeys: operation.planned.moving,
    bytes: counts.bytes,
  });
}

function examplesOf(keys: readonly Buffer[], letters: readonly string[]): string {
  const isKept = (letter: string | undefined): boolean =>
    letter === PRUNE_LETTERS.changed || letter === PRUNE_LETTERS.missing;
  return keys
    .filter((_, i) => isKept(letters[i]))
    .slice(0, 5)
    .map((key) => escapeText(key.toString('utf8')))
    .join(', ');
}

interface Verdict {
  readonly reply: number;
  /** The target holds a value under this name, whichever it is by now. */
  readonly isHeld: boolean;
}

/** The target is asked first, over the connection that proved its identity; a key that it does not hold is not even tried. */
async function compareAndDelete({operation, lane, batch}: Pruning): Promise<Verdict[]> {
  const [sourceNode, targetNode] = [operation.nodes[batch.source]!, operation.nodes[batch.target]!];
  const target = await lane.to(targetNode, batch.db);
  const source = await lane.to(sourceNode, batch.db);
  // Where the target may have come back with older data, only an equal value counts; elsewhere its value is its own affair by now.
  const held = operation.doubted.has(batch.target)
    ? (await compareKeys(source, target, batch.keys)).map((comparison) => (comparison === 'equal' ? 1 : 0))
    : (await target.batch(batch.keys.map((key) => ['EXISTS', key]))).map(asInteger(targetNode));
  const {token} = operation.lock;
  const replies = await source.batch(
    batch.keys.map((key, i) =>
      held[i] === 1
        ? ['EVAL', COMPARE_AND_DELETE, 2, key, LOCK_KEY, token, batch.shas[i]!, batch.expiries[i]!, batch.db]
        : ['EXISTS', key],
    ),
  );
  return replies.map(asInteger(sourceNode)).map((reply, i) => ({reply, isHeld: held[i] === 1}));
}

function asInteger(node: Node): (reply: unknown) => number {
  return (reply) => {
    if (typeof reply === 'number') return reply;
    throw replyFault(node.instance.address, reply instanceof ReplyError ? reply.text : 'no number', 'pruning');
  };
}

async function judge(pruning: Pruning, i: number, {reply, isHeld}: Verdict): Promise<string> {
  // Here `reply` says whether the source still holds it: a key that is on neither side has expired.
  if (!isHeld) return reply === 1 ? PRUNE_LETTERS.missing : PRUNE_LETTERS.expired;
  if (reply === 1) return PRUNE_LETTERS.deleted;
  // Gone while the target holds it: an earlier run deleted it and died before it could say so, or it has just expired.
  if (reply === -1) return pruning.intended ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.expired;
  if (reply === -2) throw lockLost(pruning.operation);
  return retryByValue(pruning, i);
}

/**
 * The bytes differ from those that were copied. For hash tables that alone means little: rehashing reorders them. So the values are compared,
 * and when they are equal the deletion is tried once more with the digest of the bytes as they are now.
 */
async function retryByValue({operation, lane, batch}: Pruning, i: number): Promise<string> {
  const key = batch.keys[i]!;
  const source = await lane.to(operation.nodes[batch.source]!, batch.db);
  const target = await lane.to(operation.nodes[batch.target]!, batch.db);
  // The digest that the script gets is of bytes read before the comparison: a write after it makes the script refuse.
  const [[copy], [held]] = await Promise.all([readCopies(source, [key]), readCopies(target, [key])]);
  const sides = {source: {socket: source, copy: copy!}, target: {socket: target, copy: held!}};
  const comparison = await compareCopies({key, ...sides});
  if (comparison === 'no-source') return PRUNE_LETTERS.expired;
  if (comparison !== 'equal' || copy?.payload == null) return PRUNE_LETTERS.changed;
  const sha = createHash('sha1').update(copy.payload).digest('hex');
  const reply = await source.call(
    ['EVAL', COMPARE_AND_DELETE, 2, key, LOCK_KEY, operation.lock.token, sha, copy.expireAtMs, batch.db],
    'pruning',
  );
  if (reply === -2) throw lockLost(operation);
  if (reply === -1) return PRUNE_LETTERS.expired;
  return reply === 1 ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.changed;
}

export function lockLost(operation: Operation): RtopoError {
  return new RtopoError({
    code: 'LOCK_LOST',
    exit: ExitCode.incomplete,
    message:
      'The operation lock is not ours any more: this process was stopped for too long, or somebody removed it. Nothing was deleted without it.',
    remedy: resumeCommand(operation),
    details: {id: operation.id},
  });
}
