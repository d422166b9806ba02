/**
 * Control connections. The only file that knows ioredis; each of its options that matters is spelled out,
 * because its defaults re-send commands after a lost reply and wait 73 s for a dead port.
 */
import {readFile} from 'node:fs/promises';
import {isIP} from 'node:net';
import {Redis, type RedisOptions} from 'ioredis';
import {ExitCode, RtopoError} from '../errors.js';
import {type Address, type Auth, type Instance, isSocket, type Tls} from '../topology/types.js';
import {type Credentials, resolveCredentials} from './credentials.js';
import {networkFault, replyFault, timeoutFault} from './faults.js';

export type Reply = string | number | null | Reply[];
export type Argument = string | number | Buffer;

/** What is needed to dial one server. */
export interface Endpoint {
  readonly address: Address;
  readonly tls: Tls | null;
  readonly auth: Auth | null;
}

/** TLS material, read from its files. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly minVersion: 'TLSv1.2';
  readonly rejectUnauthorized: true;
}

export function endpointOf(instance: Instance): Endpoint {
  return {address: instance.address, tls: instance.tls, auth: instance.auth};
}

/** One open control connection. Every call has a deadline; a timed-out connection is closed, for its replies are out of step. */
export class Connection {
  readonly endpoint: Endpoint;
  readonly #client: Redis;
  readonly #timeoutMs: number;

  private constructor(endpoint: Endpoint, client: Redis, timeoutMs: number) {
    this.endpoint = endpoint;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Dials, logs in and names the connection.
   * @param timeoutMs limit for connecting and logging in together, and then for each call, in milliseconds
   * @param isNamed false: the login is one of replicas, which may not do that, and each refusal stands in the ACL log
   * @throws RtopoError with exit 5: refused, timed out, DNS, TLS, login; exit 78: no secret, no TLS file
   */
  static async open(endpoint: Endpoint, timeoutMs: number, isNamed = true): Promise<Connection> {
    const credentials = endpoint.auth === null ? null : await resolveCredentials(endpoint.auth);
    const options = await ioredisOptions(endpoint, timeoutMs);
    const deadline = performance.now() + timeoutMs;
    const client = new Redis(options);
    const lastError: {error: unknown} = {error: null};
    client.on('error', (error: unknown) => {
      lastError.error = error;
    });
    const connection = new Connection(endpoint, client, timeoutMs);
    try {
      await connection.#within('the connection', client.connect(), timeoutMs);
      await connection.#login(credentials, Math.max(1, deadline - performance.now()));
      if (isNamed) connection.#name();
      return connection;
    } catch (error) {
      client.disconnect(false);
      if (error instanceof RtopoError && error.code !== 'CONNECTION_LOST') throw withTlsHint(error, endpoint);
      const cause = lastError.error ?? error;
      const fault = cause instanceof RtopoError ? cause : networkFault(endpoint.address, cause, 'the connection');
      throw withTlsHint(fault, endpoint);
    }
  }

  get address(): Address {
    return this.endpoint.address;
  }

  /** The IP address at the other end, whatever name was dialled; null once the connection is closed. */
  get ip(): string | null {
    const {remoteAddress} = this.#client.stream ?? {};
    return remoteAddress === undefined ? null : remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
  }

  /** One command; bulk replies decoded as UTF-8. `timeoutMs` overrides the limit of the connection for slow commands. */
  async call(command: string, args: readonly Argument[] = [], timeoutMs: number = this.#timeoutMs): Promise<Reply> {
    return (await this.#within(command, this.#client.call(command, [...args]), timeoutMs)) as Reply;
  }

  /** Like `call`, but an error reply is null: for what a server may not know or not permit. Network failures still throw. */
  async attempt(command: string, args: readonly Argument[] = [], timeoutMs: number = this.#timeoutMs): Promise<Reply> {
    try {
      return await this.call(command, args, timeoutMs);
    } catch (error) {
      if (error instanceof RtopoError && error.details?.reply !== undefined) return null;
      throw error;
    }
  }

  close(): void {
    this.#client.disconnect(false);
  }

  async #login(credentials: Credentials | null, timeoutMs: number): Promise<void> {
    if (credentials !== null) {
      const args =
        credentials.username === null ? [credentials.password] : [credentials.username, credentials.password];
      await this.call('AUTH', args, timeoutMs);
    }
  }

  #name(): void {
    // Optional: an ACL may forbid it, and rtopo works without a name in CLIENT LIST.
    // Not awaited: it travels with the first real command.
    this.#client.call('CLIENT', ['SETNAME', 'rtopo']).catch(() => undefined);
  }

  async #within<T>(doing: string, work: Promise<T>, timeoutMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      // A shorter limit than that of the connection is what was left of it.
      const limitMs = Math.max(timeoutMs, this.#timeoutMs);
      timer = setTimeout(() => reject(timeoutFault(this.address, doing, limitMs)), timeoutMs);
    });
    try {
      return await Promise.race([work, deadline]);
    } catch (error) {
      if (error instanceof RtopoError) {
        work.catch(() => undefined);
        this.#client.disconnect(false);
        throw error;
      }
      throw this.#fault(error, {doing, timeoutMs});
    } finally {
      clearTimeout(timer);
    }
  }

  #fault(error: unknown, {doing, timeoutMs}: {doing: string; timeoutMs: number}): RtopoError {
    const {name, message} = error as Error;
    if (name === 'ReplyError')
      return replyFault(this.address, message, doing, this.endpoint.auth?.username ?? undefined);
    if (/timed out/i.test(message)) return timeoutFault(this.address, doing, timeoutMs);
    return networkFault(this.address, error, doing);
  }
}

/** A plain port waits in silence for the end of a line that a TLS handshake never brings, or closes the connection. */
function withTlsHint(fault: RtopoError, {tls}: Endpoint): RtopoError {
  const {code, exit, message, details} = fault;
  const silent = code === 'TIMEOUT' && details?.doing === 'the connection';
  if (tls === null || (code !== 'CONNECTION_LOST' && !silent)) return fault;
  const remedy =
    'if this port speaks no TLS, take `tls:` away in the topology file; else look at the log of the server';
  return new RtopoError({code, exit, message, remedy, ...(details === undefined ? {} : {details})});
}

/** Opens, hands over, always closes. */
export async function withConnection<T>(
  endpoint: Endpoint,
  timeoutMs: number,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.open(endpoint, timeoutMs);
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

async function ioredisOptions(endpoint: Endpoint, timeoutMs: number): Promise<RedisOptions & {replyMapping: 'legacy'}> {
  const {address} = endpoint;
  return {
    ...(isSocket(address) ? {path: address.host} : {host: address.host, port: address.port}),
    ...(endpoint.tls === null ? {} : {tls: await tlsMaterial(endpoint.tls, address)}),
    lazyConnect: true,
    // A lost reply means "unknown": nothing is ever re-sent behind our back.
    retryStrategy: () => null,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    reconnectOnError: null,
    // The ready check prints to the console when INFO is not permitted; LOADING is judged by us.
    enableReadyCheck: false,
    protocol: 2,
    replyMapping: 'legacy',
    disableClientInfo: true,
    connectTimeout: timeoutMs,
    // How long a server that does not answer may keep the process alive after everything is said.
    disconnectTimeout: 100,
    keepAlive: 10_000,
    noDelay: true,
    family: 0,
    db: 0,
  };
}

/** Reads the files of `tls` and decides the name that is verified and sent as SNI (Node sends none by itself for `host`). */
export async function tlsMaterial(tls: Tls, address: Address): Promise<TlsMaterial> {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    throw new RtopoError({
      code: 'TLS_UNVERIFIED',
      exit: ExitCode.usage,
      message:
        'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the verification of certificates; rtopo does not connect that way.',
      remedy: 'unset NODE_TLS_REJECT_UNAUTHORIZED and give the CA with `tls: {ca: ca.pem}`',
    });
  }
  const servername = tls.serverName ?? (isIP(address.host) === 0 ? address.host : null);
  return {
    ...(tls.ca === null ? {} : {ca: await readPem(tls.ca)}),
    ...(tls.cert === null ? {} : {cert: await readPem(tls.cert)}),
    ...(tls.key === null ? {} : {key: await readPem(tls.key)}),
    ...(servername === null ? {} : {servername}),
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
  };
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new RtopoError({
      code: 'TLS_FILE_UNREADABLE',
      exit: ExitCode.topology,
      message: `The TLS file ${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      remedy: `ls -l ${path}`,
    });
  }
}
