/** Starts the real command line, alone or under another program (strace, a shell with limits), and ends all of it together. */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {dirname} from 'node:path';
import type {Field} from '../migration/field.js';
import {binPath, type CliResult, cleanEnv, type Started, watch} from '../rig/cli.js';

export interface LaunchOptions {
  /** Words before `node`: `['strace', …]`. */
  readonly under?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A run that lasts longer hangs, and that is a finding. */
  readonly timeoutMs?: number;
}

const groups = new Set<number>();
process.on('exit', () => {
  for (const pid of groups) killGroup(pid);
});

/** What a tracer started must not outlive it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {} // All of it has ended.
}

/** The tracer lives on to see it die: a dead process that nobody takes note of looks alive to whoever asks for its number. */
function killInner(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  for (const child of children === '' ? [pid] : children.split(' ').map(Number)) process.kill(child, 'SIGKILL');
}

export interface Launched extends Started {
  /** kill -9 of rtopo itself, whatever it runs under: that notices, and ends too. */
  killInner(): void;
}

export function launch({file, home}: Field, args: readonly string[], options: LaunchOptions = {}): Launched {
  const [program, ...words] = [...(options.under ?? []), process.execPath, binPath, ...args];
  const child = spawn(program!, words, {
    cwd: dirname(file),
    env: cleanEnv(home, options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = child.pid ?? 0;
  if (pid > 0) groups.add(pid);
  const started = watch(child, `rtopo ${args.join(' ')}`, options.timeoutMs ?? 60_000, () => {
    groups.delete(pid);
    if (pid > 0) killGroup(pid);
  });
  return {...started, killInner: () => killInner(pid)};
}

/** The failure in the envelope of `--json`; null when there is none. */
export function errorOf({stdout}: CliResult): {code: string; message: string; remedy: string} | null {
  try {
    const {error} = JSON.parse(stdout) as {error?: {code: string; message: string; remedy?: string}};
    return error === undefined ? null : {...error, remedy: error.remedy ?? ''};
  } catch {
    return null;
  }
}
