/**
 * The operation lock while servers are made what the file says. It lives on the declared master of each shard, for there it survives: it
 * travels to the replicas with the data, and goes with the lease. Never on any other server: a key written to one that is to become a
 * replica would be a write of its own, by which its history parts from that of its master, and would be wiped with the rest.
 *
 * A declared master that is a replica yet is locked right after its promotion, before anybody is told to follow it: of two who promote it
 * at once, which is one promotion, one goes on. A master that takes no writes (its replicas are missing, its disk or its memory is full)
 * cannot hold a lock, and may be the very one that is to be mended: it is tried again before each wave, and until then the journal
 * keeps off other processes of this account, and stale facts everybody else.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {addressText, type Shard} from '../topology/types.js';
import {factsOf, type Observation} from './observe.js';
import {replyOf} from './orders.js';
import {ShardLocks} from './shard-lock.js';

/** It leads nobody yet, so that it is written to by nobody. */
class NotLeading extends Error {}

/** Takes writes in principle, and none now: by the reply of EVAL, which Redis 6 wraps into a sentence of its own. */
const TAKES_NO_WRITES = /NOREPLICAS|MISCONF|\bOOM\b|unknown command/;

export class LeaderLocks {
  readonly #locks: ShardLocks;
  readonly #observation: Observation;
  readonly #unlocked = new Set<string>();

  constructor(operation: string, {timeoutMs, observation}: LockingOptions) {
    this.#locks = new ShardLocks(operation, timeoutMs);
    this.#observation = observation;
  }

  /** Shards whose master takes no writes, and so holds no lock. */
  get unlocked(): ReadonlySet<string> {
    return this.#unlocked;
  }

  /** Of every shard whose declared master leads. In the order of run ids, as everybody takes them. @throws RtopoError exit 3 `LOCKED`, `PLAN_STALE` */
  async takeAll(shards: readonly Shard[]): Promise<void> {
    const runIdOf = (shard: Shard): string => factsOf(this.#observation, shard.master)?.runId ?? '';
    for (const shard of [...shards].sort((a, b) => (runIdOf(a) < runIdOf(b) ? -1 : 1))) await this.ensure(shard);
  }

  /** Is it still ours, or ours by now? @throws RtopoError `LOCK_LOST`, `LOCKED`, `PLAN_STALE` */
  async ensure(shard: Shard): Promise<void> {
    try {
      if (this.#locks.assertHeldFor(shard.name) === true) return;
    } catch (error) {
      // The lease was not renewed because nobody can write there; so nobody else can have it either.
      if (!TAKES_NO_WRITES.test(replyOf(error) ?? '')) throw error;
    }
    if (factsOf(this.#observation, shard.master) === null) return;
    try {
      await this.#locks.take(shard.name, shard.master, null, (seen) => this.#assertLeads(shard, seen));
      this.#unlocked.delete(shard.name);
    } catch (error) {
      if (error instanceof NotLeading) return;
      if (!TAKES_NO_WRITES.test(replyOf(error) ?? '')) throw error;
      this.#unlocked.add(shard.name);
    }
  }

  /** Nothing is written to a server that is not the one the plan was made for, or that is no master. */
  #assertLeads({master}: Shard, {runId, isMaster}: {runId: string; isMaster: boolean}): void {
    if (!isMaster) throw new NotLeading();
    if (runId === factsOf(this.#observation, master)?.runId) return;
    throw new RtopoError({
      code: 'PLAN_STALE',
      exit: ExitCode.refused,
      message: `The plan is stale: ${addressText(master.address)} was restarted or replaced since the plan was made (run id changed).`,
      remedy: 'run rtopo replicate again: it plans from what is there now',
    });
  }

  /** @throws RtopoError when one of them was lost */
  assertHeld(): void {
    this.#locks.assertHeld();
  }

  /** Never throws. */
  release(): Promise<void> {
    return this.#locks.release();
  }
}

export interface LockingOptions {
  /** Limit for one command, in milliseconds. */
  readonly timeoutMs: number;
  readonly observation: Observation;
}
