/**
 * The operation lock while masters change. It lives on whichever server of a shard leads: taken on the old master, it travels to the
 * new one with the data, and is taken over there after the promotion. Between the two nobody leads, and nobody else can lock either.
 */
import {refusal} from '../errors.js';
import {describeHolder, LOCK_KEY, OperationLock} from '../journal/lock.js';
import {endpointOf} from '../redis/connect.js';
import {infoText, parseInfo} from '../redis/info.js';
import {RespSocket} from '../redis/resp/socket.js';
import {addressText, type Instance} from '../topology/types.js';

/** The server that a lock is about to be written to. */
export interface Seen {
  readonly runId: string;
  readonly isMaster: boolean;
}

export class ShardLocks {
  readonly #operation: string;
  readonly #timeoutMs: number;
  readonly #held = new Map<string, OperationLock>();

  /** `timeoutMs` must be longer than writes are held off: the renewal waits as long as they do. */
  constructor(operation: string, timeoutMs: number) {
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Locks the shard on this server, which leads. One that was held for it elsewhere is given up.
   * @param inherited see `OperationLock.take`
   * @param assertLeads throws when nothing must be written to this server; asked over the connection that writes
   * @throws RtopoError exit 3 `LOCKED`
   */
  async take(
    shard: string,
    leader: Instance,
    inherited: string | null = null,
    assertLeads: (seen: Seen) => void = () => undefined,
  ): Promise<void> {
    const socket = await RespSocket.open(endpointOf(leader), this.#timeoutMs);
    try {
      const info = parseInfo(String(await socket.call(['INFO'])));
      const runId = infoText(info, 'run_id') ?? '';
      assertLeads({runId, isMaster: infoText(info, 'role') === 'master'});
      const lock = await OperationLock.take(this.#operation, [{runId, socket}], Date.now(), inherited);
      const former = this.#held.get(shard);
      this.#held.set(shard, lock);
      await former?.release();
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** Where nobody leads the lock can be read and not taken. @throws RtopoError exit 3 `LOCKED` when it is somebody else's */
  async assertNotForeign(server: Instance): Promise<void> {
    const socket = await RespSocket.open(endpointOf(server), this.#timeoutMs);
    try {
      const held = await socket.call(['GET', LOCK_KEY]);
      const text = held === null ? '' : String(held);
      if (text === '' || text.includes(`"op":"${this.#operation}"`)) return;
      throw refusal({
        code: 'LOCKED',
        message: `${addressText(server.address)} is locked by ${describeHolder(text, Date.now())}.`,
        remedy: 'wait for it to end; when its process is dead, its lock ends by itself within 60 s',
      });
    } finally {
      socket.close();
    }
  }

  /** @throws RtopoError exit 4 when one of the locks was lost */
  assertHeld(): void {
    for (const lock of this.#held.values()) lock.assertHeld();
  }

  /** Null: none was taken. @throws RtopoError when it was lost */
  assertHeldFor(shard: string): true | null {
    const lock = this.#held.get(shard);
    if (lock === undefined) return null;
    lock.assertHeld();
    return true;
  }

  /** Never throws. */
  async release(): Promise<void> {
    await Promise.all([...this.#held.values()].map((lock) => lock.release()));
    this.#held.clear();
  }
}
