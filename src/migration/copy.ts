/**
 * Copies every key to its future owner. Sources run side by side, each on connections of its own. Before a batch is sent, its names are
 * in the journal (they may be ours from then on); after it is read back, so are its digests (what pruning compares with).
 */
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {abortCommand, checkpoint, type Operation, resumeCommand, write} from './operation.js';
import {ownerOf} from './plan.js';
import {OUTCOME_LETTERS} from './records.js';
import {scanKeys} from './scan.js';
import type {AgeKind, Carried} from './transports/transport.js';
import {transports} from './transports/transports.js';

/** Keys of one journal record. The transport bounds its windows by bytes itself. */
const BATCH_KEYS = 500;
const BATCH_NAME_BYTES = 1024 * 1024;

/**
 * `copy` sends every moving key, and compares in full what is already there. `recheck` sends only what has not arrived:
 * its copies were proved when they landed, so presence and expiry are asked, by means that do not freshen the key.
 */
export type Pass = 'copy' | 'recheck';

/** One pass over all nodes. Returns how many keys had to be sent: 0 in a recheck proves that none came late. */
export async function copyAll(operation: Operation, pass: Pass): Promise<number> {
  const halt = {fault: null as unknown, isSet: false};
  const sent = await Promise.all(
    operation.nodes.map(async (node) => {
      try {
        return await withLane(operation.timeoutMs, (lane) => copyFrom({operation, node, lane, pass, halt}));
      } catch (error) {
        // The first fault is the one that is told; the others end after the batch at hand, and nothing goes on behind the caller's back.
        if (!halt.isSet) [halt.fault, halt.isSet] = [error, true];
        return 0;
      }
    }),
  );
  if (halt.isSet) throw halt.fault;
  return sent.reduce((sum, keys) => sum + keys, 0);
}

interface Worker {
  readonly operation: Operation;
  readonly node: Node;
  readonly lane: Lane;
  readonly pass: Pass;
  /** Set by the first worker that fails. */
  readonly halt: {readonly isSet: boolean};
}

async function copyFrom(worker: Worker): Promise<number> {
  const {operation, node, lane, halt} = worker;
  let sent = 0;
  for (const db of await databasesOf(node, lane)) {
    const waiting = new Map<number, Buffer[]>();
    for await (const keys of scanKeys(await lane.to(node, db))) {
      if (halt.isSet) return sent;
      for (const key of keys) {
        const owner = ownerOf(operation.change, key, node);
        if (owner === node.number) continue;
        const queue = waiting.get(owner);
        if (queue === undefined) waiting.set(owner, [key]);
        else queue.push(key);
      }
      for (const [owner, queue] of waiting) {
        while (queue.length >= BATCH_KEYS && !halt.isSet) {
          sent += await copyBatch(worker, {db, owner, keys: nextBatch(queue)});
        }
      }
    }
    for (const [owner, queue] of waiting) {
      while (queue.length > 0 && !halt.isSet) sent += await copyBatch(worker, {db, owner, keys: nextBatch(queue)});
    }
  }
  return sent;
}

/** Takes the first keys off the queue, as many as one journal record may name. */
function nextBatch(queue: Buffer[]): Buffer[] {
  let [keys, bytes] = [0, 0];
  while (keys < queue.length && keys < BATCH_KEYS && (keys === 0 || bytes + queue[keys]!.length <= BATCH_NAME_BYTES)) {
    bytes += queue[keys]!.length;
    keys += 1;
  }
  return queue.splice(0, keys);
}

/** Read again, not taken from the plan: a database that was empty then may not be empty now. */
export async function databasesOf(node: Node, lane: Lane): Promise<number[]> {
  const info = String(await (await lane.to(node, 0)).call(['INFO', 'keyspace']));
  return [...info.matchAll(/^db(\d{1,5}):/gm)].map(([, db]) => Number(db));
}

interface CopyBatch {
  readonly db: number;
  readonly owner: number;
  readonly keys: readonly Buffer[];
}

async function copyBatch({operation, node, lane, pass}: Worker, {db, owner, keys}: CopyBatch): Promise<number> {
  checkpoint(operation);
  const targetNode = operation.nodes[owner]!;
  const [source, target] = [await lane.to(node, db), await lane.to(targetNode, db)];
  const pending = pass === 'copy' ? keys : await withoutArrived(source, target, keys);
  if (pending.length === 0) return 0;
  const batch = operation.nextBatch++;
  write(operation, {
    type: 'copy',
    batch,
    source: node.number,
    target: owner,
    db,
    keys: pending.map((key) => key.toString('base64')),
  });
  const carried = await transports[0]!.carry({
    source,
    target,
    sourceAge: ageKind(node),
    targetAge: ageKind(targetNode),
    keys: pending,
  });
  write(operation, {
    type: 'copied',
    batch,
    outcomes: carried.map(({outcome}) => OUTCOME_LETTERS[outcome]).join(''),
    shas: carried.map(({sha}) => sha),
    expiries: carried.map(({expireAtMs}) => expireAtMs),
    landed: Object.fromEntries(carried.flatMap(({landedSha}, i) => (landedSha === null ? [] : [[i, landedSha]]))),
    bytes: carried.reduce((sum, {bytes}) => sum + bytes, 0),
  });
  operation.received.add(owner);
  addOwnWrites(operation, owner, carried);
  count(operation, carried);
  refuseConflicts(operation, {node, targetNode, db, keys: pending, carried});
  return carried.filter(({outcome}) => outcome !== 'gone').length;
}

function addOwnWrites({ownWrites}: Operation, owner: number, carried: readonly Carried[]): void {
  const before = ownWrites.get(owner) ?? {sure: 0, perhaps: 0};
  ownWrites.set(owner, {
    sure: carried.reduce((sum, {writes}) => sum + writes, before.sure),
    perhaps: carried.reduce((sum, {perhapsWrites}) => sum + perhapsWrites, before.perhaps),
  });
}

async function withoutArrived(source: RespSocket, target: RespSocket, keys: readonly Buffer[]): Promise<Buffer[]> {
  const ask = keys.map((key) => ['PEXPIRETIME', key]);
  const [here, there] = await Promise.all([source.batch(ask), target.batch(ask)]);
  return keys.filter((_, i) => here[i] !== -2 && here[i] !== there[i]);
}

/** The eviction policy decides which age a key has: seconds idle, a use counter, or none that matters. */
function ageKind({facts}: Node): AgeKind {
  if (facts.evictionPolicy.endsWith('-lfu')) return 'frequency';
  return facts.evictionPolicy.endsWith('-lru') ? 'idle' : 'none';
}

function refuseConflicts(
  operation: Operation,
  found: {node: Node; targetNode: Node; db: number; keys: readonly Buffer[]; carried: readonly Carried[]},
): void {
  const {node, targetNode, db, keys, carried} = found;
  const conflicts = keys.filter((_, i) => carried[i]!.outcome === 'conflict');
  if (conflicts.length === 0) return;
  const names = conflicts.slice(0, 5).map((key) => escapeText(key.toString('utf8')));
  const cause = operation.hasCutOver
    ? 'Somebody wrote to the old owner after its keys were copied.'
    : 'Either somebody writes during the move, or both servers held the key before.';
  throw new RtopoError({
    code: 'CONFLICT',
    exit: ExitCode.incomplete,
    message:
      `${plural(conflicts.length, 'key')} of database ${db} with one value on ${node.at} and another on ${targetNode.at}, for example ${names.join(', ')}. ` +
      `${cause} Nothing was overwritten and nothing deleted.`,
    remedy: operation.hasCutOver
      ? `delete the wrong one of the two values, then: ${resumeCommand(operation)}`
      : `stop the writers, then undo the copies and start over: ${abortCommand(operation)}`,
    details: {
      id: operation.id,
      conflicts: conflicts.length,
      examples: conflicts.slice(0, 20).map((key) => ({keyBase64: key.toString('base64'), db})),
    },
  });
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

function count(operation: Operation, carried: readonly Carried[]): void {
  for (const {outcome, bytes} of carried) {
    if (outcome === 'gone') operation.counts.expired += 1;
    else if (outcome !== 'conflict') {
      operation.counts.copied += 1;
      operation.counts.verified += 1;
    }
    operation.counts.bytes += bytes;
  }
  const {copied, bytes} = operation.counts;
  operation.onProgress({phase: 'copying', keys: copied, totalKeys: operation.planned.moving, bytes});
}
