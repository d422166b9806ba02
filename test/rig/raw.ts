/**
 * An independent RESP2 client for tests: its own bytes on its own socket, nothing from `src/`.
 * What the product believes about a server is checked against what this client reads.
 */
import {connect as netConnect, type Socket} from 'node:net';
import {type Arg, Decoder, encode, RawError, type Reply} from './resp.js';

export {type Arg, RawError, type Reply} from './resp.js';

export interface RawOptions {
  readonly host?: string;
  readonly port: number;
  /** Arguments of AUTH, when the server wants a login. */
  readonly auth?: readonly string[];
  readonly db?: number;
  /** For connecting, and for every command or pipeline. */
  readonly timeoutMs?: number;
}

export interface Raw {
  /** One command; an error reply rejects. */
  cmd(...args: Arg[]): Promise<Reply>;
  /** Many commands in one write; error replies are elements, they do not reject. */
  pipeline(commands: readonly (readonly Arg[])[]): Promise<Reply[]>;
  /** One command, its reply as UTF-8 text. */
  text(...args: Arg[]): Promise<string>;
  /** INFO as a map; one section or the default ones. */
  info(section?: string): Promise<Record<string, string>>;
  select(db: number): Promise<void>;
  close(): void;
}

interface Waiting {
  readonly count: number;
  readonly replies: Reply[];
  resolve(replies: Reply[]): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

class Connection implements Raw {
  readonly #socket: Socket;
  readonly #decoder = new Decoder();
  readonly #waiting: Waiting[] = [];
  readonly #where: string;
  readonly #timeoutMs: number;
  #dead: Error | null = null;

  constructor(socket: Socket, where: string, timeoutMs: number) {
    this.#socket = socket;
    this.#where = where;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => this.#die(error));
    socket.on('close', () => this.#die(new Error(`${where} closed the connection`)));
  }

  get closed(): boolean {
    return this.#dead !== null;
  }

  async cmd(...args: Arg[]): Promise<Reply> {
    const [reply] = await this.pipeline([args]);
    if (reply instanceof RawError) throw new RawError(`${this.#where} ${String(args[0])}: ${reply.message}`);
    return reply!;
  }

  pipeline(commands: readonly (readonly Arg[])[]): Promise<Reply[]> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    if (commands.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#die(new Error(`${this.#where} did not answer ${String(commands[0]![0])} within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      this.#waiting.push({count: commands.length, replies: [], resolve, reject, timer});
      this.#socket.write(Buffer.concat(commands.map(encode)));
    });
  }

  async text(...args: Arg[]): Promise<string> {
    return String(await this.cmd(...args));
  }

  async info(section?: string): Promise<Record<string, string>> {
    const text = await (section === undefined ? this.text('INFO') : this.text('INFO', section));
    const lines = text.split('\r\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  }

  async select(db: number): Promise<void> {
    await this.cmd('SELECT', db);
  }

  close(): void {
    this.#die(new Error(`the connection to ${this.#where} was closed by the test`));
  }

  #read(chunk: Buffer): void {
    let replies: Reply[];
    try {
      replies = this.#decoder.push(chunk);
    } catch (error) {
      this.#die(error as Error);
      return;
    }
    for (const reply of replies) {
      const first = this.#waiting[0];
      if (first === undefined) return;
      first.replies.push(reply);
      if (first.replies.length < first.count) continue;
      this.#waiting.shift();
      clearTimeout(first.timer);
      first.resolve(first.replies);
    }
  }

  #die(error: Error): void {
    if (this.#dead !== null) return;
    this.#dead = error;
    this.#socket.destroy();
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(error);
    }
  }
}

/** A connection that stays closed once it is closed. */
export async function connectRaw(options: RawOptions): Promise<Raw & {readonly closed: boolean}> {
  const {host = '127.0.0.1', port, timeoutMs = 10_000} = options;
  const socket = netConnect({host, port, noDelay: true});
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error(`${host}:${port} took over ${timeoutMs} ms to accept`)), timeoutMs);
    socket.once('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve();
    });
  });
  const connection = new Connection(socket, `${host}:${port}`, timeoutMs);
  try {
    if (options.auth !== undefined) await connection.cmd('AUTH', ...options.auth);
    if (options.db !== undefined && options.db !== 0) await connection.select(options.db);
  } catch (error) {
    connection.close();
    throw error;
  }
  return connection;
}

/** A client that dials at first use and again after its connection was lost; it forgets a `select` when that happens. */
export function lazyRaw(options: () => RawOptions): Raw {
  let current: (Raw & {readonly closed: boolean}) | null = null;
  let dialling: Promise<Raw> | null = null;
  const dial = async (): Promise<Raw> => {
    try {
      current = await connectRaw(options());
      return current;
    } finally {
      dialling = null;
    }
  };
  const live = (): Promise<Raw> => {
    if (current !== null && !current.closed) return Promise.resolve(current);
    dialling ??= dial();
    return dialling;
  };
  return {
    cmd: async (...args) => (await live()).cmd(...args),
    pipeline: async (commands) => (await live()).pipeline(commands),
    text: async (...args) => (await live()).text(...args),
    info: async (section) => (await live()).info(section),
    select: async (db) => (await live()).select(db),
    close: () => {
      current?.close();
      dialling?.then(
        (raw) => raw.close(),
        () => undefined,
      );
    },
  };
}
