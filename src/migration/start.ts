/** From a change of topology to a running operation, and back from a journal to one. */
import {hostname} from 'node:os';
import {join} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import {OperationLock} from '../journal/lock.js';
import {Journal} from '../journal/record.js';
import {operationId} from '../journal/state.js';
import {placementOf} from '../placement/schemes.js';
import {parseTopology} from '../topology/parse.js';
import {readOperation, type Told} from './history.js';
import {liftLeft} from './hold-writers.js';
import {type Node, openSocket} from './nodes.js';
import {noCounts, type Operation, type Progress, resumeCommand} from './operation.js';
import {hasCutOver} from './operations.js';
import {Pace} from './pace.js';
import {planChange, type Side} from './plan.js';
import type {RebalancePlan} from './planning.js';
import {type Objection, preflight} from './preflight.js';
import type {Consents, RebalanceRecord, Settings} from './records.js';
import {takeOff} from './recounted.js';
import {detachLeft} from './split-run.js';

/** A topology text with its placement. @throws RtopoError exit 78, with file, line and column */
export function sideOf(text: string, file: string, folder?: string): Side {
  const source = parseTopology(text, file, folder);
  return {text, topology: source.topology, placement: source.check(placementOf)};
}

export interface OpenOptions {
  readonly stateDir: string;
  readonly timeoutMs: number;
  readonly onProgress: (progress: Progress) => void;
  readonly interrupted: () => boolean;
  readonly again: string;
}

/** What the first record of an operation keeps. `file` is the topology file that the cutover will replace. */
export interface Target {
  readonly file: string;
  readonly consents: Consents;
  readonly settings: Settings;
  /** Hash of the saved plan that is carried out. */
  readonly plan?: string;
}

/** Told in every journal by whoever opens it. */
export const thisProcess = () => ({type: 'process', host: hostname(), pid: process.pid}) as const;

/**
 * Begins the journal of a new operation, then locks the servers: the lock is its first change, and a process that dies
 * between the two leaves something that can be resumed.
 */
export async function openOperation(
  plan: RebalancePlan,
  target: Target,
  {stateDir, ...options}: OpenOptions,
): Promise<Operation> {
  const id = operationId(Date.now());
  const {scanned, moving, strays, matrix} = plan.census;
  const {from, to} = plan.change;
  const planned = {scanned, moving, strays};
  const journal = Journal.create<RebalanceRecord>(join(stateDir, `${id}.jsonl`));
  const texts = {fromText: from.text, toText: to.text};
  try {
    journal.note({type: 'begin', id, ...target, ...texts, planned, matrix}, Date.now());
    await journal.append(thisProcess(), Date.now());
    const lock = await lockNodes(id, plan.nodes, options.timeoutMs);
    const {change, nodes} = plan;
    const pace = new Pace(nodes, target.settings);
    return {...blank(), ...options, ...target, id, change, nodes, planned, matrix, journal, lock, pace};
  } catch (error) {
    await journal.discard();
    throw error;
  }
}

function blank(): Pick<
  Operation,
  | 'counts'
  | 'received'
  | 'intakes'
  | 'notes'
  | 'pairs'
  | 'durability'
  | 'ownWrites'
  | 'cursors'
  | 'nextBatch'
  | 'hasCutOver'
  | 'isSplit'
  | 'doubted'
> {
  return {
    counts: noCounts(),
    received: new Set(),
    intakes: new Map(),
    notes: new Set(),
    pairs: new Map(),
    durability: new Map(),
    ownWrites: new Map(),
    cursors: new Map(),
    nextBatch: 0,
    hasCutOver: false,
    isSplit: false,
    doubted: new Set(),
  };
}

/** An operation that goes on, and what its journal told at the moment when it was ours. */
export interface Reopened {
  readonly operation: Operation;
  readonly told: Told;
  readonly sameServers: boolean;
}

/** Goes on with what a journal tells. The servers are asked anew; the journal only says what may be done. */
export async function reopenOperation(found: Told, options: Omit<OpenOptions, 'stateDir'>): Promise<Reopened> {
  const {id, file, consents, settings, planned, matrix, fromText, toText} = found.begin;
  const change = planChange(sideOf(fromText, file), sideOf(toText, file));
  await detachLeft({settings, change, matrix, isSplit: found.isSplit}, options.timeoutMs);
  const {nodes, objections} = await preflight(change, {timeoutMs: options.timeoutMs, operation: id});
  if (objections.length > 0) throw incomplete(objections, {id, again: options.again});
  await liftLeft(found.fence, {id, nodes, timeoutMs: options.timeoutMs});
  const lock = await lockNodes(id, nodes, options.timeoutMs);
  try {
    // Read again under the lock: until now another process may have gone on with it, and even ended it.
    const told = readOperation(found.path) ?? found;
    const journal = Journal.resume<RebalanceRecord>(told.path, told.tail, () => lock.assertHeld());
    journal.note(thisProcess(), Date.now());
    const sameServers = nodes.every(({at, facts}) => told.servers.get(at) === facts.runId);
    const counts = {...told.counts};
    if (told.phase === 'copying') takeOff(counts, told.uncertain);
    const operation: Operation = {
      ...{...blank(), ...options, id, file, consents, settings, planned, matrix, change, nodes, journal, lock},
      pace: new Pace(nodes, settings),
      cursors: sameServers ? told.cursors : new Map(),
      ...{
        counts,
        received: new Set(told.received),
        durability: new Map(told.durability),
        nextBatch: told.nextBatch,
        hasCutOver: hasCutOver(told),
        isSplit: told.isSplit,
        doubted: doubtedTargets(told, nodes),
      },
    };
    return {operation, told, sameServers};
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * Targets that are other processes than those that were given the copies. What such a one holds may be older than the copies, whatever made them
 * durable: somebody may have put an old file back. There only an equal value lets the source's go.
 */
function doubtedTargets({servers}: Told, nodes: readonly Node[]): ReadonlySet<number> {
  return new Set(nodes.filter(({at, facts}) => servers.get(at) !== facts.runId).map(({number}) => number));
}

/** The lock lives on connections of its own, so that it is renewed while data flows. */
async function lockNodes(id: string, nodes: readonly Node[], timeoutMs: number): Promise<OperationLock> {
  const opened = await Promise.allSettled(nodes.map((node) => openSocket(node, timeoutMs)));
  const sockets = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    const lockable = nodes.map(({facts}, i) => ({runId: facts.runId, socket: sockets[i]!}));
    return await OperationLock.take(id, lockable, Date.now());
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** Gives everything back: the lock, its connections, the journal's file. Never throws. */
export async function closeOperation(operation: Operation): Promise<void> {
  const isOurs = operation.lock.isHeld;
  await operation.lock.release();
  await (isOurs ? operation.journal.close() : operation.journal.abandon());
}

function incomplete(objections: readonly Objection[], operation: {id: string; again: string}): RtopoError {
  const [first] = objections;
  return new RtopoError({
    code: first!.code,
    exit: ExitCode.incomplete,
    message: objections.map(({message}) => message).join('\n  '),
    remedy: `${first!.remedy}; then: ${resumeCommand(operation)}`,
    details: {id: operation.id, objections},
  });
}
