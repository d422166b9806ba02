/**
 * Copies every key to its future owner. Sources run side by side, each with a few lanes that take batches in turns: while one lane reads,
 * another one's batch lands. Before a batch is sent, its names and checksums are in the journal (they may be ours from then on, and pruning
 * compares with them); what became of it follows when it is read back.
 */

import type {RespSocket} from '../redis/resp/socket.js';
import {carryKeys, type Outcome, type Told} from './carry.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {checkpoint, note, type Operation, progress} from './operation.js';
import {chooseReaders} from './readers.js';
import {type CopyBatch, routeKeys} from './route.js';
import {FIRST_CURSOR} from './scan.js';
import {settleConflicts} from './settle.js';
import {SourceQueue} from './source-queue.js';

/** Lanes per source. Two fill two cores; the third covers for one that waits for the journal. */
const LANES = 3;

/**
 * `copy` sends every moving key, and compares in full what is already there. `recheck` sends only what has not arrived:
 * its copies were proved when they landed, so presence and expiry are asked, by means that do not freshen the key.
 */
export type Pass = 'copy' | 'recheck';

/** Copying from all sources; the first fault ends it after the batches at hand, and nothing goes on behind the caller's back. */
class Copying {
  readonly operation: Operation;
  readonly pass: Pass;
  #fault: {readonly error: unknown} | null = null;
  readonly #onHalt: (() => void)[] = [];
  /** What is read in place of a node, by its number. */
  readonly #readers: ReadonlyMap<number, Node>;
  /** Keys that were sent. */
  sent = 0;

  constructor(operation: Operation, pass: Pass, readers: ReadonlyMap<number, Node>) {
    this.operation = operation;
    this.pass = pass;
    this.#readers = readers;
  }

  /** The instance to read a source from: the same number, perhaps another address. */
  readerOf(node: Node): Node {
    return this.#readers.get(node.number) ?? node;
  }

  get isHalted(): boolean {
    return this.#fault !== null;
  }

  halt(error: unknown): void {
    this.#fault ??= {error};
    for (const act of this.#onHalt.splice(0)) act();
  }

  onHalt(act: () => void): void {
    if (this.isHalted) act();
    else this.#onHalt.push(act);
  }

  rethrow(): void {
    if (this.#fault !== null) throw this.#fault.error;
  }
}

/**
 * One pass over all nodes; a copying pass goes on from where an earlier run of it had come. Returns how many keys had to be sent:
 * 0 in a recheck proves that none came late.
 */
export async function copyAll(operation: Operation, pass: Pass): Promise<number> {
  const copying = new Copying(operation, pass, await chooseReaders(operation));
  await Promise.all(
    operation.nodes.map((node) => copyFrom(copying, copying.readerOf(node)).catch((error) => copying.halt(error))),
  );
  copying.rethrow();
  return copying.sent;
}

/** Copies keys that are known by name. Those that are gone from their source are no failure. Returns how many were there. */
export async function copyNamed(
  operation: Operation,
  {source, target, db, keys}: {source: number; target: number; db: number; keys: readonly Buffer[]},
): Promise<number> {
  const copying = new Copying(operation, 'copy', new Map());
  const node = operation.nodes[source]!;
  return withLane(operation.timeoutMs, async (lane) => {
    const socket = await lane.to(node, db);
    const replies = await socket.batch(keys.map((key) => ['EXISTS', key]));
    const there = keys.filter((_, i) => replies[i] === 1);
    if (there.length === 0) return 0;
    return copyBatch({copying, node, lane}, {db, owner: target, keys: there});
  });
}

async function copyFrom(copying: Copying, node: Node): Promise<void> {
  const {operation} = copying;
  const source = new SourceQueue(LANES, (act) => copying.onHalt(act));
  const lanes = Array.from({length: LANES}, () =>
    withLane(operation.timeoutMs, (lane) => runLane({copying, node, lane, source})).catch((error) =>
      copying.halt(error),
    ),
  );
  try {
    await withLane(operation.timeoutMs, async (lane) => {
      for (const db of await databasesOf(node, lane)) await routeDatabase({copying, node, lane, source}, db);
    });
  } finally {
    source.end();
    await Promise.all(lanes);
  }
}

interface Worker {
  readonly copying: Copying;
  readonly node: Node;
  readonly lane: Lane;
}

interface Fed extends Worker {
  readonly source: SourceQueue;
}

async function routeDatabase({copying, node, lane, source}: Fed, db: number): Promise<void> {
  const {operation} = copying;
  const known = copying.pass === 'copy' ? operation.cursors.get(`${node.number}/${db}`) : undefined;
  if (known === null || copying.isHalted) return;
  await routeKeys({
    operation,
    node,
    db,
    socket: await lane.to(node, db),
    cursor: known ?? FIRST_CURSOR,
    isHalted: () => copying.isHalted,
    emit: (batch) => source.put(batch),
    reached: async (cursor) => {
      await source.idle();
      if (copying.pass === 'copy' && !copying.isHalted)
        note(operation, {type: 'cursor', source: node.number, db, cursor});
    },
  });
}

async function runLane(worker: Fed): Promise<void> {
  const {copying, source} = worker;
  for (let batch = await source.take(); batch !== null; batch = await source.take()) {
    if (copying.isHalted) return;
    copying.sent += await copyBatch(worker, batch);
    source.done();
  }
}

/** Read again, not taken from the plan: a database that was empty then may not be empty now. */
export async function databasesOf(node: Node, lane: Lane): Promise<number[]> {
  const info = String(await (await lane.to(node, 0)).call(['INFO', 'keyspace']));
  return [...info.matchAll(/^db(\d{1,5}):/gm)].map(([, db]) => Number(db));
}

/** Returns how many of the keys were there. */
async function copyBatch(worker: Worker, batch: CopyBatch): Promise<number> {
  const {node, lane, copying} = worker;
  const told: Told = {keys: [], outcomes: []};
  // What an attempt has brought across before its connection broke is told, and does not go again.
  await lane.persist(() => attempt(worker, batch, told));
  count(copying.operation, {from: node.number, to: batch.owner, carried: told.outcomes});
  const freed = await lane.persist(() => settle(worker, batch, told));
  if (freed.length > 0) await copyBatch(worker, {...batch, keys: freed});
  return told.outcomes.filter(({outcome}) => outcome !== 'gone').length;
}

async function attempt({copying, node, lane}: Worker, {db, owner, keys}: CopyBatch, told: Told): Promise<void> {
  const {operation} = copying;
  checkpoint(operation);
  const targetNode = operation.nodes[owner]!;
  const [source, target] = [await lane.to(node, db), await lane.to(targetNode, db)];
  const sending = copying.pass === 'copy' ? keys : await withoutArrived(source, target, keys);
  if (sending.length === 0) return;
  const isHalted = (): boolean => copying.isHalted;
  await carryKeys({operation, isHalted, db, node, targetNode, source, target, keys: sending}, told);
}

/** The keys that can go now. */
async function settle({copying, node, lane}: Worker, {db, owner}: CopyBatch, told: Told): Promise<readonly Buffer[]> {
  const keys = told.keys.filter((_, i) => told.outcomes[i]!.outcome === 'conflict');
  if (keys.length === 0) return [];
  const target = copying.operation.nodes[owner]!;
  return settleConflicts(copying.operation, {source: node, target, socket: await lane.to(target, db), db, keys});
}

async function withoutArrived(source: RespSocket, target: RespSocket, keys: readonly Buffer[]): Promise<Buffer[]> {
  const ask = keys.map((key) => ['PEXPIRETIME', key]);
  const [here, there] = await Promise.all([source.batch(ask), target.batch(ask)]);
  return keys.filter((_, i) => here[i] !== -2 && here[i] !== there[i]);
}

function count(
  operation: Operation,
  {from, to, carried}: {readonly from: number; readonly to: number; readonly carried: readonly Outcome[]},
): void {
  const {counts} = operation;
  const before = counts.copied;
  for (const {outcome, bytes, refooted} of carried) {
    if (outcome === 'gone') counts.expired += 1;
    else if (outcome !== 'conflict') {
      counts.copied += 1;
      counts.verified += 1;
      if (refooted) counts.refooted += 1;
    }
    counts.bytes += bytes;
  }
  progress(operation, {phase: 'copying', keys: counts.copied, from, to, more: counts.copied - before});
}
