/**
 * Keeps writers away from servers for a while. What is needed to take the fence down again is handed out before the first server is changed, so that it can
 * be written to the journal; every fence is proved by a write that does not get through; and one that somebody else has raised is neither used nor lifted.
 * A server that is fenced takes no writes of ours either: no copies, no deletions, no renewal of the lock.
 */
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {describeHolder, isAbandoned, LOCK_KEY, type OperationLock} from '../journal/lock.js';
import {Connection, withConnection} from '../redis/connect.js';
import type {FencedNode, FenceKindRules, FenceNode, LiftOptions, NodeFence} from './fences/fence-kind.js';
import {minReplicas} from './fences/min-replicas.js';
import {pause} from './fences/pause.js';

export type {FenceNode} from './fences/fence-kind.js';

const KINDS = {pause, 'min-replicas': minReplicas} satisfies Record<string, FenceKindRules>;

export type FenceKind = keyof typeof KINDS;

/** What a later process needs to take the fence down. Plain JSON, no secrets. */
export interface FenceRecord {
  readonly kind: FenceKind;
  readonly nodes: readonly FencedNode[];
}

export interface FenceOptions {
  readonly kind: FenceKind;
  readonly nodes: readonly FenceNode[];
  /** Limit for each call, in milliseconds. */
  readonly timeoutMs: number;
  /** The fence comes down by itself after this, and counts as lost then; in milliseconds. */
  readonly maxMs: number;
  /** Its lease is made to last over the fence. */
  readonly lock: Pick<OperationLock, 'hold' | 'resume'>;
  /** Called before anything is changed. When it throws, nothing was. */
  readonly remember: (record: FenceRecord) => void | Promise<void>;
}

export interface Fence {
  readonly record: FenceRecord;
  /** No write can have come through since it was raised. @throws RtopoError FENCE_LOST, exit 4 */
  assertUp(): Promise<void>;
  /**
   * Takes it down on every server, also when one fails, and gives the lock its short lease again. A second call gives the answer of the first.
   * @returns sentences about what was left as somebody else has made it
   * @throws RtopoError FENCE_NOT_LIFTED, exit 4
   */
  lift(options?: LiftOptions): Promise<readonly string[]>;
}

/** @throws RtopoError exit 3 when it cannot be raised; what was raised until then is taken down again */
export async function raiseFence(options: FenceOptions): Promise<Fence> {
  const {kind, nodes, timeoutMs, maxMs, lock} = options;
  const connections = await openAll(nodes, timeoutMs);
  try {
    const fences = await Promise.all(
      nodes.map((node, i) => KINDS[kind].survey({node, connection: connections[i]!, timeoutMs})),
    );
    const raised = new Raised({kind, nodes, fences, connections, lock, timeoutMs});
    await options.remember(raised.record);
    await lock.hold(runIdsOf(nodes), maxMs);
    await raised.raise(maxMs);
    return raised;
  } catch (error) {
    for (const connection of connections) connection.close();
    throw error;
  }
}

/**
 * Takes down what a process that is no more has left. Called before the operation is locked again, which a fenced server would refuse;
 * so it looks itself whether that process is dead.
 * @param operation the id of the operation that raised it
 * @returns as `Fence.lift`
 * @throws RtopoError LOCKED (exit 3) while it is alive; FENCE_NOT_LIFTED (exit 4), after all servers were tried
 */
export async function liftFence(
  record: FenceRecord,
  {operation, nodes, timeoutMs}: {readonly operation: string} & Pick<FenceOptions, 'nodes' | 'timeoutMs'>,
): Promise<readonly string[]> {
  const left = record.nodes.map((one) => ({one, node: nodes.find(({at}) => at === one.at) ?? null}));
  const lifts = await Promise.allSettled(
    left.map(async ({one, node}) => {
      if (node === null) throw new Error(`${one.at} is no server of this operation`);
      return withConnection(node.endpoint, timeoutMs, async (connection) => {
        const holder = String((await connection.call('GET', [LOCK_KEY])) ?? '');
        if (holder !== '' && !isAbandoned(holder, operation)) throw alive(node, holder);
        return KINDS[record.kind].liftLeft({node, connection, timeoutMs}, one);
      });
    }),
  );
  return settled(record, lifts);
}

interface Parts {
  readonly kind: FenceKind;
  readonly nodes: readonly FenceNode[];
  readonly fences: readonly NodeFence[];
  readonly connections: readonly Connection[];
  readonly lock: FenceOptions['lock'];
  readonly timeoutMs: number;
}

class Raised implements Fence {
  readonly record: FenceRecord;
  readonly #parts: Parts;
  #limit: NodeJS.Timeout | null = null;
  #ended: RtopoError | null = null;
  #lifting: Promise<readonly string[]> | null = null;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.record = {kind: parts.kind, nodes: parts.fences.map(({record}) => record)};
  }

  async raise(maxMs: number): Promise<void> {
    const raised = await Promise.allSettled(this.#parts.fences.map((fence) => fence.raise()));
    const failed = raised.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      // A fence that is left standing is worse news than one that could not be raised.
      await this.lift();
      throw failed.reason;
    }
    this.#limit = setTimeout(() => {
      this.#ended = tooLong(this.record, maxMs);
      this.lift().catch(() => undefined);
    }, maxMs);
  }

  async assertUp(): Promise<void> {
    if (this.#ended !== null) throw this.#ended;
    await Promise.all(this.#parts.fences.map((fence) => fence.assertUp()));
  }

  lift(options: LiftOptions = {}): Promise<readonly string[]> {
    this.#lifting ??= this.#lift(options);
    return this.#lifting;
  }

  async #lift(options: LiftOptions): Promise<readonly string[]> {
    if (this.#limit !== null) clearTimeout(this.#limit);
    const {kind, fences, connections, lock, nodes, timeoutMs} = this.#parts;
    const lifts = await Promise.allSettled(
      fences.map(async (fence, i) => {
        try {
          return await fence.lift(options);
        } catch {
          // Its connection may be what failed. Writers wait for this: once more, on a new one.
          const [node, record] = [nodes[i]!, fence.record];
          return withConnection(node.endpoint, timeoutMs, (connection) =>
            KINDS[kind].liftLeft({node, connection, timeoutMs}, record),
          );
        }
      }),
    );
    for (const connection of connections) connection.close();
    // Where something was left, a renewal would not get through either: there the long lease stays.
    const lifted = nodes.filter((_, i) => {
      const one = lifts[i]!;
      return one.status === 'fulfilled' && one.value.length === 0;
    });
    const [resumed] = await Promise.allSettled([lock.resume(runIdsOf(lifted))]);
    const notes = settled(this.record, lifts);
    if (resumed.status === 'rejected') throw resumed.reason;
    return notes;
  }
}

const runIdsOf = (nodes: readonly FenceNode[]): string[] => nodes.map(({runId}) => runId);

async function openAll(nodes: readonly FenceNode[], timeoutMs: number): Promise<readonly Connection[]> {
  const opened = await Promise.allSettled(nodes.map(({endpoint}) => Connection.open(endpoint, timeoutMs)));
  const failed = opened.find((one) => one.status === 'rejected');
  const connections = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return connections;
  for (const connection of connections) connection.close();
  throw failed.reason;
}

/** @throws RtopoError that names every server that is still fenced, and what takes it down by hand */
function settled(
  {kind, nodes}: FenceRecord,
  lifts: readonly PromiseSettledResult<readonly string[]>[],
): readonly string[] {
  const failed = lifts.flatMap((one, i) => (one.status === 'rejected' ? [{node: nodes[i]!, error: one.reason}] : []));
  const locked = failed.find(({error}) => error instanceof RtopoError && error.code === 'LOCKED');
  if (locked !== undefined) throw locked.error;
  if (failed.length === 0) return lifts.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  const said = failed.map(({node, error}) => `${node.at}: ${error instanceof Error ? error.message : 'it failed'}`);
  throw new RtopoError({
    code: 'FENCE_NOT_LIFTED',
    exit: ExitCode.incomplete,
    message: `The fence could not be taken down everywhere. ${said.join(' ')}`,
    remedy:
      kind === 'pause'
        ? 'nothing: a pause ends by itself within 10 s'
        : failed
            .map(({node}) => `redis-cli ${place(node.at)} CONFIG SET min-replicas-to-write ${node.minReplicas}`)
            .join('; '),
    details: {nodes: failed.map(({node}) => node.at)},
  });
}

/** `-h host -p port` */
function place(at: string): string {
  const colon = at.lastIndexOf(':');
  return `-h ${at.slice(0, colon).replace(/^\[|\]$/g, '')} -p ${at.slice(colon + 1)}`;
}

function alive({at}: FenceNode, holder: string): RtopoError {
  return refusal({
    code: 'LOCKED',
    message: `${at} is fenced and locked by ${describeHolder(holder)}, which may still be alive.`,
    remedy: 'wait for it to end, or stop it; a fence never outlives the lock',
  });
}

function tooLong({nodes}: FenceRecord, maxMs: number): RtopoError {
  return new RtopoError({
    code: 'FENCE_LOST',
    exit: ExitCode.incomplete,
    message: `The fence of ${nodes.map(({at}) => at).join(', ')} was taken down after ${Math.round(maxMs / 1000)} s, the longest that it may stand.`,
  });
}
