/** The command line under a pseudo terminal, with somebody at the keyboard. Needs `script` (util-linux, or BSD's). */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {binPath, type CliOptions, cleanEnv, watch} from './cli.js';
import {makeDir, removeDir} from './processes.js';

export interface Keystroke {
  /** Sent once what the terminal showed since the previous keystroke matches. */
  readonly when: RegExp;
  readonly send: string;
}

export interface TtyOptions extends Omit<CliOptions, 'input' | 'stdin'> {
  readonly keys?: readonly Keystroke[];
  readonly columns?: number;
  /** `tty` (default): one screen; `file`: standard output goes to a file, as with `rtopo … > file`. */
  readonly stdout?: 'tty' | 'file';
}

export interface TtyResult {
  readonly status: number | null;
  /** What the terminal showed, with its control sequences. */
  readonly screen: string;
  /** `screen` without colours and cursor movements, one `\n` per line. */
  readonly text: string;
  /** Only with `stdout: 'file'`. */
  readonly stdout: string;
}

export const enter = '\r';
export const ctrlC = '\x03';

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

export async function cliTty(args: readonly string[], options: TtyOptions = {}): Promise<TtyResult> {
  const scratch = makeDir('rtopo-tty-');
  const home = options.home ?? scratch;
  const outFile = join(scratch, 'stdout');
  const words = [process.execPath, options.bin ?? binPath, ...args].map(quote).join(' ');
  const redirect = options.stdout === 'file' ? ` > ${quote(outFile)}` : '';
  const line = `stty cols ${options.columns ?? 100} rows 40; exec ${words}${redirect}`;
  const command =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', 'sh', '-c', line]
      : ['-qe', '-c', `exec sh -c ${quote(line)}`, '/dev/null'];
  const child = spawn('script', command, {
    cwd: options.cwd ?? home,
    env: cleanEnv(home, {TERM: 'xterm-256color', SHELL: '/bin/sh', ...options.env}),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  const started = watch(child, `rtopo ${args.join(' ')} (in a terminal)`, options.timeoutMs ?? 30_000, () => undefined);
  typeKeys(started, options.keys ?? []);
  try {
    const {status, stdout: screen} = await started.done;
    const stdout = options.stdout === 'file' ? readFileSync(outFile, 'utf8') : '';
    return {status, screen, text: plainText(screen), stdout};
  } finally {
    removeDir(scratch);
  }
}

function typeKeys(started: ReturnType<typeof watch>, keys: readonly Keystroke[]): void {
  const waiting = [...keys];
  let from = 0;
  started.child.stdout!.on('data', () => {
    const next = waiting[0];
    if (next === undefined || !next.when.test(plainText(started.stdout().slice(from)))) return;
    waiting.shift();
    from = started.stdout().length;
    // Prompts switch the terminal to raw mode a moment after they are drawn.
    setTimeout(() => started.child.stdin!.write(next.send), 60);
  });
}

/** Without escape sequences and carriage returns. */
export function plainText(screen: string): string {
  return screen.replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|\x1b\][^\x07]*\x07/g, '').replaceAll('\r', '');
}
