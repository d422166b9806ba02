/**
 * One operator at a time. A lock key on every master concerned, taken in the order of run ids, with a lease that is renewed;
 * its token is checked inside every destructive script, so that a stalled operator cannot act after its lease.
 */
import {randomBytes} from 'node:crypto';
import {hostname, userInfo} from 'node:os';
import {ExitCode, escapeText, RtopoError, refusal} from '../errors.js';
import type {RespReply} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {addressText} from '../topology/types.js';

/** Never scanned, counted or moved. */
export const LOCK_KEY = '__rtopo:lock';
export const RESERVED_PREFIX = '__rtopo:';

export const LEASE_MS = 60_000;
const RENEW_MS = 10_000;

/** Takes the lock when it is free, or still held by exactly the holder that was judged dead: of two who judge so, one comes first. */
const TAKE = `local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return held end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 'OK'`;

export const RENEW = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

const RELEASE = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

/** A node as the lock needs it: its own connection in database 0, and the run id that fixes the order. */
export interface Lockable {
  readonly runId: string;
  readonly socket: RespSocket;
}

export class OperationLock {
  /** The value of the lock key: what destructive scripts compare. */
  readonly token: string;
  readonly #operation: string;
  readonly #nodes: Lockable[] = [];
  /** Writes of the lock itself per run id, so that they are not taken for somebody else's. */
  readonly writes = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #lost: RtopoError | null = null;
  #renewing: Promise<void> = Promise.resolve();
  /** End of the lease per run id, by our clock, counted from before it was asked for. */
  readonly #untilMs = new Map<string, number>();
  /** Run ids of servers that take no writes at the moment, and so no renewals. */
  readonly #held = new Set<string>();

  private constructor(operation: string, token: string) {
    this.#operation = operation;
    this.token = token;
  }

  /**
   * A resumed run takes over from the dead process of its own operation; a living one on this host keeps the lock.
   * `inherited`: the lock as a replica held it before it was promoted. Nobody can renew it at a master that is gone, so it binds no one.
   * @throws RtopoError exit 3 `LOCKED`, naming who holds it; what was taken before is given back
   */
  static async take(
    operation: string,
    nodes: readonly Lockable[],
    nowMs: number,
    inherited: string | null = null,
  ): Promise<OperationLock> {
    const token = JSON.stringify({
      op: operation,
      nonce: randomBytes(8).toString('hex'),
      host: hostname(),
      user: userName(),
      pid: process.pid,
      started: new Date(nowMs).toISOString(),
    });
    const lock = new OperationLock(operation, token);
    try {
      for (const node of [...nodes].sort((a, b) => (a.runId < b.runId ? -1 : 1))) await lock.#takeAt(node, inherited);
    } catch (error) {
      // What was taken before, and perhaps here, must not keep the next one waiting for the end of its lease.
      await lock.release();
      throw error;
    }
    lock.#timer = setInterval(() => {
      lock.#renewing = lock.#renew();
    }, RENEW_MS);
    return lock;
  }

  async #takeAt(node: Lockable, inherited: string | null): Promise<void> {
    const found = text(await node.socket.call(['GET', LOCK_KEY], 'reading the lock'));
    const dead = isAbandoned(found, this.#operation) || found === inherited ? found : '';
    const askedMs = Date.now();
    // From here on it may be ours, whatever becomes of the answer.
    this.#nodes.push(node);
    const held = await node.socket.call(['EVAL', TAKE, 1, LOCK_KEY, dead, this.token, LEASE_MS], 'taking the lock');
    if (text(held) !== 'OK') throw lockedBy(node, text(held));
    this.#count(node, askedMs + LEASE_MS);
  }

  /** Resolves when no renewal is under way, so that `writes` and the servers' counters speak of the same moment. */
  async settled(): Promise<void> {
    await this.#renewing;
  }

  /**
   * For servers that are about to take no writes, renewals included: makes their lease last that long, then leaves them out of the renewals
   * until `resume`. Called before a fence is raised, when they still take writes.
   * @param forMs how long they may be kept so, in milliseconds; beyond it the lock counts as lost
   */
  async hold(runIds: readonly string[], forMs: number): Promise<void> {
    const nodes = this.#nodes.filter(({runId}) => runIds.includes(runId));
    // First of all, so that no renewal can be on its way when the fence goes up.
    for (const {runId} of nodes) this.#held.add(runId);
    await this.#renewing;
    await this.#extend(nodes, forMs + LEASE_MS);
    this.assertHeld();
  }

  /** They take writes again: back to the short lease, and to the renewals. */
  async resume(runIds: readonly string[]): Promise<void> {
    const nodes = this.#nodes.filter(({runId}) => runIds.includes(runId) && this.#held.has(runId));
    await this.#extend(nodes, LEASE_MS);
    for (const {runId} of nodes) this.#held.delete(runId);
    this.assertHeld();
  }

  /** False once the lease was lost. */
  get isHeld(): boolean {
    try {
      this.assertHeld();
      return true;
    } catch {
      return false;
    }
  }

  /** @throws RtopoError when the lease was lost: somebody else may be acting */
  assertHeld(): void {
    // A process that was stopped for long does not hear of it from its timers before it acts again.
    const late = this.#nodes.find(({runId}) => Date.now() > (this.#untilMs.get(runId) ?? 0));
    if (late !== undefined) this.#lost ??= lost(late);
    if (this.#lost !== null) throw this.#lost;
  }

  /** Gives the lock back where it is still ours, and ends its connections. Never throws: the lease ends by itself. A fence is to be lifted before. */
  async release(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.allSettled(this.#nodes.map(({socket}) => socket.call(['EVAL', RELEASE, 1, LOCK_KEY, this.token])));
    for (const {socket} of this.#nodes) socket.close();
  }

  #renew(): Promise<void> {
    return this.#extend(
      this.#nodes.filter(({runId}) => !this.#held.has(runId)),
      LEASE_MS,
    );
  }

  async #extend(nodes: readonly Lockable[], leaseMs: number): Promise<void> {
    const askedMs = Date.now();
    await Promise.all(
      nodes.map(async (node) => {
        try {
          const renewed = await node.socket.call(
            ['EVAL', RENEW, 1, LOCK_KEY, this.token, leaseMs],
            'renewing the lock',
          );
          if (renewed === 1) this.#count(node, askedMs + leaseMs);
          else this.#lost ??= lost(node);
        } catch (error) {
          this.#lost ??= error instanceof RtopoError ? error : lost(node);
        }
      }),
    );
  }

  #count({runId}: Lockable, untilMs: number): void {
    this.writes.set(runId, (this.writes.get(runId) ?? 0) + 1);
    this.#untilMs.set(runId, untilMs);
  }
}

/**
 * Who holds the lock of a node, in words.
 * @param nowMs for its age; by our clock, and that of another host may be another one
 */
export function describeHolder(value: string, nowMs: number | null = null): string {
  try {
    const {op, user, host, pid, started} = JSON.parse(value) as Record<string, unknown>;
    const age = nowMs === null ? Number.NaN : Math.max(0, Math.round((nowMs - Date.parse(String(started))) / 1000));
    const since = `since ${started}${Number.isNaN(age) ? '' : `, ${age} s ago`}`;
    return escapeText(`operation ${op} of ${user} on ${host} (process ${pid}, ${since})`);
  } catch {
    return 'somebody (the lock is not readable)';
  }
}

function lockedBy({socket}: Lockable, holder: string): RtopoError {
  return refusal({
    code: 'LOCKED',
    message: `${addressText(socket.address)} is locked by ${describeHolder(holder, Date.now())}. Two operators must not work on it at once.`,
    remedy: 'wait for it to end; when its process is dead, its lock ends by itself within 60 s',
  });
}

function lost(node: Lockable | undefined): RtopoError {
  const where = node === undefined ? 'the servers' : addressText(node.socket.address);
  return new RtopoError({
    code: 'LOCK_LOST',
    exit: ExitCode.incomplete,
    message: `The lock on ${where} was lost: this process was stopped for too long, or somebody removed it.`,
  });
}

/** The same operation, by a process of this host that is no more. On other hosts only the end of the lease tells. */
export function isAbandoned(held: string, operation: string): boolean {
  try {
    const {op, host, pid} = JSON.parse(held) as Record<string, unknown>;
    if (op !== operation || host !== hostname() || typeof pid !== 'number') return false;
    return pid === process.pid || isAlive({host, pid}) === false;
  } catch {
    return false;
  }
}

/** Null for a process of another host. A number may be given again: true means that some process has it. */
export function isAlive({host, pid}: {readonly host: string; readonly pid: number}): boolean | null {
  if (host !== hostname()) return null;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function text(reply: RespReply): string {
  if (reply === null) return '';
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
