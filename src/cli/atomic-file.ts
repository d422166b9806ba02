/** A file that is replaced so that a reader sees the old one or the new one, whole: written beside it, then renamed over it. */
import {randomBytes} from 'node:crypto';
import {lstatSync, unlinkSync} from 'node:fs';
import {open, realpath, rename, unlink} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {ExitCode, escapeText, RtopoError, redact, refusal} from '../errors.js';

interface AtomicFile {
  readonly path: string;
  readonly text: string;
  /** Permissions, whatever the umask is. */
  readonly mode: number;
  /** False: a file that is there already is left as it is, and the error is `FILE_EXISTS` (exit 3). */
  readonly overwrite: boolean;
  /** What would let it be overwritten, for the refusal. */
  readonly consent?: string;
}

/**
 * A symbolic link stays one: the file that it leads to is replaced. On any failure the temporary file is removed, and what was there
 * before is there still.
 * @throws RtopoError exit 1 `FILE_NOT_WRITTEN`, exit 3 `FILE_EXISTS`
 */
export async function writeAtomically({path, text, mode, overwrite, consent}: AtomicFile): Promise<void> {
  try {
    const real = await realpath(path).catch(() => path);
    if (overwrite) await replace(real, text, mode);
    else await writeNew(real, text, mode);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    if (code === 'EEXIST' && !overwrite) throw fileExists(path, consent);
    throw new RtopoError({
      code: 'FILE_NOT_WRITTEN',
      exit: ExitCode.failed,
      message: `${escapeText(path)} could not be written (${code}).`,
      remedy: `name a file in a folder that exists and is yours: ls -ld ${escapeText(dirname(path))}`,
      cause: error,
    });
  }
}

export function fileExists(path: string, consent = 'name another file'): RtopoError {
  return refusal({
    code: 'FILE_EXISTS',
    message: `${escapeText(path)} exists already and is not overwritten.`,
    remedy: consent,
  });
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  // A rename would put a file in the place of a device or of a pipe, and nobody would read from it again.
  if (!isReplaceable(path)) throw Object.assign(new Error('no file'), {code: 'it is not a regular file'});
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  // An interrupt may end the process between two of these steps.
  const tidy = (): void => {
    try {
      unlinkSync(temporary);
    } catch {
      // Not made yet, or renamed already.
    }
  };
  process.on('exit', tidy);
  try {
    await writeNew(temporary, text, mode);
    await rename(temporary, path);
  } finally {
    tidy();
    process.off('exit', tidy);
  }
}

function isReplaceable(path: string): boolean {
  return lstatSync(path, {throwIfNoEntry: false})?.isFile() ?? true;
}

/** Never over something. Half a file helps nobody: it goes when it cannot be finished. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(redact(text));
    await file.chmod(mode);
    await file.sync();
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}
