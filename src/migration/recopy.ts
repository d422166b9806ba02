/**
 * Keys that somebody wrote while they were copied are copied again. Not commands are replayed but states: whatever the key is now, whichever way
 * it got there, so that neither order nor expiry can go wrong. Our earlier copy goes first, and only while it is what we put there.
 */
import {readJournal} from '../journal/reading.js';
import {type Doomed, deleteUnchanged} from './compare-and-delete.js';
import {keyId} from './copied-batches.js';
import {copyNamed, databasesOf} from './copy.js';
import type {NodeKey, WritersVerdict} from './judge-writers.js';
import {withLane} from './nodes.js';
import {checkpoint, type Operation, write} from './operation.js';
import {landedSum, packKeys, sumAt, sumOfAt, unpackKeys, unpackSums} from './packing.js';
import {ownerOf} from './plan.js';
import {OUTCOME_LETTERS, type RebalanceRecord} from './records.js';

const BATCH_KEYS = 500;

/** Source, target and database of keys that were touched. */
interface Touched {
  readonly source: number;
  readonly target: number;
  readonly db: number;
  readonly keys: Buffer[];
}

/** Returns how many were copied again; null when that is not possible: somebody changed a copy, or the keys are not all known by name. */
export async function recopyTouched(operation: Operation, verdict: WritersVerdict): Promise<number | null> {
  if (verdict.more || verdict.wholesale.some(({data}) => data)) return null;
  const touched = await grouped(operation, [...verdict.written, ...verdict.deleted]);
  const copies = ownCopies(operation, touched);
  let sent = 0;
  for (const {source, target, db, keys} of touched) {
    for (let at = 0; at < keys.length; at += BATCH_KEYS) {
      checkpoint(operation);
      const batch = keys.slice(at, at + BATCH_KEYS);
      const doomed = batch.flatMap((key) => copies.get(keyId({source, db, key})) ?? []);
      await withdraw(operation, {source, target, db, doomed});
      const fates = await withLane(operation.timeoutMs, async (lane) => {
        const socket = await lane.to(operation.nodes[target]!, db);
        return deleteUnchanged(operation, {socket, db}, doomed);
      });
      if (fates.includes('changed')) return null;
      // Until it is copied once more the key is only where it always was: at its source.
      sent += await copyNamed(operation, {source, target, db, keys: batch});
    }
  }
  return sent;
}

async function withdraw(
  operation: Operation,
  {source, target, db, doomed}: {source: number; target: number; db: number; doomed: readonly Doomed[]},
): Promise<void> {
  if (doomed.length === 0) return;
  const keys = packKeys(doomed.map(({key}) => key));
  await write(operation, {type: 'withdrawn', source, target, db, keys, before: operation.nextBatch});
  operation.counts.copied -= doomed.length;
  operation.counts.verified -= doomed.length;
}

/**
 * By source, target and database. The backlog does not always say which database a command was for, when nothing before it did:
 * such a name is looked at in all of them.
 */
async function grouped({nodes, change, timeoutMs}: Operation, named: readonly NodeKey[]): Promise<Touched[]> {
  const groups = new Map<string, Touched>();
  const seen = new Set<string>();
  const databases = new Map<string, readonly number[]>();
  for (const {node, db, key} of named) {
    const holder = nodes.find(({at}) => at === node);
    if (holder === undefined) continue;
    const known =
      db === null ? (databases.get(node) ?? (await withLane(timeoutMs, (lane) => databasesOf(holder, lane)))) : [db];
    if (db === null) databases.set(node, known);
    const target = ownerOf(change, key, holder);
    for (const one of known) {
      const id = keyId({source: holder.number, db: one, key});
      if (target === holder.number || seen.has(id)) continue;
      seen.add(id);
      const place = `${holder.number} ${target} ${one}`;
      const group = groups.get(place) ?? {source: holder.number, target, db: one, keys: []};
      groups.set(place, group);
      group.keys.push(key);
    }
  }
  return [...groups.values()];
}

/** What we put at the targets under these names, as the journal tells it: the last word of each. */
function ownCopies(operation: Operation, touched: readonly Touched[]): ReadonlyMap<string, Doomed> {
  const wanted = new Set(touched.flatMap(({source, db, keys}) => keys.map((key) => keyId({source, db, key}))));
  const copies = new Map<string, Doomed>();
  const open = new Map<number, RebalanceRecord & {type: 'copy'}>();
  for (const {record} of readJournal<RebalanceRecord>(operation.journal.path)) {
    if (record.type === 'copy') open.set(record.batch, record);
    if (record.type !== 'copied') continue;
    const intent = open.get(record.batch);
    open.delete(record.batch);
    if (intent === undefined) continue;
    const sums = unpackSums(intent.sums);
    for (const [i, key] of unpackKeys(intent.keys).entries()) {
      const id = keyId({source: intent.source, db: intent.db, key});
      const outcome = record.outcomes[i];
      // A later pass finds our own copy equal; one that was there before us is nobody's to delete.
      const isOurs = outcome === OUTCOME_LETTERS.created || (outcome === OUTCOME_LETTERS.equal && copies.has(id));
      const landed = record.landed[i];
      const sum = landed === undefined ? sumAt(sums, i) : landedSum(landed);
      const of = landed === undefined ? sumOfAt(intent.of, i) : 'dump';
      if (isOurs && sum !== null && wanted.has(id))
        copies.set(id, {key, sum, of, expireAtMs: intent.expiries[i] ?? -1});
    }
  }
  return copies;
}
