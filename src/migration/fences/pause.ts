/**
 * CLIENT PAUSE WRITE, renewed before it runs out: writers wait, readers notice nothing, and when rtopo dies the servers go on by themselves.
 * A pause has no owner and cannot be read. So one that is there already is found by a write that gets no answer; one that somebody adds later,
 * or takes away, by the server's count of such commands (Redis 7.0).
 */
import {ExitCode, RtopoError, refusal} from '../../errors.js';
import {type Info, infoText, parseInfo} from '../../redis/info.js';
import type {FencedNode, FenceKindRules, Fencing, LiftOptions, NodeFence} from './fence-kind.js';
import {probeWrites} from './probe.js';

/** For so long writers wait at most after rtopo has died. */
export const PAUSE_MS = 10_000;
const RENEW_MS = 2500;
const POLL_MS = 100;

export const pause: FenceKindRules = {
  async survey(fencing) {
    const info = parseInfo(String(await fencing.connection.call('INFO', ['server'])));
    assertKnown(fencing, info);
    if ((await probeWrites(fencing.node.endpoint, fencing.timeoutMs)) === 'held') throw foreign(fencing);
    return new Pause(fencing);
  },
  async liftLeft(fencing) {
    // Nobody knows whose pause it is; ours ends by itself.
    const isOver = await awaitWrites(fencing, PAUSE_MS);
    return isOver ? [] : [stillPaused(fencing)];
  },
};

/** A moment by two clocks: one that a sleeping machine stops, and one that a person can set. */
interface Moment {
  readonly wallMs: number;
  readonly steadyMs: number;
}

class Pause implements NodeFence {
  readonly record: FencedNode;
  readonly #fencing: Fencing;
  #timer: NodeJS.Timeout | null = null;
  #renewing: Promise<void> = Promise.resolve();
  /** From here the present pause lasts `PAUSE_MS` at least. */
  #set: Moment | null = null;
  #lost: RtopoError | null = null;
  #before: Counts | null = null;
  #ownPauses = 0;

  constructor(fencing: Fencing) {
    const {at, runId} = fencing.node;
    this.#fencing = fencing;
    this.record = {at, runId, minReplicas: null, maxLagSeconds: null, raisedTo: null};
  }

  async raise(): Promise<void> {
    const {node, connection, timeoutMs} = this.#fencing;
    this.#before = await readCounts(this.#fencing);
    await this.#pause();
    try {
      const fate = await probeWrites(node.endpoint, timeoutMs);
      // A server that does not answer at all holds nothing.
      await connection.call('PING');
      // `refused` is as good: it lacks replicas, and should they come back it is paused.
      if (fate === 'taken') throw useless(this.#fencing);
    } catch (error) {
      await this.lift().catch(() => undefined);
      throw error;
    }
    this.#timer = setInterval(() => {
      this.#renewing = this.#renew();
    }, RENEW_MS);
  }

  async assertUp(): Promise<void> {
    await this.#renewing;
    if (this.#set !== null && elapsedMs(this.#set) >= PAUSE_MS)
      this.#lost ??= lost(this.#fencing, 'it ran out before it was renewed');
    const [before, now] = [this.#before, await readCounts(this.#fencing)];
    if (now.runId !== this.record.runId) this.#lost ??= lost(this.#fencing, 'the server was restarted');
    if (before !== null && now.unpauses !== before.unpauses)
      this.#lost ??= lost(this.#fencing, 'somebody has lifted it with CLIENT UNPAUSE');
    if (this.#lost !== null) throw this.#lost;
  }

  async lift({dropHeld = false}: LiftOptions = {}): Promise<readonly string[]> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#renewing;
    if (this.#set === null) return [];
    const {connection} = this.#fencing;
    const notes = dropHeld ? await disconnectHeld(this.#fencing) : [];
    const [before, now] = [this.#before, await readCounts(this.#fencing)];
    const isOurs = before === null || now.pauses === null || now.pauses - (before.pauses ?? 0) === this.#ownPauses;
    // A pause of somebody else, added to ours, ends when he said. Ours alone may be cut short.
    if (isOurs) await connection.call('CLIENT', ['UNPAUSE']);
    const leftMs = isOurs ? 0 : Math.max(0, PAUSE_MS - elapsedMs(this.#set));
    const isOver = await awaitWrites(this.#fencing, leftMs);
    this.#set = null;
    return isOver ? notes : [...notes, stillPaused(this.#fencing)];
  }

  async #pause(): Promise<void> {
    const asked = now();
    await this.#fencing.connection.call('CLIENT', ['PAUSE', PAUSE_MS, 'WRITE']);
    this.#ownPauses += 1;
    if (this.#set !== null && elapsedMs(this.#set) >= PAUSE_MS)
      this.#lost ??= lost(this.#fencing, 'it ran out before it was renewed');
    this.#set = asked;
  }

  async #renew(): Promise<void> {
    try {
      await this.#pause();
    } catch (error) {
      this.#lost ??= error instanceof RtopoError ? error : lost(this.#fencing, 'it could not be renewed');
    }
  }
}

/** A held command is dropped with its connection. Ours hold none back: they are left out by their names. */
async function disconnectHeld({node, connection}: Fencing): Promise<readonly string[]> {
  const list = await connection.attempt('CLIENT', ['LIST', 'TYPE', 'normal']);
  if (typeof list !== 'string')
    return [`writers that waited on ${node.at} were let go on there (CLIENT LIST is not permitted)`];
  for (const line of list.split('\n')) {
    const [, id, name, flags] = /^id=(\d{1,20}) .*? name=(\S*) .*?flags=(\w+) /.exec(line) ?? [];
    if (id === undefined || !flags?.includes('b') || name?.startsWith('rtopo')) continue;
    await connection.attempt('CLIENT', ['KILL', 'ID', id]);
  }
  return [];
}

function now(): Moment {
  return {wallMs: Date.now(), steadyMs: performance.now()};
}

function elapsedMs({wallMs, steadyMs}: Moment): number {
  return Math.max(Date.now() - wallMs, performance.now() - steadyMs);
}

/** Calls since the server started or its statistics were reset; null before Redis 7.0, which does not count subcommands. */
interface Counts {
  readonly runId: string | null;
  readonly pauses: number | null;
  readonly unpauses: number | null;
}

async function readCounts({connection}: Fencing): Promise<Counts> {
  const info = parseInfo(String(await connection.call('INFO', ['ALL'])));
  const isCounted = [...info.fields.keys()].some((name) => name.startsWith('cmdstat_client|'));
  const calls = (name: string): number | null => {
    if (!isCounted) return null;
    return Number(/^calls=(\d{1,15}),/.exec(info.fields.get(`cmdstat_client|${name}`) ?? '')?.[1] ?? 0);
  };
  return {runId: infoText(info, 'run_id'), pauses: calls('pause'), unpauses: calls('unpause')};
}

/** Until a write is answered, however; at least once, and as long as `forMs`. */
async function awaitWrites({node, timeoutMs}: Fencing, forMs: number): Promise<boolean> {
  const began = now();
  for (;;) {
    if ((await probeWrites(node.endpoint, timeoutMs)) !== 'held') return true;
    if (elapsedMs(began) > forMs) return false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function assertKnown({node}: Fencing, info: Info): void {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(infoText(info, 'redis_version') ?? '') ?? [];
  if (Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)) return;
  throw refusal({
    code: 'FENCE_UNKNOWN',
    message: `${node.at} cannot hold back writes alone: CLIENT PAUSE WRITE came with Redis 6.2. Nothing was changed.`,
    remedy: 'use --fence min-replicas, or --fence none and stop the writers yourself',
  });
}

function foreign({node}: Fencing): RtopoError {
  return refusal({
    code: 'FENCE_FOREIGN',
    message: `${node.at} already holds back writes: somebody has paused it (CLIENT PAUSE), and two pauses cannot be told apart. Nothing was changed.`,
    remedy: 'wait until that pause is over, or ask who has made it',
  });
}

function useless({node}: Fencing): RtopoError {
  return new RtopoError({
    code: 'FENCE_USELESS',
    exit: ExitCode.failed,
    message: `${node.at} accepted CLIENT PAUSE WRITE and still takes writes. The pause was ended.`,
    remedy: 'use --fence min-replicas, or --fence none and stop the writers yourself',
  });
}

function lost({node}: Fencing, why: string): RtopoError {
  return new RtopoError({
    code: 'FENCE_LOST',
    exit: ExitCode.incomplete,
    message: `The pause of ${node.at} did not hold: ${why}. Writes may have come through.`,
  });
}

function stillPaused({node}: Fencing): string {
  return `${node.at} still holds back writes, by a pause that is not ours: it was left alone.`;
}
