/**
 * Makes one server follow another and waits until it has everything: the first half of a change of master, and of a split.
 * Until the end the child is expendable and its parent is not; so when the parent goes away the child is taken off it at once,
 * for a parent that comes back empty would empty its child too.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import {type Auth, addressText, type Instance} from '../topology/types.js';
import {whyNotFree} from './judge-free.js';
import {isOrdered, whatIsMissing} from './link.js';
import {Orders, replicaOf, setLogin} from './orders.js';
import {redisCli} from './redis-cli.js';
import {type Sight, Watched} from './sight.js';

export interface Following {
  readonly child: Instance;
  readonly parent: Instance;
}

export interface FollowOptions {
  /** How the child logs in to the parent; null: as it is configured. */
  readonly login: Auth | null;
  readonly commandTimeoutMs: number;
  /** Given up after so long without any progress, in milliseconds. */
  readonly silenceMs: number;
  /** May all that the child holds go? Asked only where its history does not say so. */
  readonly isExpendable?: (child: ServerFacts) => boolean;
  /** Before the child is told to follow; not called for one that follows already. Awaited: what it writes is on disk before anything is changed. */
  readonly onAttach: (seen: {readonly child: Sight; readonly parent: Sight}) => unknown;
  readonly onProgress?: (seen: {readonly child: Sight; readonly parent: Sight}) => void;
  /** May the work go on? Throws when not. */
  readonly checkpoint: () => void;
}

const POLL_MS = 50;

/**
 * Returns when the child has had everything that the parent had at one moment. Run again, it goes on where it was.
 * @throws RtopoError exit 4 when the link makes no progress, or when the parent went away: the child is taken off it then
 */
export async function follow(pair: Following, options: FollowOptions): Promise<void> {
  const {commandTimeoutMs} = options;
  const [child, parent] = [new Watched(pair.child, commandTimeoutMs), new Watched(pair.parent, commandTimeoutMs)];
  try {
    const under = await child.look();
    const first = await parent.look().catch(async (error) => {
      if (isOrdered(stepOf(pair), under.facts) && (await parent.isGone())) throw await parentGone(pair, child);
      throw error;
    });
    const seen = {child: under, parent: first};
    if (!isOrdered(stepOf(pair), seen.child.facts)) {
      const notFree = whyNotFree(seen.child.facts, first.facts);
      if (notFree !== null && !options.isExpendable?.(seen.child.facts)) throw taken(pair, notFree);
      await options.onAttach(seen);
      const orders = new Orders(await child.connection());
      await setLogin(orders, {auth: options.login, masters: [pair.parent]});
      await replicaOf(orders, pair.child, [pair.parent.peer.host, pair.parent.peer.port]);
    }
    await catchUp({pair, child, parent, runId: first.facts.runId, childRunId: seen.child.facts.runId}, options);
  } finally {
    child.close();
    parent.close();
  }
}

const stepOf = ({child, parent}: Following) => ({
  ...{do: 'replicate-from' as const, instance: child, parent},
  ...{level: 1, resync: 'full' as const, keysAtRisk: 0},
});

interface Watching {
  readonly pair: Following;
  readonly child: Watched;
  readonly parent: Watched;
  /** Of the parent: another process under its address may hold other data, or none. */
  readonly runId: string;
  readonly childRunId: string;
}

async function catchUp(watching: Watching, options: FollowOptions): Promise<void> {
  const {pair, childRunId} = watching;
  let [before, missing, deadline] = ['', 'it does not answer', performance.now() + options.silenceMs];
  for (;;) {
    options.checkpoint();
    // The parent first: what it had then the child must have a moment later.
    const parent = await lookAtParent(watching);
    const child = await patiently(watching.child.look());
    if (child !== null && parent !== null) {
      if (child.facts.runId !== childRunId) throw restarted(pair);
      const lack = whatIsMissing(stepOf(pair), child.facts, parent.facts);
      if (lack === null && child.facts.lineage.offset >= parent.facts.lineage.offset) return;
      missing = lack ?? 'it does not catch up with what is written';
      options.onProgress?.({child, parent});
      const now = progressOf(child, parent);
      if (now !== before) [before, deadline] = [now, performance.now() + options.silenceMs];
    }
    if (performance.now() >= deadline) throw stuck(pair, missing, options.silenceMs);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A parent that is written to moves by itself: its own progress counts only while it makes a snapshot for a replica. */
function progressOf(child: Sight, parent: Sight): string {
  const isServing = parent.facts.replicas.some(({state}) => state !== 'online');
  return `${child.progress} ${isServing ? parent.progress : ''}`;
}

/** A server that flushes, forks or loads may be late with an answer: that is silence, and silence has its own limit. */
async function patiently(sight: Promise<Sight>): Promise<Sight | null> {
  try {
    return await sight;
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'TIMEOUT') return null;
    throw error;
  }
}

/** Null when it is late. Throws, after the child is safe, when it is gone. */
async function lookAtParent(watching: Watching): Promise<Sight | null> {
  const {parent, pair, runId} = watching;
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      const sight = await patiently(parent.look());
      if (sight === null || sight.facts.runId === runId) return sight;
      break;
    } catch (error) {
      // Our connection alone may have been cut; a process that is gone refuses the next one too.
      if (!(error instanceof RtopoError) || error.exit !== ExitCode.unreachable) throw error;
    }
  }
  throw await parentGone(pair, watching.child);
}

/** The child is safe when this returns what is to be thrown. */
export async function parentGone(pair: Following, child: Watched): Promise<RtopoError> {
  await detach(child);
  return parentLost(pair);
}

/** Ends the replication of a server and leaves it every key that it has. */
export async function detach(child: Watched): Promise<void> {
  const {facts} = await child.look();
  if (facts.role.kind !== 'replica') return;
  await replicaOf(new Orders(await child.connection()), child.instance, ['NO', 'ONE']);
}

function taken({child, parent}: Following, {code, why}: {code: string; why: string}): RtopoError {
  const at = addressText(child.address);
  return new RtopoError({
    code,
    exit: ExitCode.refused,
    message: `${at} ${why}: as a replica of ${addressText(parent.address)} it would lose that. It was left as it is.`,
    remedy: `name an empty server, or empty this one when its keys may go (look first: ${redisCli(child, '--scan')})`,
  });
}

function restarted({child}: Following): RtopoError {
  return new RtopoError({
    code: 'SERVER_RESTARTED',
    exit: ExitCode.incomplete,
    message: `${addressText(child.address)} was restarted or replaced while it was being filled (its run id changed).`,
  });
}

function parentLost({child, parent}: Following): RtopoError {
  const [at, of] = [addressText(child.address), addressText(parent.address)];
  return new RtopoError({
    code: 'PARENT_LOST',
    exit: ExitCode.incomplete,
    message:
      `${of} went away, or was restarted, while ${at} was being filled from it. ${at} was taken off it at once and keeps what it has: ` +
      `had ${of} come back empty, it would have been emptied too.`,
    remedy: `look at what each of them holds: ${redisCli(parent, 'INFO keyspace')}; ${redisCli(child, 'INFO keyspace')}`,
  });
}

function stuck({child, parent}: Following, missing: string, afterMs: number): RtopoError {
  return new RtopoError({
    code: 'LINK_NOT_UP',
    exit: ExitCode.incomplete,
    message:
      `${addressText(child.address)} was told to follow ${addressText(parent.peer)}, but there was no progress for ` +
      `${afterMs / 1000} s: ${missing}.`,
    remedy: `look at its log, and whether from its host this answers: redis-cli -h ${parent.peer.host} -p ${parent.peer.port} PING`,
  });
}
