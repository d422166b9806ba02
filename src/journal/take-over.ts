/**
 * A journal changes hands: its new writer goes on in a copy that takes the name. Whoever wrote it before and is only asleep may have a write under way
 * when it wakes up; that goes to the old file, which nobody reads any more.
 */
import {randomBytes} from 'node:crypto';
import {closeSync, constants, fsyncSync, openSync, readdirSync, readSync, renameSync, rmSync, writeSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';

const COPY_SUFFIX = '.next';
const COPY_BYTES = 1024 * 1024;

/**
 * Returns the file of the copy, open for appending, on disk under the name of the journal with its first bytes.
 * @param assertOurs throws when another process may have gone on with it meanwhile
 */
export function takeOver(path: string, bytes: number, assertOurs: () => void): number {
  removeCopies(path);
  const copy = `${path}.${randomBytes(6).toString('hex')}${COPY_SUFFIX}`;
  const fd = copied(path, copy, bytes);
  try {
    assertOurs();
    renameSync(copy, path);
    syncDirectory(dirname(path));
    return fd;
  } catch (error) {
    closeSync(fd);
    rmSync(copy, {force: true});
    throw error;
  }
}

/** What a resume left that died while it copied; one that is only asleep will find its copy gone, and end. */
function removeCopies(path: string): void {
  const [dir, name] = [dirname(path), `${basename(path)}.`];
  for (const other of readdirSync(dir)) {
    if (other.startsWith(name) && other.endsWith(COPY_SUFFIX)) rmSync(join(dir, other), {force: true});
  }
}

/** The first bytes of a journal, on disk under another name. Returns the copy, open for appending. */
function copied(path: string, copy: string, bytes: number): number {
  const {O_RDONLY, O_CREAT, O_EXCL, O_WRONLY, O_APPEND, O_NOFOLLOW} = constants;
  const source = openSync(path, O_RDONLY | O_NOFOLLOW);
  let fd: number | null = null;
  try {
    fd = openSync(copy, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_NOFOLLOW, 0o600);
    const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, Math.max(1, bytes)));
    for (let at = 0; at < bytes; ) {
      const length = readSync(source, buffer, 0, Math.min(buffer.length, bytes - at), at);
      if (length === 0) throw Object.assign(new Error('the journal has become shorter'), {code: 'EIO'});
      for (let sent = 0; sent < length; ) sent += writeSync(fd, buffer, sent, length - sent);
      at += length;
    }
    fsyncSync(fd);
    return fd;
  } catch (error) {
    if (fd !== null) closeSync(fd);
    rmSync(copy, {force: true});
    throw error;
  } finally {
    closeSync(source);
  }
}

/** Makes a new name in `dir` survive a crash. */
export function syncDirectory(dir: string): void {
  const fd = openSync(dir, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
