/**
 * The durable record of an operation: one JSON object per line, each chained to the line before by a hash, each on disk
 * before the act it announces. A torn last line is what a crash leaves and is dropped; any other damage ends the reading.
 * The servers are the truth; the journal only says what an operation may do.
 */
import {createHash} from 'node:crypto';
import {closeSync, constants, fsyncSync, ftruncateSync, openSync, unlinkSync, writeSync} from 'node:fs';
import {dirname} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import type {Tail} from './reading.js';

export type JournalRecord = {readonly type: string};

export class Journal<R extends JournalRecord> {
  readonly path: string;
  readonly #fd: number;
  #seq: number;
  #sha: string;
  #closed = false;
  /** After a failed write the file may end in half a record: nothing may be put behind it. */
  #failed: unknown = null;

  private constructor(path: string, fd: number, seq: number, sha: string) {
    this.path = path;
    this.#fd = fd;
    this.#seq = seq;
    this.#sha = sha;
  }

  /** A new journal; the file must not exist. Its name is on disk before the first record. */
  static create<R extends JournalRecord>(path: string): Journal<R> {
    const {O_CREAT, O_EXCL, O_WRONLY, O_APPEND, O_NOFOLLOW} = constants;
    const fd = guarded(path, () => openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_NOFOLLOW, 0o600));
    guarded(path, () => syncDirectory(dirname(path)));
    return new Journal<R>(path, fd, 0, '');
  }

  /** Continues a journal that `readJournal` has read; cuts off a torn last line first. */
  static resume<R extends JournalRecord>(path: string, tail: Tail): Journal<R> {
    const {O_WRONLY, O_NOFOLLOW} = constants;
    const fd = guarded(path, () => openSync(path, O_WRONLY | O_NOFOLLOW));
    guarded(path, () => {
      ftruncateSync(fd, tail.bytes);
      fsyncSync(fd);
    });
    const append = guarded(path, () => openSync(path, O_WRONLY | constants.O_APPEND | O_NOFOLLOW));
    closeSync(fd);
    return new Journal<R>(path, append, tail.seq, tail.sha);
  }

  /** On disk when it returns. @throws RtopoError `JOURNAL_FAILED`: nothing may be changed any more */
  append(record: R, nowMs: number): void {
    if (this.#failed !== null) throw this.#failed;
    const body = {...record, seq: this.#seq + 1, t: nowMs};
    const sha = chain(this.#sha, body);
    const line = Buffer.from(`${JSON.stringify({...body, sha})}\n`);
    try {
      guarded(this.path, () => {
        // write(2) may take less than it was given, on a full disk for instance.
        for (let sent = 0; sent < line.length; ) sent += writeSync(this.#fd, line, sent, line.length - sent);
        fsyncSync(this.#fd);
      });
    } catch (error) {
      this.#failed = error;
      throw error;
    }
    this.#seq += 1;
    this.#sha = sha;
  }

  /** Records so far, those of earlier runs included. */
  get length(): number {
    return this.#seq;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  /** Ends a journal whose operation never began, and takes its file away. */
  discard(): void {
    this.close();
    guarded(this.path, () => {
      unlinkSync(this.path);
      syncDirectory(dirname(this.path));
    });
  }
}

/** Hash over the previous hash and this record without its own: 16 hex digits of SHA-256. */
export function chain(previous: string, body: object): string {
  return createHash('sha256').update(previous).update(JSON.stringify(body)).digest('hex').slice(0, 16);
}

/** Runs file operations; what fails becomes `JOURNAL_FAILED`. */
export function guarded<T>(path: string, io: () => T): T {
  try {
    return io();
  } catch (error) {
    if (error instanceof RtopoError) throw error;
    throw new RtopoError({
      code: 'JOURNAL_FAILED',
      exit: ExitCode.incomplete,
      message: `The journal ${path} cannot be written or read (${(error as NodeJS.ErrnoException).code}); rtopo stops before it changes anything more.`,
      remedy: 'free the disk or mend the permissions',
    });
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
