/**
 * Copies every key to its future owner. Sources run side by side, each with a few lanes that take batches in turns: while one lane reads,
 * another one's batch lands. Before a batch is sent, its names and checksums are in the journal (they may be ours from then on, and pruning
 * compares with them); what became of it follows when it is read back.
 */
import type {RespSocket} from '../redis/resp/socket.js';
import {isChild} from './children.js';
import {copyValue} from './copy-value.js';
import {dumpCrc} from './digest.js';
import {dropKeys} from './drop.js';
import {Channel} from './flow.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {checkpoint, note, type Operation, progress, write} from './operation.js';
import {packCrcs, packExpiries, packKeys} from './packing.js';
import {supportByVersion} from './probe.js';
import {chooseReaders} from './readers.js';
import {OUTCOME_LETTERS} from './records.js';
import {type CopyBatch, routeKeys} from './route.js';
import {FIRST_CURSOR} from './scan.js';
import {settleConflicts} from './settle.js';
import type {AgeKind, Carried, Transport} from './transports/transport.js';
import {transports} from './transports/transports.js';
import {twins} from './transports/twins.js';

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
    return lane.persist(() => copyBatch({copying, node, lane}, {db, owner: target, keys: there, isBig: false}));
  });
}

async function copyFrom(copying: Copying, node: Node): Promise<void> {
  const {operation} = copying;
  const source = new SourceQueue(copying);
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

/** Batches between the scan of a source and its lanes. */
class SourceQueue {
  readonly #channel = new Channel<CopyBatch>(LANES);
  #open = 0;
  #idlers: (() => void)[] = [];

  constructor(copying: Copying) {
    copying.onHalt(() => {
      this.#channel.end();
      this.#wake();
    });
  }

  async put(batch: CopyBatch): Promise<void> {
    this.#open += 1;
    await this.#channel.put(batch);
  }

  take(): Promise<CopyBatch | null> {
    return this.#channel.take();
  }

  done(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#wake();
  }

  /** Resolves when everything that was put is copied, or when nothing will be any more. */
  async idle(): Promise<void> {
    if (this.#open > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  end(): void {
    this.#channel.end();
  }

  #wake(): void {
    for (const wake of this.#idlers.splice(0)) wake();
  }
}

async function runLane(worker: Fed): Promise<void> {
  const {copying, source, lane} = worker;
  for (let batch = await source.take(); batch !== null; batch = await source.take()) {
    if (copying.isHalted) return;
    const one = batch;
    copying.sent += await lane.persist(() => copyBatch(worker, one));
    source.done();
  }
}

/** Read again, not taken from the plan: a database that was empty then may not be empty now. */
export async function databasesOf(node: Node, lane: Lane): Promise<number[]> {
  const info = String(await (await lane.to(node, 0)).call(['INFO', 'keyspace']));
  return [...info.matchAll(/^db(\d{1,5}):/gm)].map(([, db]) => Number(db));
}

async function copyBatch(worker: Worker, batch: CopyBatch): Promise<number> {
  const {copying, node, lane} = worker;
  const {operation} = copying;
  const {db, owner} = batch;
  checkpoint(operation);
  const targetNode = operation.nodes[owner]!;
  const [source, target] = [await lane.to(node, db), await lane.to(targetNode, db)];
  const keys = copying.pass === 'copy' ? batch.keys : await withoutArrived(source, target, batch.keys);
  if (keys.length === 0) return 0;
  const carriage = {db, node, targetNode, source, target, keys};
  const carried = batch.isBig ? await carryValues(copying, carriage) : await carryKeys(copying, carriage);
  count(operation, {from: node.number, to: owner, carried});
  const conflicting = keys.filter((_, i) => carried[i]!.outcome === 'conflict');
  const found = {source: node, target: targetNode, socket: target, db, keys: conflicting};
  const freed = await settleConflicts(operation, found);
  if (freed.length > 0) await copyBatch(worker, {...batch, keys: freed});
  return carried.filter(({outcome}) => outcome !== 'gone').length;
}

interface Carriage {
  readonly db: number;
  readonly node: Node;
  readonly targetNode: Node;
  readonly source: RespSocket;
  readonly target: RespSocket;
  readonly keys: readonly Buffer[];
}

type Outcome = Pick<Carried, 'outcome' | 'bytes' | 'refooted'>;

/** As one batch; what the target cannot be given that way follows by itself. */
async function carryKeys(copying: Copying, carriage: Carriage): Promise<Outcome[]> {
  const carried: Outcome[] = await carryBatch(copying, carriage);
  for (const [i, {outcome}] of carried.entries()) {
    if (outcome !== 'unreadable') continue;
    const [one] = await carryValues(copying, {...carriage, keys: [carriage.keys[i]!]});
    carried[i] = one!;
  }
  return carried;
}

/** One after the other, element by element. */
async function carryValues(
  copying: Copying,
  {db, node, targetNode, source, target, keys}: Carriage,
): Promise<Outcome[]> {
  const {operation} = copying;
  const door = operation.pace.doorTo(targetNode.number);
  const isOver = (): boolean => copying.isHalted;
  const results: Outcome[] = [];
  for (const key of keys) {
    checkpoint(operation);
    await door.enter();
    try {
      const where = {db, source: node, target: targetNode, from: source, to: target, key, isOver};
      const {outcome, bytes} = await copyValue(operation, where);
      if (outcome === 'again') throw new Error('copyValue tries again by itself');
      if (outcome === 'created' || outcome === 'equal') operation.counts.byElements += 1;
      results.push({outcome, bytes, refooted: false});
    } finally {
      door.leave();
    }
  }
  return results;
}

/** One batch through the transport: announced in the journal before it is sent, told there when it has landed. */
async function carryBatch(
  copying: Copying,
  {db, node, targetNode, source, target, keys}: Carriage,
): Promise<Carried[]> {
  const {operation} = copying;
  const [batch, owner] = [operation.nextBatch++, targetNode.number];
  const door = operation.pace.doorTo(owner);
  let isInside = false;
  try {
    const carried = await transportTo(operation, {owner, db}).carry({
      ...{source, target, keys},
      sourceAge: ageKind(node),
      targetAge: ageKind(targetNode),
      ...intakeOf(operation, targetNode),
      announce: async (copies) => {
        const crcs = packCrcs(copies.map(({payload}) => (payload === null ? null : dumpCrc(payload))));
        const expiries = packExpiries(copies.map(({payload, expireAtMs}) => (payload === null ? -1 : expireAtMs)));
        const where = {batch, source: node.number, target: owner, db};
        await write(operation, {type: 'copy', ...where, keys: packKeys(keys), crcs, expiries});
        const bytes = copies.reduce((sum, {payload}) => sum + (payload?.length ?? 0), 0);
        const isOver = () => copying.isHalted || operation.interrupted();
        await operation.pace.admit({keys: keys.length, bytes}, isOver);
        await door.enter();
        isInside = true;
        operation.received.add(owner);
      },
    });
    note(operation, copiedRecord(batch, carried));
    addOwnWrites(operation, owner, carried);
    return carried;
  } catch (error) {
    // What was sent may have arrived, all of it or a part.
    if (isInside) addPerhaps(operation, owner, keys.length);
    throw error;
  } finally {
    if (isInside) door.leave();
  }
}

/** A server that was filled as a replica holds the values already. */
function transportTo(operation: Operation, {owner, db}: {readonly owner: number; readonly db: number}): Transport {
  if (!isChild(operation, owner)) return transports[0]!;
  return twins({
    makeRoom: async (socket, keys) => {
      await dropKeys(operation, {socket, db}, keys);
    },
  });
}

function intakeOf({intakes}: Operation, target: Node) {
  const intake = intakes.get(target.number);
  // A target that the plan did not know of was not probed: it gets payloads as they come, and says what it thinks of them.
  const support = intake?.support ?? supportByVersion(target.facts);
  return {support, maxPayloadBytes: intake?.maxPayloadBytes ?? Number.POSITIVE_INFINITY};
}

async function withoutArrived(source: RespSocket, target: RespSocket, keys: readonly Buffer[]): Promise<Buffer[]> {
  const ask = keys.map((key) => ['PEXPIRETIME', key]);
  const [here, there] = await Promise.all([source.batch(ask), target.batch(ask)]);
  return keys.filter((_, i) => here[i] !== -2 && here[i] !== there[i]);
}

function copiedRecord(batch: number, carried: readonly Carried[]) {
  const landed: Record<number, string> = {};
  let [outcomes, bytes, refooted] = ['', 0, 0];
  for (const [i, one] of carried.entries()) {
    outcomes += OUTCOME_LETTERS[one.outcome];
    bytes += one.bytes;
    if (one.refooted) refooted += 1;
    if (one.landedCrc !== null) landed[i] = one.landedCrc.toString('base64');
  }
  return {type: 'copied', batch, outcomes, landed, bytes, ...(refooted === 0 ? {} : {refooted})} as const;
}

function addOwnWrites({ownWrites}: Operation, owner: number, carried: readonly Carried[]): void {
  const before = ownWrites.get(owner) ?? {sure: 0, perhaps: 0};
  ownWrites.set(owner, {
    sure: carried.reduce((sum, {writes}) => sum + writes, before.sure),
    perhaps: carried.reduce((sum, {perhapsWrites}) => sum + perhapsWrites, before.perhaps),
  });
}

function addPerhaps({ownWrites}: Operation, owner: number, writes: number): void {
  const {sure, perhaps} = ownWrites.get(owner) ?? {sure: 0, perhaps: 0};
  ownWrites.set(owner, {sure, perhaps: perhaps + writes});
}

/** The eviction policy decides which age a key has: seconds idle, a use counter, or none that matters. */
function ageKind({facts}: Node): AgeKind {
  if (facts.evictionPolicy.endsWith('-lfu')) return 'frequency';
  return facts.evictionPolicy.endsWith('-lru') ? 'idle' : 'none';
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
