/** Which server program the sandbox starts: the one named, else redis-server, else valkey-server from PATH. */
import {spawnSync} from 'node:child_process';
import {accessSync, constants, statSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {ExitCode, escapeText, RtopoError} from '../errors.js';

export interface ServerProgram {
  readonly path: string;
  readonly product: 'redis' | 'valkey';
  /** `7.0.15` */
  readonly version: string;
  readonly major: number;
}

export function findServerProgram(named: string | undefined, env: NodeJS.ProcessEnv): ServerProgram {
  const names = named === undefined ? ['redis-server', 'valkey-server'] : [named];
  const path = names.map((name) => programFile(name, env.PATH ?? '')).find((file) => file !== null);
  if (path == null) throw missing(named, env);
  const {error, stdout} = spawnSync(path, ['--version'], {encoding: 'utf8', timeout: 5000, env});
  const version = /\bv=((\d+)\.\d+\.\d+)/.exec(stdout ?? '');
  if (error !== undefined || version === null) {
    throw new RtopoError({
      code: 'SANDBOX_NO_SERVER',
      exit: ExitCode.failed,
      message: `${escapeText(path)} is not a Redis or Valkey server: it does not answer --version.`,
      remedy: 'rtopo sandbox up --server /usr/bin/redis-server',
      cause: error,
    });
  }
  const product = /valkey/i.test(stdout) ? 'valkey' : 'redis';
  return {path, product, version: version[1]!, major: Number(version[2])};
}

/** The file behind a name, as a shell would find it; null when there is none that may be run. */
function programFile(name: string, searchPath: string): string | null {
  const candidates = name.includes('/') ? [name] : searchPath.split(delimiter).map((dir) => join(dir, name));
  return candidates.find(runnable) ?? null;
}

function runnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const installers = [
  ['apt-get', 'sudo apt-get install redis-server'],
  ['dnf', 'sudo dnf install redis'],
  ['apk', 'sudo apk add redis'],
  ['pacman', 'sudo pacman -S valkey'],
  ['brew', 'brew install redis'],
] as const;

function missing(named: string | undefined, env: NodeJS.ProcessEnv): RtopoError {
  const installer = installers.find(([program]) => programFile(program, env.PATH ?? '') !== null);
  const message =
    named === undefined
      ? 'Neither redis-server nor valkey-server is on PATH; the sandbox needs one of them.'
      : `There is no program ${escapeText(named)} to start.`;
  const remedy = installer?.[1] ?? 'rtopo sandbox up --server /path/to/redis-server';
  return new RtopoError({code: 'SANDBOX_NO_SERVER', exit: ExitCode.failed, message, remedy});
}
