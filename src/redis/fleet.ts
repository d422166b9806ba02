/**
 * Many servers at once: each on its own connection, each with its own deadline, so that a slow or dead one delays nobody else.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {Connection, type Endpoint} from './connect.js';
import {resolveCredentials} from './credentials.js';
import {greetingFault} from './greeting.js';
import {isForged, readRole, readServerFacts, roleOfInfo, type ServerFacts} from './identity.js';
import {infoRoleOrders, parseInfo, type RoleOrders} from './info.js';

/**
 * What one server said, or why it said nothing. `atMs` is the moment of its answer, in epoch milliseconds;
 * `ip` is where its declared address led, by which other servers may know it.
 */
export type Observed =
  | {
      readonly reachable: true;
      readonly atMs: number;
      readonly ip: string | null;
      readonly facts: ServerFacts;
      /** Null or absent: it does not say. */
      readonly orders?: RoleOrders | null;
      /** Commands that it refused to this login, so that something is not known. */
      readonly refused?: readonly string[];
    }
  | {readonly reachable: false; readonly atMs: number; readonly fault: RtopoError};

/** ROLE and INFO of one open connection. */
export async function readFacts(connection: Connection, timeoutMs?: number): Promise<ServerFacts> {
  const [role, info] = await Promise.all([
    connection.call('ROLE', [], timeoutMs),
    connection.call('INFO', [], timeoutMs),
  ]);
  return readServerFacts(readRole(role), parseInfo(String(info)), isForged(role));
}

/** The same with what only a report needs. A login that may not run ROLE is served from INFO, where forged lines show by their repetition. */
async function readAll(connection: Connection, timeoutMs: number) {
  const [role, info, stats] = await Promise.all([
    connection.attempt('ROLE', [], timeoutMs),
    connection.call('INFO', [], timeoutMs),
    connection.attempt('INFO', ['commandstats'], timeoutMs),
  ]);
  const text = parseInfo(String(info));
  return {
    facts: readServerFacts(role === null ? roleOfInfo(text) : readRole(role), text, isForged(role)),
    orders: stats === null ? null : infoRoleOrders(parseInfo(String(stats))),
    refused: role === null ? ['ROLE'] : [],
  };
}

/**
 * Asks one server who it is; never throws for what is wrong with the server.
 * @param timeoutMs limit for connecting, logging in and answering, all together
 * @throws RtopoError for what is wrong on this side: no secret, no TLS file
 */
export async function observe(endpoint: Endpoint, timeoutMs: number): Promise<Observed> {
  // A vault may be slow: its time is not the server's.
  if (endpoint.auth !== null) await resolveCredentials(endpoint.auth);
  const deadline = performance.now() + timeoutMs;
  let connection: Connection | null = null;
  try {
    connection = await Connection.open(endpoint, timeoutMs);
    const {ip} = connection;
    const answer = await readAll(connection, Math.max(1, Math.round(deadline - performance.now())));
    return {reachable: true, atMs: Date.now(), ip, ...answer};
  } catch (error) {
    if (!(error instanceof RtopoError) || isOurs(error)) throw error;
    return {reachable: false, atMs: Date.now(), fault: await withReason(error, endpoint)};
  } finally {
    connection?.close();
  }
}

/** A connection that was closed at once: a server that turns everybody away says why to those who listen first. */
async function withReason(fault: RtopoError, {address, tls}: Endpoint): Promise<RtopoError> {
  if (fault.code !== 'CONNECTION_LOST' || tls !== null) return fault;
  return (await greetingFault(address, 'the connection')) ?? fault;
}

function isOurs({exit}: RtopoError): boolean {
  return exit === ExitCode.topology || exit === ExitCode.usage;
}

/** Sockets at a time. Many enough that a rack of dead servers holds up nobody else, few enough for any limit on open files. */
const MOST_SOCKETS = 64;

/** Asks all at once, as far as `MOST_SOCKETS` goes. The result has the order of `endpoints`. */
export async function observeAll(endpoints: readonly Endpoint[], timeoutMs: number): Promise<Observed[]> {
  const answers: Observed[] = new Array(endpoints.length);
  let next = 0;
  const ask = async (): Promise<void> => {
    for (let i = next++; i < endpoints.length; i = next++) answers[i] = await observe(endpoints[i]!, timeoutMs);
  };
  await Promise.all(Array.from({length: Math.min(MOST_SOCKETS, endpoints.length)}, ask));
  return answers;
}
