/**
 * `withServers`: real servers for one test. Started, used, and gone when the test ends, however it ends.
 * The ways to break them are here too: kill, restart (also empty), pause.
 */
import {readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {
  freePort,
  lastLines,
  makeDir,
  type Running,
  removeDir,
  StartError,
  serverVersion,
  startProcess,
} from './processes.js';
import {connectRaw, lazyRaw, type Raw, type RawOptions} from './raw.js';
import {until, withDeadline} from './wait.js';

export interface Where {
  readonly port: number;
  readonly dir: string;
}

export interface ServerSpec {
  readonly name?: string;
  /** More command line arguments, after the rig's own. */
  readonly args?: readonly string[] | ((where: Where) => readonly string[]);
  /** Lines of a redis.conf; the server then starts from that file, so that CONFIG REWRITE works. */
  readonly config?: string | ((where: Where) => string);
  /** How `raw` and `connect` log in: the arguments of AUTH. */
  readonly auth?: readonly string[];
}

export interface Server {
  readonly name: string;
  readonly host: '127.0.0.1';
  readonly port: number;
  /** `127.0.0.1:port` */
  readonly address: string;
  readonly dir: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** A client that is there for the whole test; dials again after a restart. */
  readonly raw: Raw;
  /** A connection of its own, which stays closed when the server closes it. */
  connect(options?: Omit<RawOptions, 'port' | 'host'>): Promise<Raw>;
  /** Everything the server logged, over all restarts. */
  log(): string;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** The same port and directory; `empty` removes the data first, `args` replaces the spec's arguments. */
  restart(options?: {readonly empty?: boolean; readonly args?: readonly string[]}): Promise<void>;
  /** SIGSTOP: connections are accepted by the system, nothing is answered. */
  pause(): void;
  /** SIGCONT */
  resume(): void;
}

export interface Rig {
  /** A directory of this test, removed at its end: home of the CLI, topology files. */
  readonly dir: string;
  /** One more server. */
  start(spec?: ServerSpec): Promise<Server>;
  /** REPLICAOF, and wait until the link is up and the first sync is over. */
  replicate(replica: Server, master: Server): Promise<void>;
  /** Waits until the replicas have all that the master has written. */
  caughtUp(master: Server, ...replicas: Server[]): Promise<void>;
  until<T>(what: string, check: () => T | Promise<T>, timeoutMs?: number): Promise<NonNullable<T>>;
  /** An address at which nobody listens. */
  deadAddress(): Promise<string>;
  /** Run at the end, last first, also after a failure. */
  defer(cleanup: () => unknown): void;
}

const startTimeoutMs = 15_000;

/** What makes tests fast and repeatable; the same on the command line and in a file. */
function baseSettings(where: Where): [string, string][] {
  const settings: [string, string][] = [
    ['port', String(where.port)],
    ['bind', '127.0.0.1'],
    ['dir', where.dir],
    ['save', ''],
    ['appendonly', 'no'],
    ['hz', '50'],
    ['repl-diskless-sync-delay', '0'],
    ['repl-ping-replica-period', '1'],
  ];
  if (Number.parseInt(serverVersion(), 10) >= 7) settings.push(['enable-debug-command', 'local']);
  return settings;
}

class RigServer implements Server {
  readonly host = '127.0.0.1';
  readonly name: string;
  readonly raw: Raw;
  readonly dir = makeDir();
  readonly #spec: ServerSpec;
  readonly #connections: Raw[] = [];
  #args: ServerSpec['args'];
  #running: Running | null = null;
  /** The launch under way, so that `dispose` cannot miss a process that is just being born. */
  #launching: Promise<void> | null = null;
  #disposed = false;
  #pid = 0;
  #port = 0;
  #log = '';

  constructor(spec: ServerSpec, index: number) {
    this.#spec = spec;
    this.#args = spec.args;
    this.name = spec.name ?? `server ${index}`;
    this.raw = lazyRaw(() => this.#dial());
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    return this.#pid;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** The first start finds the port: another process may take it between the probe and the bind. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await freePort();
      if (this.#spec.config !== undefined) this.#writeConfig(this.#spec.config);
      try {
        return await this.#launch();
      } catch (error) {
        if (attempt >= 8 || this.#disposed || !(error instanceof StartError && error.portInUse)) throw error;
      }
    }
  }

  async connect(options: Omit<RawOptions, 'port' | 'host'> = {}): Promise<Raw> {
    const raw = await connectRaw({...this.#dial(), ...options});
    this.#connections.push(raw);
    return raw;
  }

  log(): string {
    return this.#log;
  }

  async kill(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    running.child.kill('SIGKILL');
    await withDeadline(`end of ${this.name}`, 10_000, () => running.ended);
    this.#running = null;
  }

  async restart(options: {readonly empty?: boolean; readonly args?: readonly string[]} = {}): Promise<void> {
    await this.kill();
    this.raw.close();
    if (options.args !== undefined) this.#args = options.args;
    if (options.empty === true) {
      for (const name of readdirSync(this.dir)) {
        if (name !== 'redis.conf') rmSync(join(this.dir, name), {recursive: true, force: true});
      }
    }
    await this.#launch();
  }

  pause(): void {
    this.#running?.child.kill('SIGSTOP');
  }

  resume(): void {
    this.#running?.child.kill('SIGCONT');
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#launching?.catch(() => undefined);
    this.raw.close();
    for (const raw of this.#connections) raw.close();
    await this.kill();
    removeDir(this.dir);
  }

  #dial(): RawOptions {
    return {host: this.host, port: this.port, ...(this.#spec.auth === undefined ? {} : {auth: this.#spec.auth})};
  }

  #writeConfig(config: string | ((where: Where) => string)): void {
    const quote = (value: string) => (value === '' || value.includes(' ') ? `"${value}"` : value);
    const base = baseSettings(this).map(([name, value]) => `${name} ${quote(value)}`);
    const own = typeof config === 'function' ? config(this) : config;
    writeFileSync(join(this.dir, 'redis.conf'), `${base.join('\n')}\n${own}\n`);
  }

  #launch(): Promise<void> {
    this.#launching = this.#launchNow();
    return this.#launching;
  }

  async #launchNow(): Promise<void> {
    if (this.#disposed) throw new Error(`${this.name}: the test that wanted it is over`);
    const base =
      this.#spec.config === undefined
        ? baseSettings(this).flatMap(([name, value]) => [`--${name}`, value])
        : [join(this.dir, 'redis.conf')];
    const own = typeof this.#args === 'function' ? this.#args(this) : (this.#args ?? []);
    this.#running = await startProcess([...base, ...own], {
      dir: this.dir,
      timeoutMs: startTimeoutMs,
      onLog: (text) => {
        this.#log = (this.#log + text).slice(-500_000);
      },
    });
    this.#pid = this.#running.pid;
  }
}

async function replicate(replica: Server, master: Server): Promise<void> {
  await replica.raw.cmd('REPLICAOF', master.host, master.port);
  await until(`the link of ${replica.name} to ${master.name}`, async () => {
    const info = await replica.raw.info('replication');
    return info.master_link_status === 'up' && info.master_sync_in_progress === '0';
  });
}

async function caughtUp(master: Server, ...replicas: Server[]): Promise<void> {
  const offset = Number((await master.raw.info('replication')).master_repl_offset);
  for (const replica of replicas) {
    await until(`${replica.name} at offset ${offset} of ${master.name}`, async () => {
      const info = await replica.raw.info('replication');
      return info.master_link_status === 'up' && Number(info.slave_repl_offset) >= offset;
    });
  }
}

/** Starts the servers in parallel, runs `body`, and leaves nothing behind. The result is that of `body`. */
export async function withServers<T>(
  wanted: number | readonly ServerSpec[],
  body: (servers: readonly Server[], rig: Rig) => Promise<T>,
  options: {readonly timeoutMs?: number} = {},
): Promise<T> {
  const specs = typeof wanted === 'number' ? Array.from({length: wanted}, (): ServerSpec => ({})) : wanted;
  const servers: RigServer[] = [];
  const cleanups: (() => unknown)[] = [];
  let over = false;
  const start = async (spec: ServerSpec = {}): Promise<Server> => {
    if (over) throw new Error('the test that asked for this server is over');
    const server = new RigServer(spec, servers.length);
    servers.push(server);
    await server.start();
    return server;
  };
  const dir = makeDir('rtopo-test-');
  const deadAddress = async () => `127.0.0.1:${await freePort()}`;
  const rig: Rig = {dir, start, replicate, caughtUp, until, deadAddress, defer: (cleanup) => cleanups.push(cleanup)};
  try {
    return await withDeadline(`test with ${specs.length} servers`, options.timeoutMs ?? 60_000, async () => {
      const results = await Promise.allSettled(specs.map(start));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      return body([...servers], rig);
    });
  } catch (error) {
    for (const server of servers)
      console.error(`--- ${server.name} (${server.address})\n${lastLines(server.log(), 8)}`);
    throw error;
  } finally {
    over = true;
    await tidy(cleanups, servers);
    removeDir(dir);
  }
}

/** Everything is ended, whatever fails on the way; what failed is said. */
async function tidy(cleanups: readonly (() => unknown)[], servers: readonly RigServer[]): Promise<void> {
  const faults: unknown[] = [];
  for (const cleanup of [...cleanups].reverse()) {
    await withDeadline('a cleanup of the test', 20_000, async () => cleanup()).catch((error) => faults.push(error));
  }
  const ends = await Promise.allSettled(servers.map((server) => server.dispose()));
  for (const end of ends) if (end.status === 'rejected') faults.push(end.reason);
  for (const fault of faults) console.error('--- while tidying up:', fault);
}
