/**
 * The real command line as a child process: what a user's shell would see, and nothing of the tester's environment.
 * It runs the compiled `dist`; the test runner is not the place where that is built.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';
import {lastLines, makeDir, removeDir} from './processes.js';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));
export const binPath = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to standard input, which is then closed. Means `stdin: 'pipe'`. */
  readonly input?: string | Buffer;
  /** `closed` (default) is the null device; `pipe` stays open and empty unless there is `input`. */
  readonly stdin?: 'closed' | 'pipe';
  readonly timeoutMs?: number;
  /** Home of the state, kept; without it every run has a fresh one. Share it between a run and its resume. */
  readonly home?: string;
  /** Another program than `bin/run.js`, for tests of the rig. */
  readonly bin?: string;
}

export interface CliResult {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** The environment of a user who has set nothing: no CI, no colours asked for or refused, a home of its own. */
export function cleanEnv(home: string, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    HOME: home,
    TMPDIR: home,
    XDG_STATE_HOME: `${home}/state`,
    XDG_CACHE_HOME: `${home}/cache`,
    XDG_CONFIG_HOME: `${home}/config`,
    XDG_DATA_HOME: `${home}/data`,
    ...more,
  };
}

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves when standard output and error together match; rejects when it ends before. */
  printed(pattern: RegExp): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
  /** Never rejects because of the exit code; rejects when the time is over, and has killed it then. */
  readonly done: Promise<CliResult>;
}

/** Starts the command line and leaves it running: to interrupt it, to race it, to kill it. */
export function cliStart(args: readonly string[], options: CliOptions = {}): Started {
  const home = options.home ?? makeDir('rtopo-home-');
  const stdin = options.input !== undefined ? 'pipe' : (options.stdin ?? 'closed');
  const child = spawn(process.execPath, [options.bin ?? binPath, ...args], {
    cwd: options.cwd ?? home,
    env: cleanEnv(home, options.env),
    stdio: [stdin === 'pipe' ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  });
  if (options.input !== undefined) {
    // A command may end without reading its input.
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(options.input);
  }
  return watch(child, `rtopo ${args.join(' ')}`, options.timeoutMs ?? 30_000, () => {
    if (options.home === undefined) removeDir(home);
  });
}

/** Runs the command line to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return cliStart(args, options).done;
}

/** Collects output, keeps the deadline, tidies up. */
export function watch(child: ChildProcess, name: string, timeoutMs: number, tidy: () => void): Started {
  const beganMs = performance.now();
  const text = {stdout: '', stderr: ''};
  const watchers = new Set<() => void>();
  let over = false;
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      for (const look of watchers) look();
    });
  }
  const ends = () => `stdout ends:\n${lastLines(text.stdout, 10)}\nstderr ends:\n${lastLines(text.stderr, 10)}`;
  const orphan = () => child.kill('SIGKILL');
  process.once('exit', orphan);
  const done = new Promise<CliResult>((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const settle = (end: () => void) => {
      clearTimeout(timer);
      process.removeListener('exit', orphan);
      over = true;
      tidy();
      for (const look of watchers) look();
      end();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (status, signal) =>
      settle(() => {
        if (late) reject(new Error(`${name}: not done within ${timeoutMs} ms\n${ends()}`));
        else resolve({status, signal, ...text, durationMs: performance.now() - beganMs});
      }),
    );
  });
  // A test that only interrupts does not wait for the end.
  done.catch(() => undefined);
  const printed = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const found = pattern.test(text.stdout + text.stderr);
        if (!found && !over) return;
        watchers.delete(look);
        if (found) resolve();
        else reject(new Error(`${name} ended without printing ${pattern}\n${ends()}`));
      };
      watchers.add(look);
      look();
    });
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => text.stdout,
    stderr: () => text.stderr,
    printed,
    kill: (signal = 'SIGKILL') => child.kill(signal),
    done,
  };
}

export interface KillPoint {
  /** Only operations on files whose path matches are counted. */
  readonly path: RegExp;
  readonly op: 'fsync' | 'write' | 'rename';
  /** From 1. */
  readonly n: number;
  readonly when: 'before' | 'after';
}

const preload = new URL('./kill-at.mjs', import.meta.url).href;

/** Environment that makes a run kill itself at the N-th file operation. */
export function killEnv(point: KillPoint): Record<string, string> {
  return {
    NODE_OPTIONS: `--import ${preload}`,
    RTOPO_KILL_PATH: point.path.source,
    RTOPO_KILL_AT: `${point.op}:${point.n}:${point.when}`,
  };
}

/** Environment that lets a run finish and writes how many such operations it did, as JSON by operation, to a file. */
export function countEnv(path: RegExp, file: string): Record<string, string> {
  return {NODE_OPTIONS: `--import ${preload}`, RTOPO_KILL_PATH: path.source, RTOPO_KILL_COUNT: file};
}
