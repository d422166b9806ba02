/** Replaces a topology file so that at every moment the old or the new one is there, and the old one stays as a backup. */
import {createHash, randomBytes} from 'node:crypto';
import {constants} from 'node:fs';
import {type FileHandle, open, readFile, realpath, rename, unlink} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {ExitCode, escapeText, RtopoError} from '../errors.js';

/**
 * `written`: the file now has the new text. `already`: it had it before, nothing was done.
 * `changed`: somebody else edited it since it was read, so nothing was done.
 */
export type ReplaceOutcome = 'written' | 'already' | 'changed';

export interface ReplaceOptions {
  /** Absolute. A symbolic link stays one: the file it leads to is replaced. */
  readonly path: string;
  /** Of the text that the new one was made from (`textSha256`). */
  readonly expectedSha256: string;
  readonly text: string;
  /** The old content goes to `<path>.<backupSuffix>`. */
  readonly backupSuffix: string;
}

/** Hex digest of a text as it stands in a file: UTF-8. */
export function textSha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

export async function replaceFile(options: ReplaceOptions): Promise<ReplaceOutcome> {
  try {
    return await replace(options);
  } catch (error) {
    if (error instanceof RtopoError) {
      throw error;
    }
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new RtopoError({
      code: 'TOPOLOGY_NOT_SAVED',
      exit: ExitCode.failed,
      message: `${escapeText(options.path)} could not be written (${code}); it still has its old content.`,
      cause: error,
    });
  }
}

async function replace({path, expectedSha256, text, backupSuffix}: ReplaceOptions): Promise<ReplaceOutcome> {
  const real = await realpath(path);
  const old = await readFile(real);
  if (old.equals(Buffer.from(text))) {
    return 'already';
  }
  if (textSha256(old) !== expectedSha256) {
    return 'changed';
  }
  const {mode, uid, gid} = await withFile(real, constants.O_RDONLY, 0, (file) => file.stat());
  const like = {mode: mode & 0o777, uid, gid};
  await backUp(`${path}.${backupSuffix}`, old, like);
  // The new file is complete and on the disk before it takes the name, and the name is on the disk before we return.
  const folder = dirname(real);
  const temporary = join(folder, `.${basename(real)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await writeNew(temporary, Buffer.from(text), like);
    if (textSha256(await readFile(real)) !== expectedSha256) {
      await unlink(temporary);
      return 'changed';
    }
    await rename(temporary, real);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await withFile(folder, constants.O_RDONLY, 0, (file) => file.sync());
  return 'written';
}

/** A backup is never overwritten; one with the same content is left from an attempt that was interrupted. */
async function backUp(path: string, content: Buffer, like: Like): Promise<void> {
  try {
    await writeNew(path, content, like);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw error;
    }
    const found = await readFile(path);
    if (found.equals(content)) return;
    // The beginning of it is what a power cut leaves of our own: its name was on the disk before its bytes were.
    if (content.subarray(0, found.length).equals(found)) {
      const whole = `${path}.${process.pid}.tmp`;
      await writeNew(whole, content, like);
      await rename(whole, path);
    } else {
      throw new RtopoError({
        code: 'BACKUP_EXISTS',
        exit: ExitCode.failed,
        message: `The backup ${escapeText(path)} exists already and holds something else; the topology was not changed.`,
        remedy: `mv ${escapeText(path)} ${escapeText(path)}.old`,
      });
    }
  }
}

interface Like {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Created for the owner only, then given the mode and, where we may, the owner of the original. */
async function writeNew(path: string, content: Buffer, like: Like): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  await withFile(path, flags, 0o600, async (file) => {
    try {
      await file.writeFile(content);
      const {uid, gid} = await file.stat();
      const isSame = uid === like.uid && gid === like.gid;
      const isGiven =
        isSame ||
        (await file.chown(like.uid, like.gid).then(
          () => true,
          () => false,
        ));
      // A file that stays ours must not become readable for our group because it was for another one.
      await file.chmod(isGiven ? like.mode : like.mode & 0o707);
      await file.sync();
    } catch (error) {
      // Half a file helps nobody, and would stand in the way of the next attempt.
      await unlink(path).catch(() => undefined);
      throw error;
    }
  });
}

async function withFile<T>(
  path: string,
  flags: number,
  mode: number,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  const file = await open(path, flags, mode);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
