/** From a change of topology to a running operation, and back from a journal to one. */
import {join} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import {OperationLock} from '../journal/lock.js';
import {Journal} from '../journal/record.js';
import {operationId} from '../journal/state.js';
import {placementOf} from '../placement/schemes.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {parseTopology} from '../topology/parse.js';
import {judgeDurability} from './barrier.js';
import {type Census, takeCensus} from './census.js';
import type {Told} from './history.js';
import {type Node, openSocket} from './nodes.js';
import type {Operation, Progress} from './operation.js';
import {type Change, planChange, type Side} from './plan.js';
import {type Objection, preflight} from './preflight.js';
import type {Consents, RebalanceRecord} from './records.js';

/** A topology text with its placement. @throws RtopoError exit 78, with file, line and column */
export function sideOf(text: string, file: string): Side {
  const source = parseTopology(text, file);
  return {text, topology: source.topology, placement: source.check(placementOf)};
}

/** A plan as it is shown, confirmed and run. */
export interface RebalancePlan {
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly census: Census;
  readonly objections: readonly Objection[];
}

export interface PlanOptions {
  readonly consents: Consents;
  readonly timeoutMs: number;
}

/** Asks every server, counts every key, and collects every reason not to start. Changes nothing. */
export async function planRebalance(change: Change, {consents, timeoutMs}: PlanOptions): Promise<RebalancePlan> {
  assertConsentsAreNodes(change, consents);
  const {nodes, objections} = await preflight(change, {timeoutMs, operation: null});
  // On a server that is no master or still loading a count would mean nothing.
  if (objections.length > 0) return {change, nodes, census: await emptyCensus(nodes), objections};
  const census = await takeCensus(change, nodes, timeoutMs);
  const receiving = new Set(census.matrix.map(({to}) => to));
  const targets = nodes.filter(({name}) => receiving.has(name));
  const durability = await judgeDurability({targets, consents, timeoutMs});
  return {
    change,
    nodes,
    census,
    objections: [...durability, ...judgeMemory(targets, census), ...judgeConflicts(census)],
  };
}

async function emptyCensus(nodes: readonly Node[]): Promise<Census> {
  const loads = nodes.map(({name, at, facts}) => ({name, at, keys: facts.keys, keysAfter: facts.keys, bytesIn: 0}));
  return {scanned: 0, moving: 0, strays: 0, matrix: [], loads, conflicts: 0, conflictExamples: []};
}

/** Copies cost what they cost at the source, and fragmentation on top; both copies live until the source is pruned. */
const MEMORY_MARGIN = 1.15;

function judgeMemory(targets: readonly Node[], census: Census): Objection[] {
  return targets.flatMap(({name, at, facts, instance}): Objection[] => {
    const incoming = census.loads.find((load) => load.at === at)?.bytesIn ?? 0;
    const after = (facts.usedMemoryBytes ?? 0) + incoming * MEMORY_MARGIN;
    if (!facts.maxMemoryBytes || after <= facts.maxMemoryBytes) return [];
    const effect =
      facts.evictionPolicy === 'noeviction'
        ? 'it would refuse the rest'
        : `its policy ${facts.evictionPolicy} would silently evict keys`;
    return [
      {
        code: 'TARGET_TOO_SMALL',
        at,
        message: `${at} (shard ${name}) would need about ${Math.ceil(after)} bytes and has maxmemory ${facts.maxMemoryBytes}: ${effect}.`,
        consent: null,
        remedy: `redis-cli -h ${instance.address.host} -p ${instance.address.port} CONFIG SET maxmemory ${Math.ceil(after * 1.1)}`,
      },
    ];
  });
}

function judgeConflicts(census: Census): Objection[] {
  const [first] = census.conflictExamples;
  if (first === undefined) return [];
  const names = census.conflictExamples.slice(0, 5).map(({key}) => key);
  return [
    {
      code: 'CONFLICT',
      at: first.target,
      message:
        `${census.conflicts} keys are on two servers with different values (for example ${names.join(', ')} on ${first.source} and ${first.target}). ` +
        'rtopo does not choose between them.',
      consent: null,
      remedy: `look at both values and delete the wrong one, for example: redis-cli -h ${first.source.replace(/:(\d+)$/, ' -p $1')} -n ${first.db}`,
    },
  ];
}

function assertConsentsAreNodes(change: Change, {acceptVolatile}: Consents): void {
  const known = change.nodes.map(({instance}) => `${instance.address.host}:${instance.address.port}`);
  const stray = acceptVolatile.find((at) => !known.includes(at.replace(/[[\]]/g, '')));
  if (stray === undefined) return;
  throw new RtopoError({
    code: 'CONSENT_UNKNOWN',
    exit: ExitCode.usage,
    message: `--accept-volatile ${stray} names no server of this change.`,
    remedy: `name one of ${known.join(', ')}`,
  });
}

export interface OpenOptions {
  readonly stateDir: string;
  readonly timeoutMs: number;
  readonly onProgress: (progress: Progress) => void;
  readonly interrupted: () => boolean;
}

/** Locks the servers and begins the journal of a new operation. `file` is the topology file that the cutover will replace. */
export async function openOperation(
  plan: RebalancePlan,
  target: {readonly file: string; readonly consents: Consents},
  options: OpenOptions,
): Promise<Operation> {
  const id = operationId(Date.now());
  const {lock, sockets} = await lockNodes(id, plan.nodes, options.timeoutMs);
  try {
    const journal = Journal.create<RebalanceRecord>(join(options.stateDir, `${id}.jsonl`));
    const planned = {scanned: plan.census.scanned, moving: plan.census.moving, strays: plan.census.strays};
    const {from, to} = plan.change;
    const matrix = plan.census.matrix;
    journal.append(
      {
        type: 'begin',
        id,
        file: target.file,
        fromText: from.text,
        toText: to.text,
        consents: target.consents,
        planned,
        matrix,
      },
      Date.now(),
    );
    return {
      ...{
        id,
        file: target.file,
        change: plan.change,
        nodes: plan.nodes,
        consents: target.consents,
        planned,
        matrix,
        journal,
        lock,
      },
      ...{timeoutMs: options.timeoutMs, onProgress: options.onProgress, interrupted: options.interrupted},
      counts: {copied: 0, verified: 0, deleted: 0, expired: 0, changed: 0, bytes: 0},
      received: new Set(),
      ownWrites: new Map(),
      nextBatch: 0,
    };
  } catch (error) {
    await lock.release();
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** Goes on with what a journal tells. The servers are asked anew; the journal only says what may be done. */
export async function reopenOperation(
  told: Told,
  options: Omit<OpenOptions, 'stateDir'>,
): Promise<{operation: Operation; sameServers: boolean}> {
  const {begin} = told;
  const change = planChange(sideOf(begin.fromText, begin.file), sideOf(begin.toText, begin.file));
  const {nodes, objections} = await preflight(change, {timeoutMs: options.timeoutMs, operation: begin.id});
  if (objections.length > 0) throw incomplete(objections, begin.id);
  const {lock} = await lockNodes(begin.id, nodes, options.timeoutMs);
  const journal = Journal.resume<RebalanceRecord>(told.path, told.tail);
  const operation: Operation = {
    ...{
      id: begin.id,
      file: begin.file,
      change,
      nodes,
      consents: begin.consents,
      planned: begin.planned,
      matrix: begin.matrix,
      journal,
      lock,
    },
    ...options,
    counts: {...told.counts},
    received: new Set(),
    ownWrites: new Map(),
    nextBatch: told.nextBatch,
  };
  return {operation, sameServers: nodes.every(({at, facts}) => told.servers.get(at) === facts.runId)};
}

/** The lock lives on connections of its own, so that it is renewed while data flows. */
async function lockNodes(
  id: string,
  nodes: readonly Node[],
  timeoutMs: number,
): Promise<{lock: OperationLock; sockets: RespSocket[]}> {
  const sockets = await Promise.all(nodes.map((node) => openSocket(node, timeoutMs)));
  try {
    const lockable = nodes.map(({facts}, i) => ({runId: facts.runId, socket: sockets[i]!}));
    return {lock: await OperationLock.take(id, lockable, Date.now()), sockets};
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
}

/** Gives everything back: the lock, its connections, the journal's file. Never throws. */
export async function closeOperation(operation: Operation): Promise<void> {
  await operation.lock.release();
  operation.journal.close();
}

function incomplete(objections: readonly Objection[], id: string): RtopoError {
  const [first] = objections;
  return new RtopoError({
    code: first!.code,
    exit: ExitCode.incomplete,
    message: objections.map(({message}) => message).join('\n  '),
    remedy: `${first!.remedy}; then: rtopo rebalance resume ${id}`,
    details: {id, objections},
  });
}
