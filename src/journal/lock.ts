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

const LEASE_MS = 60_000;
const RENEW_MS = 10_000;

/** Takes the lock when it is free or held by the same operation: a resumed run replaces the token of the one that died. */
const TAKE = `local held = redis.call('GET', KEYS[1])
if held then
  local ok, value = pcall(cjson.decode, held)
  if not ok or type(value) ~= 'table' or value.op ~= ARGV[1] then return held end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 'OK'`;

const RENEW = `if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
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
  readonly #nodes: Lockable[];
  /** Writes of the lock itself per run id, so that they are not taken for somebody else's. */
  readonly writes = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  #lost: RtopoError | null = null;

  private constructor(token: string, nodes: Lockable[]) {
    this.token = token;
    this.#nodes = nodes;
  }

  /** @throws RtopoError exit 3 `LOCKED`, naming who holds it; what was taken before is given back */
  static async take(operation: string, nodes: readonly Lockable[], nowMs: number): Promise<OperationLock> {
    const token = JSON.stringify({
      op: operation,
      nonce: randomBytes(8).toString('hex'),
      host: hostname(),
      user: userName(),
      pid: process.pid,
      started: new Date(nowMs).toISOString(),
    });
    const lock = new OperationLock(token, []);
    for (const node of [...nodes].sort((a, b) => (a.runId < b.runId ? -1 : 1))) {
      const held = await node.socket.call(['EVAL', TAKE, 1, LOCK_KEY, operation, token, LEASE_MS], 'taking the lock');
      if (text(held) !== 'OK') {
        await lock.release();
        throw lockedBy(node, text(held));
      }
      lock.#nodes.push(node);
      lock.#count(node);
    }
    lock.#timer = setInterval(() => void lock.#renew(), RENEW_MS);
    return lock;
  }

  /** @throws RtopoError when the lease was lost: somebody else may be acting */
  assertHeld(): void {
    if (this.#lost !== null) throw this.#lost;
  }

  /** Gives the lock back where it is still ours, and ends its connections. Never throws: the lease ends by itself. */
  async release(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await Promise.allSettled(this.#nodes.map(({socket}) => socket.call(['EVAL', RELEASE, 1, LOCK_KEY, this.token])));
    for (const {socket} of this.#nodes) socket.close();
  }

  async #renew(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async (node) => {
        try {
          const renewed = await node.socket.call(
            ['EVAL', RENEW, 1, LOCK_KEY, this.token, LEASE_MS],
            'renewing the lock',
          );
          if (renewed === 1) this.#count(node);
          else this.#lost ??= lost(node);
        } catch (error) {
          this.#lost ??= error instanceof RtopoError ? error : lost(node);
        }
      }),
    );
  }

  #count({runId}: Lockable): void {
    this.writes.set(runId, (this.writes.get(runId) ?? 0) + 1);
  }
}

/** Who holds the lock of a node, in words; null when nobody does. */
export function describeHolder(value: string): string {
  try {
    const {op, user, host, pid, started} = JSON.parse(value) as Record<string, unknown>;
    return escapeText(`operation ${op} of ${user} on ${host} (process ${pid}, since ${started})`);
  } catch {
    return 'somebody (the lock is not readable)';
  }
}

function lockedBy({socket}: Lockable, holder: string): RtopoError {
  return refusal({
    code: 'LOCKED',
    message: `${addressText(socket.address)} is locked by ${describeHolder(holder)}. Two operators must not move keys at once.`,
    remedy: 'wait for it to end; when its process is dead, its lock ends by itself within 60 s',
  });
}

function lost({socket}: Lockable): RtopoError {
  return new RtopoError({
    code: 'LOCK_LOST',
    exit: ExitCode.incomplete,
    message: `The lock on ${addressText(socket.address)} was lost: this process was stopped for too long, or somebody removed it.`,
    remedy: 'rtopo rebalance resume',
  });
}

function text(reply: RespReply): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
