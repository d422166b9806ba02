/**
 * Real server processes of the tests: started, watched, and killed by pid whatever happens to the test.
 * Every process and directory is registered before it exists for others, and forgotten after it is gone.
 */
import {type ChildProcess, execFileSync, spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const running = new Set<ChildProcess>();
const directories = new Set<string>();
let watching = false;

function watchExit(): void {
  if (watching) return;
  watching = true;
  process.on('exit', killEverything);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killEverything();
      process.kill(process.pid, signal);
    });
  }
}

function killEverything(): void {
  for (const child of running) child.kill('SIGKILL');
  for (const dir of directories) rmSync(dir, {recursive: true, force: true});
}

/** How many server processes of this test process are alive now. */
export function runningProcesses(): number {
  return running.size;
}

/** A fresh directory, removed by `removeDir` or at the latest when the process ends. */
export function makeDir(prefix = 'rtopo-rig-'): string {
  watchExit();
  const dir = mkdtempSync(join(tmpdir(), prefix));
  directories.add(dir);
  return dir;
}

export function removeDir(dir: string): void {
  rmSync(dir, {recursive: true, force: true, maxRetries: 3});
  directories.delete(dir);
}

/** The server under test: redis-server, or what `RTOPO_TEST_SERVER` names. */
export function serverProgram(): string {
  return process.env.RTOPO_TEST_SERVER ?? 'redis-server';
}

const versions = new Map<string, string>();

/** `7.0.15`, as the program itself says. */
export function serverVersion(program = serverProgram()): string {
  let version = versions.get(program);
  if (version === undefined) {
    const text = execFileSync(program, ['--version'], {encoding: 'utf8', timeout: 10_000});
    version = /\bv=(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? '0.0.0';
    versions.set(program, version);
  }
  return version;
}

/**
 * A port that nobody listens at, below the range from which the system gives ports to outgoing connections:
 * a server that is down for a moment finds its port free again.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen({host: '127.0.0.1', port, exclusive: true}, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('found no free port between 20000 and 31999 in 200 attempts');
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
}

export class StartError extends Error {
  override readonly name = 'StartError';
  readonly portInUse: boolean;
  constructor(message: string, log: string) {
    super(`${message}${log === '' ? '' : `; its log ends:\n${lastLines(log, 12)}`}`);
    this.portInUse = /Address already in use|port is already in use/i.test(log);
  }
}

/** Starts a server and resolves when it says that it is ready; rejects when it ends before, or is late. */
export async function startProcess(
  args: readonly string[],
  options: {
    readonly dir: string;
    readonly timeoutMs: number;
    onLog(text: string): void;
    /** Another program than the server under test, and what it says when it is ready; null: nothing, so it is as soon as it runs. */
    readonly program?: string;
    readonly ready?: RegExp | null;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Running> {
  watchExit();
  const {program = serverProgram(), ready = /ready to accept connections/i} = options;
  const env = {...process.env, ...options.env};
  const child = spawn(program, [...args], {cwd: options.dir, env, stdio: ['ignore', 'pipe', 'pipe']});
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      running.delete(child);
      resolve();
    });
  });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (message: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new StartError(message, log));
    };
    const timer = setTimeout(() => fail(`${program} was not ready within ${options.timeoutMs} ms`), options.timeoutMs);
    const listen = (chunk: string) => {
      options.onLog(chunk);
      if (log.length > 200_000) return;
      log += chunk;
      if (ready === null || !ready.test(log)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout!.setEncoding('utf8').on('data', listen);
    child.stderr!.setEncoding('utf8').on('data', listen);
    if (ready === null)
      child.once('spawn', () => {
        clearTimeout(timer);
        resolve();
      });
    child.once('error', (error) => fail(`${program} cannot be started: ${error.message}`));
    child.once('close', (code, signal) => fail(`${program} ended before it was ready (${signal ?? `exit ${code}`})`));
  });
  return {pid: child.pid!, child, ended};
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
