/** One server of a test, and the ways to break it: kill, restart (also empty), pause. */
import {readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {
  freePort,
  makeDir,
  type Running,
  removeDir,
  StartError,
  serverProgram,
  serverVersion,
  startProcess,
} from './processes.js';
import {connectRaw, lazyRaw, type Raw, type RawOptions} from './raw.js';
import {withDeadline} from './wait.js';

export interface Where {
  readonly port: number;
  readonly dir: string;
}

export interface ServerSpec {
  readonly name?: string;
  /** What runs: `valkey-server`, or any other that takes the same arguments. Default: the server under test. */
  readonly program?: string;
  /** More command line arguments, after the rig's own. */
  readonly args?: readonly string[] | ((where: Where) => readonly string[]);
  /** Lines of a redis.conf; the server then starts from that file, so that CONFIG REWRITE works. */
  readonly config?: string | ((where: Where) => string);
  /** How `raw` and `connect` log in: the arguments of AUTH. */
  readonly auth?: readonly string[];
  /** More environment of the process: a preloaded library. */
  readonly env?: Readonly<Record<string, string>>;
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

const startTimeoutMs = 15_000;

/** What makes tests fast and repeatable; the same on the command line and in a file. */
function baseSettings(where: Where, program: string): [string, string][] {
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
  if (Number.parseInt(serverVersion(program), 10) >= 7) settings.push(['enable-debug-command', 'local']);
  return settings;
}

export class RigServer implements Server {
  readonly host = '127.0.0.1';
  readonly name: string;
  readonly raw: Raw;
  readonly dir = makeDir();
  readonly #spec: ServerSpec;
  readonly #program: string;
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
    this.#program = spec.program ?? serverProgram();
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
    const base = baseSettings(this, this.#program).map(([name, value]) => `${name} ${quote(value)}`);
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
        ? baseSettings(this, this.#program).flatMap(([name, value]) => [`--${name}`, value])
        : [join(this.dir, 'redis.conf')];
    const own = typeof this.#args === 'function' ? this.#args(this) : (this.#args ?? []);
    this.#running = await startProcess([...base, ...own], {
      dir: this.dir,
      program: this.#program,
      timeoutMs: startTimeoutMs,
      ...(this.#spec.env === undefined ? {} : {env: this.#spec.env}),
      onLog: (text) => {
        this.#log = (this.#log + text).slice(-500_000);
      },
    });
    this.#pid = this.#running.pid;
  }
}
