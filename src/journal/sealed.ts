/**
 * A value as a file that people pass on: readable JSON, with a hash over its meaning, so that what was reviewed is what runs. It is made
 * anew rather than edited; whoever reads it refuses what was cut off, changed, or written for something else.
 */
import {createHash} from 'node:crypto';
import {readFile, rename, unlink, writeFile} from 'node:fs/promises';
import {ExitCode, escapeText, RtopoError, refusal, usageError} from '../errors.js';

/** What every such file says of itself. */
export interface SealedHead {
  readonly kind: string;
  readonly version: number;
}

export type Sealed<T extends SealedHead> = T & {
  /** SHA-256 of everything else, as canonical JSON. */
  readonly hash: string;
};

/** What the messages need to know of a kind of file. */
export interface SealedKind {
  readonly kind: string;
  readonly version: number;
  /** The flag that names such a file for writing, and the command that makes one. */
  readonly flag: string;
  readonly command: string;
}

const MAX_BYTES = 16 * 1024 * 1024;

export function seal<T extends SealedHead>(content: T): Sealed<T> {
  return {...content, hash: hashOf(content)};
}

/** SHA-256, in hexadecimal, of the meaning of a value. */
export function hashOf(content: unknown): string {
  return createHash('sha256').update(canonical(content)).digest('hex');
}

/** JSON with sorted keys: the same value has one text, whoever formatted it. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`).join(',')}}`;
}

/** Replaces an older file of that kind, and no other. */
export async function writeSealed(path: string, value: Sealed<SealedHead>, kind: SealedKind): Promise<void> {
  await assertReplaceable(path, kind);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, {flag: 'wx'});
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw new RtopoError({
      code: 'PLAN_NOT_SAVED',
      exit: ExitCode.failed,
      message: `${escapeText(path)} could not be written (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`,
      remedy: `name a file in a folder that exists and is yours: ${kind.flag} plan.json`,
      cause: error,
    });
  }
}

async function assertReplaceable(path: string, {kind, flag}: SealedKind): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? null : '',
  );
  if (text === null || text.includes(`"${kind}"`)) return;
  throw usageError({
    code: 'PLAN_FILE_EXISTS',
    message: `${escapeText(path)} exists and is no plan of rtopo; it is not overwritten.`,
    remedy: `name another file: ${flag} plan.json`,
  });
}

/** @throws RtopoError exit 64 without a file, exit 3 `PLAN_DAMAGED` when it is not what rtopo wrote */
export async function readSealed<T extends SealedHead>(
  path: string,
  {kind, version, command}: SealedKind,
): Promise<Sealed<T>> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw usageError({
      code: 'PLAN_NOT_FOUND',
      message: `The plan ${escapeText(path)} cannot be read (${error.code ?? 'unknown reason'}).`,
      remedy: command,
    });
  });
  const damaged = (why: string): RtopoError =>
    refusal({
      code: 'PLAN_DAMAGED',
      message: `${escapeText(path)} ${why}. Nothing was changed.`,
      remedy: `make a new plan: ${command}`,
    });
  if (bytes.length > MAX_BYTES) throw damaged('is larger than any plan');
  let value: Partial<Sealed<T>>;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw damaged('is not JSON: it was cut off or edited');
  }
  if (value?.kind !== kind) throw damaged('is no plan of rtopo for this command');
  if (value.version !== version)
    throw damaged(`was written by another version of rtopo (format ${escapeText(String(value.version))})`);
  const {hash, ...content} = value;
  if (typeof hash !== 'string' || hashOf(content) !== hash) {
    throw damaged('was changed since it was written: its hash does not fit. A plan is not edited but made anew');
  }
  return value as Sealed<T>;
}
