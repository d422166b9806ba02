/** Does a server take writes? Asked with a write that changes nothing. */
import {randomBytes} from 'node:crypto';
import {RtopoError} from '../../errors.js';
import {RESERVED_PREFIX} from '../../journal/lock.js';
import {type Endpoint, withConnection} from '../../redis/connect.js';

/** `held`: no answer, as from a server under CLIENT PAUSE. `refused`: for the want of replicas. */
export type WriteFate = 'taken' | 'held' | 'refused';

/** So long an answer is waited for, and so many round trips. */
const WAIT_MS = 50;
const WAIT_ROUND_TRIPS = 5;

/**
 * A DEL of a key that never was, on a connection of its own that is closed at once. A server drops a held command with its connection; and should one
 * be carried out after all, it has no effect and is not handed on to replicas.
 */
export function probeWrites(endpoint: Endpoint, timeoutMs: number): Promise<WriteFate> {
  return withConnection(endpoint, timeoutMs, async (connection): Promise<WriteFate> => {
    const began = performance.now();
    await connection.call('PING');
    const waitMs = Math.ceil(Math.max(WAIT_MS, (performance.now() - began) * WAIT_ROUND_TRIPS));
    try {
      await connection.call('DEL', [`${RESERVED_PREFIX}probe:${randomBytes(8).toString('hex')}`], waitMs);
      return 'taken';
    } catch (error) {
      if (error instanceof RtopoError && error.code === 'TIMEOUT') return 'held';
      if (error instanceof RtopoError && error.code === 'NOREPLICAS') return 'refused';
      throw error;
    }
  });
}
