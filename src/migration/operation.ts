/** What every phase of a running operation is handed: the change, the servers as found by this run, the journal, the lock. */
import {ExitCode, RtopoError} from '../errors.js';
import type {OperationLock} from '../journal/lock.js';
import type {Journal} from '../journal/record.js';
import type {Intakes} from './intake.js';
import type {Node} from './nodes.js';
import type {Pace} from './pace.js';
import type {Change} from './plan.js';
import type {
  Consents,
  Durability,
  MatrixCell,
  Phase,
  PlannedKeys,
  RebalanceRecord,
  Settings,
  Writers,
} from './records.js';

/** Told about progress as it happens; totals may be null when they are not known. */
export interface Progress {
  readonly phase: Phase;
  readonly keys: number;
  readonly totalKeys: number | null;
  readonly bytes: number;
  /** The same by pair of servers, where that is known. */
  readonly pairs?: readonly {
    readonly from: string;
    readonly to: string;
    readonly keys: number;
    readonly totalKeys: number | null;
  }[];
  /** What keeps it from being faster just now. */
  readonly limit?: 'rate' | 'latency' | 'source' | 'target' | 'replica' | 'journal' | null;
}

/** What this and earlier runs have counted. Derived from the journal, never from memory alone. */
export interface Counts {
  copied: number;
  verified: number;
  deleted: number;
  expired: number;
  changed: number;
  /** Conflicts that were left where they are, as agreed. */
  skipped: number;
  /** Of the copied ones: carried element by element. */
  byElements: number;
  /** Of the copied ones: carried with another version in the footer of their payload. */
  refooted: number;
  bytes: number;
}

export function noCounts(): Counts {
  return {
    ...{copied: 0, verified: 0, deleted: 0, expired: 0, changed: 0},
    ...{skipped: 0, byElements: 0, refooted: 0, bytes: 0},
  };
}

/** `perhaps`: acts of which nobody can tell whether they changed anything, such as a RESTORE of a key that has just expired. */
export interface OwnWrites {
  readonly sure: number;
  readonly perhaps: number;
}

export interface PairCount {
  readonly from: number;
  readonly to: number;
  keys: number;
}

export interface Operation {
  readonly id: string;
  readonly file: string;
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly consents: Consents;
  readonly settings: Settings;
  readonly planned: PlannedKeys;
  readonly matrix: readonly MatrixCell[];
  readonly journal: Journal<RebalanceRecord>;
  readonly lock: OperationLock;
  /** Silence after which a server is given up, in milliseconds. */
  readonly timeoutMs: number;
  readonly onProgress: (progress: Progress) => void;
  /** True after the first interrupt: the batch at hand is finished, then the run ends. */
  readonly interrupted: () => boolean;
  readonly counts: Counts;
  /** Numbers of the nodes that were given keys in this pass. */
  readonly received: Set<number>;
  /** Changes that this run has made by copying, per node number. */
  readonly ownWrites: Map<number, OwnWrites>;
  readonly pace: Pace;
  /** What each server takes, by node number; empty until it was asked. */
  intakes: Intakes;
  /** What a person should know of how faithful some copies are. */
  readonly notes: Set<string>;
  /** Keys of the present phase by pair of node numbers. */
  readonly pairs: Map<string, PairCount>;
  /** What makes each target keep its copies, by address. */
  readonly durability: Map<string, Durability>;
  /** Where an earlier run of this copying pass had come, by `node/database`: the cursor to go on from; null: to its end. */
  cursors: ReadonlyMap<string, string | null>;
  /** Flags of the command line that a command printed for it needs too, such as ` --topology FILE`. */
  readonly again: string;
  /** Numbers of targets that were restarted since the copies were made, and whose data may be older than these. */
  readonly doubted: ReadonlySet<number>;
  /** True once the topology file has the new text: from then on the new owners have the last word about their keys. */
  hasCutOver: boolean;
  /** Servers that are filled by replication are on their own: they hold what they were given, and what is copied. */
  isSplit: boolean;
  /** Number of the next batch; continues over runs. */
  nextBatch: number;
}

/** On disk when it resolves. Whoever has lost the lock writes nothing: somebody else may be going on with this journal. */
export async function write(operation: Operation, record: RebalanceRecord): Promise<void> {
  operation.lock.assertHeld();
  return operation.journal.append(record, Date.now());
}

/** On disk with the next record that is waited for. */
export function note(operation: Operation, record: RebalanceRecord): void {
  operation.lock.assertHeld();
  operation.journal.note(record, Date.now());
}

/** The verdict on writers, and what decided it; null where nothing could. */
export interface WritersSettled {
  readonly writers: Writers;
  readonly method: string | null;
}

function settledPart(settled: WritersSettled | undefined) {
  if (settled === undefined) return {};
  return {writers: settled.writers, ...(settled.method === null ? {} : {method: settled.method})};
}

/** A phase begins: in the journal, and for whoever watches. */
export async function enter(operation: Operation, phase: Phase, settled?: WritersSettled): Promise<void> {
  checkpoint(operation);
  await write(operation, {type: 'phase', phase, ...settledPart(settled)});
  operation.pairs.clear();
  operation.onProgress({phase, keys: 0, totalKeys: null, bytes: 0});
}

/** Told to whoever watches: so many keys more between these two nodes. `keys` are those of the phase so far. */
export function progress(
  operation: Operation,
  {phase, keys, from, to, more}: {phase: Phase; keys: number; from: number; to: number; more: number},
): void {
  const {pairs, nodes, matrix, planned, counts, pace} = operation;
  const pair = pairs.get(`${from} ${to}`) ?? {from, to, keys: 0};
  pair.keys += more;
  pairs.set(`${from} ${to}`, pair);
  const told = [...pairs.values()].map((one) => {
    const names = {from: nodes[one.from]!.name, to: nodes[one.to]!.name};
    const cell = matrix.find((found) => found.from === names.from && found.to === names.to);
    return {...names, keys: one.keys, totalKeys: cell?.keys ?? null};
  });
  operation.onProgress({phase, keys, totalKeys: planned.moving, bytes: counts.bytes, pairs: told, limit: pace.limit});
}

/** The last record. The lock is given back before it: whoever finds the operation ended finds no lock of it, wherever the process died. */
export async function writeEnd(operation: Operation, record: RebalanceRecord & {type: 'end'}): Promise<void> {
  await operation.lock.release();
  await operation.journal.append(record, Date.now());
}

/** Between two batches: may this run still act? @throws RtopoError when interrupted (130) or when the lock is lost (4) */
export function checkpoint(operation: Operation): void {
  operation.lock.assertHeld();
  if (!operation.interrupted()) return;
  throw new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: `Interrupted. The batch at hand is finished and the journal is written: ${operation.journal.path}`,
    remedy: resumeCommand(operation),
    details: {id: operation.id, journal: operation.journal.path},
  });
}

/** What a person can paste, wherever the topology file and the state are. */
export function resumeCommand({id, again}: Pick<Operation, 'id' | 'again'>): string {
  return `rtopo rebalance resume ${id}${again}`;
}

export function abortCommand({id, again}: Pick<Operation, 'id' | 'again'>): string {
  return `rtopo rebalance abort ${id}${again}`;
}

/** Nodes that were given keys: those that have to be durable before a source is pruned. */
export function receivers({nodes, received}: Operation): readonly Node[] {
  return nodes.filter(({number}) => received.has(number));
}

/** Once an operation has begun every fault leaves it unfinished, whatever the server said: exit 4 (or 130), and the command that goes on. */
export function unfinished(operation: Pick<Operation, 'id' | 'again'>, error: unknown): unknown {
  if (!(error instanceof RtopoError)) return error;
  const {code, message, remedy, details, exit} = error;
  const isKnown = exit === ExitCode.incomplete || exit === ExitCode.interrupted;
  if (isKnown && remedy?.includes('rtopo rebalance')) return error;
  return new RtopoError({
    code,
    exit: exit === ExitCode.interrupted ? exit : ExitCode.incomplete,
    message: isKnown ? message : `${message} The operation is unfinished; no key is lost.`,
    remedy: remedy === undefined ? resumeCommand(operation) : `${remedy}; then: ${resumeCommand(operation)}`,
    details: {...details, id: operation.id},
    cause: error,
  });
}
