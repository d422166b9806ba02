/** Where journals and locks live: $XDG_STATE_HOME/rtopo, private to the user. Never /tmp. */
import {createHash, randomBytes} from 'node:crypto';
import {mkdirSync, realpathSync, statSync} from 'node:fs';
import {homedir} from 'node:os';
import {isAbsolute, join, resolve} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';

/** --state-dir, else RTOPO_STATE, else $XDG_STATE_HOME/rtopo, else ~/.local/state/rtopo. */
export function stateRoot(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  const chosen = flag ?? env.RTOPO_STATE;
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  const xdg = env.XDG_STATE_HOME;
  // A relative XDG path is invalid by the specification, and would scatter journals.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.local', 'state'), 'rtopo');
}

/** What kind of operations a folder is for: keys that move, masters that change, servers that are made what the file says. */
export type Wing = 'rebalance' | 'mastership' | 'replication';

/** What operations are kept by: the path of the topology file, or, where there is no file, the addresses of all servers. */
export type Declared = string | readonly string[];

/** The folder for one topology's operations, whether it exists or not. */
export function topologyStatePath(root: string, declared: Declared, wing: Wing): string {
  return join(root, wing, typeof declared === 'string' ? topologyId(declared) : addressesId(declared));
}

/** The folder for one topology's operations, made when it is missing. @throws RtopoError `STATE_UNSAFE`, `STATE_UNWRITABLE` */
export function topologyStateDir(root: string, declared: Declared, wing: Wing = 'rebalance'): string {
  const dir = topologyStatePath(root, declared, wing);
  try {
    mkdirSync(dir, {recursive: true, mode: 0o700});
  } catch (error) {
    throw new RtopoError({
      code: 'STATE_UNWRITABLE',
      exit: ExitCode.failed,
      message: `The state folder ${dir} cannot be made (${(error as NodeJS.ErrnoException).code}). Without a journal nothing is changed.`,
      remedy: 'name a writable folder with --state-dir',
    });
  }
  assertPrivate(dir);
  return dir;
}

/** A file that moves or is reached by another path is another topology: its operations stay with the path they were started on. */
function topologyId(file: string): string {
  let real = resolve(file);
  try {
    real = realpathSync(file);
  } catch {
    // Gone since; the resolved path is what is left to go by.
  }
  return createHash('sha256').update(real).digest('hex').slice(0, 16);
}

/** The same servers in another order are the same. */
function addressesId(addresses: readonly string[]): string {
  const text = [...addresses].sort().join(' ');
  return createHash('sha256').update(`addresses ${text}`).digest('hex').slice(0, 16);
}

function assertPrivate(dir: string): void {
  const {mode, uid} = statSync(dir);
  const me = process.getuid?.();
  if ((mode & 0o022) === 0 && (me === undefined || uid === me)) return;
  throw new RtopoError({
    code: 'STATE_UNSAFE',
    exit: ExitCode.failed,
    message: `The state folder ${dir} belongs to somebody else or can be written by others; a journal there could not be trusted.`,
    remedy: `chmod 700 ${dir}, or name another folder with --state-dir`,
  });
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID: 48 bits of milliseconds, 80 random bits; sorts by time. Source: the ULID specification, "Canonical String Representation". */
export function operationId(nowMs: number): string {
  let value = (BigInt(nowMs) << 80n) | BigInt(`0x${randomBytes(10).toString('hex')}`);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = CROCKFORD[Number(value & 31n)] + text;
    value >>= 5n;
  }
  return text;
}

export function isOperationId(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}
