/**
 * Many servers at once: each on its own connection, each with its own deadline, so that a slow or dead one delays nobody else.
 */
import {RtopoError} from '../errors.js';
import {Connection, type Endpoint} from './connect.js';
import {readRole, readServerFacts, type ServerFacts} from './identity.js';
import {parseInfo} from './info.js';

/** What one server said, or why it said nothing. `atMs` is the moment of its answer, in epoch milliseconds. */
export type Observed =
  | {readonly reachable: true; readonly atMs: number; readonly facts: ServerFacts}
  | {readonly reachable: false; readonly atMs: number; readonly fault: RtopoError};

/** ROLE and INFO of one open connection. */
export async function readFacts(connection: Connection): Promise<ServerFacts> {
  const [role, info] = await Promise.all([connection.call('ROLE'), connection.call('INFO')]);
  return readServerFacts(readRole(role), parseInfo(String(info)));
}

/** Asks one server who it is; never throws for what is wrong with the server. */
export async function observe(endpoint: Endpoint, timeoutMs: number): Promise<Observed> {
  let connection: Connection | null = null;
  try {
    connection = await Connection.open(endpoint, timeoutMs);
    const facts = await readFacts(connection);
    return {reachable: true, atMs: Date.now(), facts};
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    return {reachable: false, atMs: Date.now(), fault: error};
  } finally {
    connection?.close();
  }
}

/** Asks all at once. The result has the order of `endpoints`. */
export function observeAll(endpoints: readonly Endpoint[], timeoutMs: number): Promise<Observed[]> {
  return Promise.all(endpoints.map((endpoint) => observe(endpoint, timeoutMs)));
}
