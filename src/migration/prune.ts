/**
 * Deletes at the sources what the journal says was copied and proved, and only while it is still what was copied. The comparison and
 * the deletion are one script on the source, fenced by the operation's lock: nobody can slip a write or a second operator in between.
 * WATCH would not do: it does not see consumer groups change.
 */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {script} from '../redis/resp/script.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {compareCopies, compareKeys, readCopies} from './compare.js';
import {dumpCrc} from './digest.js';
import {deleteIfEqual} from './elements/delete.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, note, type Operation, progress, resumeCommand, write} from './operation.js';
import {crcAt, unpackCrcs, unpackKeys} from './packing.js';
import {type ElementDigest, OUTCOME_LETTERS, PRUNE_LETTERS, type RebalanceRecord} from './records.js';

/**
 * KEYS: the keys, then the lock. ARGV: lock token, database, the checksums of their DUMPs one after the other, then their expiries in
 * ms (-1: none). Answers a letter per key: d deleted, k another value or expiry, x not there; or -2 when the lock is not ours.
 */
export const COMPARE_AND_DELETE = script(`local lock = KEYS[#KEYS]
redis.call('SELECT', 0)
if redis.call('GET', lock) ~= ARGV[1] then return -2 end
redis.call('SELECT', ARGV[2])
local call, sub, crcs = redis.call, string.sub, ARGV[3]
local out, same = {}, {}
for i = 1, #KEYS - 1 do
  local key = KEYS[i]
  local dump = call('DUMP', key)
  if not dump then
    out[i] = 'x'
  elseif sub(dump, -8) ~= sub(crcs, 8 * i - 7, 8 * i) or call('PEXPIRETIME', key) ~= tonumber(ARGV[3 + i]) then
    out[i] = 'k'
  else
    out[i] = 'd'
    same[#same + 1] = key
  end
end
if #same > 0 then call('UNLINK', unpack(same)) end
return table.concat(out)`);

/** A value to be deleted, as it must still be. */
export interface Doomed {
  readonly key: Buffer;
  readonly crc: Buffer;
  readonly expireAtMs: number;
}

export type Fate = 'deleted' | 'changed' | 'gone';

const FATES: Readonly<Record<string, Fate>> = {d: 'deleted', k: 'changed', x: 'gone'};

/** Deletes those that are still what they were. @throws RtopoError `LOCK_LOST` when the lock is not ours: then nothing was deleted */
export async function deleteUnchanged(
  operation: Operation,
  {socket, db}: {readonly socket: RespSocket; readonly db: number},
  doomed: readonly Doomed[],
): Promise<Fate[]> {
  if (doomed.length === 0) return [];
  const crcs = Buffer.concat(doomed.map(({crc}) => crc));
  const reply = await socket.run(
    COMPARE_AND_DELETE,
    [...doomed.map(({key}) => key), LOCK_KEY],
    [operation.lock.token, db, crcs, ...doomed.map(({expireAtMs}) => expireAtMs)],
  );
  if (reply === -2) throw lockLost(operation);
  if (!Buffer.isBuffer(reply) || reply.length !== doomed.length)
    throw replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no letters', 'compare-and-delete');
  return [...reply.toString('latin1')].map((letter) => FATES[letter]!);
}

/** A batch as the journal tells it. */
interface CopiedBatch {
  readonly batch: number;
  readonly source: number;
  readonly target: number;
  readonly db: number;
  /** What the source held when it was copied. The target is not asked for its expiry: since the cutover its keys belong to the applications. */
  readonly doomed: readonly Doomed[];
  /** The same of values that were carried element by element. */
  readonly values: readonly DoomedValue[];
}

export interface DoomedValue extends ElementDigest {
  readonly key: Buffer;
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

interface PruneHistory {
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

function pruneHistory(path: string): PruneHistory {
  let [firstBatch, last, isCopying] = [0, -1, false];
  const [superseded, intended, pruned] = [new Set<number>(), new Set<number>(), new Set<number>()];
  const sinceCursor = new Map<string, number[]>();
  const withdrawn = new Map<string, number>();
  let kept = {changed: 0, missing: 0};
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    switch (record.type) {
      case 'copy': {
        last = record.batch;
        const place = `${record.source}/${record.db}`;
        if (isCopying) sinceCursor.set(place, [...(sinceCursor.get(place) ?? []), last]);
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

function lettersIn(outcomes: string, letter: string): number {
  return outcomes.split(letter).length - 1;
}

/** Batches with both their records that are not pruned yet, read from the journal one at a time: memory does not grow with the keys. */
function* copiedBatches(path: string, history: PruneHistory): Generator<CopiedBatch, undefined> {
  const open = new Map<number, RebalanceRecord & {type: 'copy'}>();
  for (const {record} of readJournal<RebalanceRecord>(path)) {
    if (record.type === 'copy' && record.batch >= history.firstBatch) open.set(record.batch, record);
    if (record.type !== 'copied') continue;
    const intent = open.get(record.batch);
    open.delete(record.batch);
    if (intent === undefined || history.pruned.has(record.batch) || history.superseded.has(record.batch)) continue;
    const crcs = unpackCrcs(intent.crcs);
    const [doomed, values]: [Doomed[], DoomedValue[]] = [[], []];
    for (const [i, key] of unpackKeys(intent.keys).entries()) {
      const outcome = record.outcomes[i];
      const crc = crcAt(crcs, i);
      const isOurs = outcome === OUTCOME_LETTERS.created || outcome === OUTCOME_LETTERS.equal;
      const isOld = history.withdrawn.size > 0 && record.batch < (history.withdrawn.get(keyId({...intent, key})) ?? 0);
      const elements = record.elements?.[i];
      if (!isOurs || isOld) continue;
      if (elements !== undefined) values.push({key, ...elements});
      else if (crc !== null) doomed.push({key, crc, expireAtMs: intent.expiries[i] ?? -1});
    }
    const {batch, source, target, db} = intent;
    yield {batch, source, target, db, doomed, values};
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
  await write(operation, {type: 'prune', batch: batch.batch});
  const letters = await fatesOf(pruning);
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
async function fatesOf(pruning: Pruning): Promise<string[]> {
  const {operation, lane, batch} = pruning;
  const {db, doomed} = batch;
  const target = await lane.to(operation.nodes[batch.target]!, db);
  const source = await lane.to(operation.nodes[batch.source]!, db);
  const keys = doomed.map(({key}) => key);
  const held = operation.doubted.has(batch.target)
    ? (await compareKeys(source, target, keys)).map((comparison) => comparison === 'equal')
    : await existing(target, keys);
  const fates = await deleteUnchanged(
    operation,
    {socket: source, db},
    doomed.filter((_, i) => held[i]),
  );
  const left = await existing(
    source,
    keys.filter((_, i) => !held[i]),
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
  const doomed = {key, crc: dumpCrc(copy.payload), expireAtMs: copy.expireAtMs};
  const [fate] = await deleteUnchanged(operation, {socket: source, db: batch.db}, [doomed]);
  if (fate === 'gone') return PRUNE_LETTERS.expired;
  return fate === 'deleted' ? PRUNE_LETTERS.deleted : PRUNE_LETTERS.changed;
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
