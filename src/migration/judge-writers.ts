/**
 * Pure: did anybody but us write to the sources between two readings? Asked in the order of what the answer is worth: an offset that has not moved, the
 * backlog that names every key, the counter of changes, the counts of write commands. The first of these that has an answer decides.
 */
import type {BacklogReplay} from '../redis/resp/tap.js';
import type {Wholesale} from '../redis/resp/touches.js';
import type {Reading, Readings} from './readings.js';
import type {Writers} from './records.js';

/** What decided. */
export type WritersMethod = 'offset' | 'backlog' | 'changes' | 'commandstats' | 'none';

/** A key on a server. `db` is null when the server did not say. */
export interface NodeKey {
  readonly node: string;
  readonly db: number | null;
  readonly key: Buffer;
}

export interface NodeVerdict {
  readonly node: string;
  readonly verdict: Writers;
  readonly method: WritersMethod;
  /** Why it is not better; null when nobody wrote. */
  readonly why: string | null;
}

export interface WritersVerdict {
  /** The worst of all sources. */
  readonly verdict: Writers;
  /** Of the source that decided, and else the weakest one. */
  readonly method: WritersMethod;
  readonly nodes: readonly NodeVerdict[];
  /** Keys that move away and were changed. */
  readonly written: readonly NodeKey[];
  /** Keys that move away and were deleted, or have expired. */
  readonly deleted: readonly NodeKey[];
  readonly wholesale: readonly ({readonly node: string} & Wholesale)[];
  /** Distinct keys that move away and were touched, and touches of others; null where the method counts none or cannot tell them apart. */
  readonly touchedMoving: number | null;
  readonly touchedOther: number | null;
  /** There are more than are listed. */
  readonly more: boolean;
}

export interface WritersEvidence {
  readonly before: Readings;
  readonly after: Readings;
  /** What the backlog of each server tells of the time between the two, by address, of the keys that move away. */
  readonly replays: ReadonlyMap<string, BacklogReplay>;
  /** Of deleted keys: is it certain that no client deleted it? Null when that was not looked into. */
  readonly hasExpired: ((key: NodeKey) => boolean) | null;
}

export function judgeEvidence(evidence: WritersEvidence): WritersVerdict {
  const pairs = evidence.before.map((first) => ({
    first,
    second: evidence.after.find(({node}) => node === first.node) ?? null,
  }));
  const nodes = pairs.map(({first, second}) => judgeNode(first, second, evidence));
  const decisive = [...nodes].sort((a, b) => rank(a) - rank(b)).at(-1);
  const told = nodes.flatMap(({node, method}) => {
    const replay = evidence.replays.get(node);
    return method === 'backlog' && replay?.kind === 'replayed' ? [{node, ...replay}] : [];
  });
  const isNamed = nodes.every(
    ({verdict, method}) => method === 'backlog' || (method === 'offset' && verdict === 'none-seen'),
  );
  const written = told.flatMap((one) => one.written.map((key) => ({node: one.node, ...key})));
  const deleted = told.flatMap((one) => one.deleted.map((key) => ({node: one.node, ...key})));
  return {
    verdict: decisive?.verdict ?? 'none-seen',
    method: decisive?.method ?? 'none',
    nodes,
    written,
    deleted,
    wholesale: told.flatMap((one) => one.wholesale.map((command) => ({node: one.node, ...command}))),
    touchedMoving: isNamed ? new Set([...written, ...deleted].map(idOf)).size : null,
    touchedOther: isNamed ? told.reduce((sum, {others}) => sum + others, 0) : null,
    more: told.some(({overflow}) => overflow),
  };
}

const VERDICTS: readonly Writers[] = ['none-seen', 'unknown', 'seen'];
const METHODS: readonly WritersMethod[] = ['offset', 'backlog', 'changes', 'commandstats', 'none'];

/** The worst verdict first of all, then the weakest method. */
function rank({verdict, method}: NodeVerdict): number {
  return VERDICTS.indexOf(verdict) * METHODS.length + METHODS.indexOf(method);
}

function idOf({node, db, key}: NodeKey): string {
  return `${node} ${db} ${key.toString('latin1')}`;
}

type Answer = Omit<NodeVerdict, 'node' | 'method'>;

const NONE: Answer = {verdict: 'none-seen', why: null};
const seen = (why: string): Answer => ({verdict: 'seen', why});

function judgeNode(first: Reading, second: Reading | null, evidence: WritersEvidence): NodeVerdict {
  const {node} = first;
  const fault = second === null ? 'it was not asked again' : faultOf(first, second);
  if (second === null || fault !== null) return {node, verdict: 'unknown', method: 'none', why: fault};
  const replay = evidence.replays.get(node);
  const methods: readonly [WritersMethod, Answer | null][] = [
    ['offset', byOffset(first, second)],
    ['backlog', replay === undefined ? null : byBacklog(node, replay, evidence)],
    ['changes', byChanges(first, second)],
    ['commandstats', byCalls(first, second)],
  ];
  for (const [method, answer] of methods) if (answer !== null) return {node, method, ...answer};
  return {node, verdict: 'unknown', method: 'none', why: whyNothing(replay)};
}

/** What makes every comparison worthless. */
function faultOf(first: Reading, second: Reading): string | null {
  if (first.isForged || second.isForged) return 'its INFO holds lines that somebody has injected';
  if (first.runId === null || first.runId !== second.runId) return 'it was restarted or replaced';
  if (!first.isMaster || !second.isMaster || first.replid !== second.replid) return 'it has begun another history';
  return null;
}

function whyNothing(replay: BacklogReplay | undefined): string {
  const told = replay?.kind === 'unavailable' ? `${replay.why}; and ` : '';
  return `${told}its counters were reset, or cannot be compared`;
}

/** Equality suffices. Inequality says nothing: pings to replicas and our own lock move it too. */
function byOffset(first: Reading, second: Reading): Answer | null {
  const isCounted = first.offsetAlwaysMoves || (first.backlogFirst !== null && second.backlogFirst !== null);
  return isCounted && first.offset !== null && first.offset === second.offset ? NONE : null;
}

function byBacklog(node: string, replay: BacklogReplay, {hasExpired}: WritersEvidence): Answer | null {
  if (replay.kind === 'unavailable') return null;
  const whole = replay.wholesale.find(({data}) => data);
  if (whole !== undefined) return seen(`${whole.command} was called`);
  if (replay.written.length > 0 || replay.overflow) return seen('keys that move were written');
  if (replay.deleted.length === 0) return NONE;
  if (hasExpired === null) return {verdict: 'unknown', why: 'keys that move were deleted, or have expired'};
  return replay.deleted.every((key) => hasExpired({node, ...key})) ? NONE : seen('keys that move were deleted');
}

/** The counter runs through unless a snapshot ends; what our own hands did is subtracted. */
function byChanges(first: Reading, second: Reading): Answer | null {
  if (first.changes === null || second.changes === null) return null;
  if (first.lastSave !== second.lastSave || first.saves !== second.saves || first.isSaving) return null;
  const changes = second.changes - first.changes;
  const perhaps = second.own.perhaps - first.own.perhaps;
  const foreign = first.own.session === second.own.session ? changes - (second.own.sure - first.own.sure) : null;
  // Of what another process of ours has done the number is not known: only that nothing is nothing, where a reset cannot hide.
  if (foreign === null) return changes === 0 && first.saves !== null ? NONE : null;
  // Fewer than our own: it was reset without a trace.
  if (foreign < 0) return null;
  return foreign <= perhaps ? NONE : seen(`${foreign} changes were counted that are not ours`);
}

/** Calls that changed nothing are counted too; a reset between the readings shows in what went down, or in its own count. */
function byCalls(first: Reading, second: Reading): Answer | null {
  if (first.resets !== second.resets || (second.commands ?? 0) < (first.commands ?? 0)) return null;
  let calls = 0;
  for (const name of new Set([...Object.keys(first.calls), ...Object.keys(second.calls)])) {
    const more = (second.calls[name] ?? 0) - (first.calls[name] ?? 0);
    if (more < 0) return null;
    calls += more;
  }
  if (first.own.session !== second.own.session || first.own.calls === null || second.own.calls === null) {
    return calls === 0 ? NONE : null;
  }
  const foreign = calls - (second.own.calls - first.own.calls);
  if (foreign < 0) return null;
  return foreign === 0 ? NONE : seen(`${foreign} write commands were called that are not ours`);
}
