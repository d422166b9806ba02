/**
 * The durable record of an operation: one JSON object per line, each chained to the line before by a hash, each on disk
 * before the act it announces. Records that come while others are on their way to the disk travel together: one write and
 * one fsync for all of them, so that a move of many batches does not wait for the disk once for each. A torn last line is what a crash leaves and is dropped; any other damage ends the reading.
 * The servers are the truth; the journal only says what an operation may do.
 */
import {createHash} from 'node:crypto';
import {closeSync, constants, fsync, openSync, unlinkSync, write} from 'node:fs';
import {dirname} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';
import type {Tail} from './reading.js';
import {syncDirectory, takeOver} from './take-over.js';

export type JournalRecord = {readonly type: string};

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Journal<R extends JournalRecord> {
  readonly path: string;
  readonly #fd: number;
  #seq: number;
  #sha: string;
  #closed = false;
  /** After a failed write the file may end in half a record: nothing may be put behind it. */
  #failed: {readonly error: unknown} | null = null;
  #lines: Buffer[] = [];
  #waiters: Waiter[] = [];
  #draining: Promise<void> | null = null;

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

  /**
   * Continues a journal that `readJournal` has read, without its torn last line, in a copy that takes its name. Whoever wrote it before and is only
   * asleep may still have a write under way when it wakes up: that goes to the old file, which nobody reads any more.
   * @param assertOurs throws when another process may have gone on with it meanwhile
   */
  static resume<R extends JournalRecord>(
    path: string,
    tail: Tail,
    assertOurs: () => void = () => undefined,
  ): Journal<R> {
    const fd = guarded(path, () => takeOver(path, tail.bytes, assertOurs));
    return new Journal<R>(path, fd, tail.seq, tail.sha);
  }

  /** On disk when it resolves. @throws RtopoError `JOURNAL_FAILED`: nothing may be changed any more */
  append(record: R, nowMs: number): Promise<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed.error);
    this.#line(record, nowMs);
    return new Promise((resolve, reject) => {
      this.#waiters.push({resolve, reject});
      this.#draining ??= this.#drain();
    });
  }

  /** A record that nothing waits for: on disk no later than whatever is appended next. A crash before that loses it. */
  note(record: R, nowMs: number): void {
    if (this.#failed !== null) throw this.#failed.error;
    this.#line(record, nowMs);
  }

  #line(record: R, nowMs: number): void {
    const body = JSON.stringify({...record, seq: this.#seq + 1, t: nowMs});
    const sha = chain(this.#sha, body);
    this.#lines.push(Buffer.from(`${body.slice(0, -1)}${shaField(sha)}\n`));
    this.#seq += 1;
    this.#sha = sha;
  }

  /** Takes what has gathered to the disk, and again while more gathers meanwhile. */
  async #drain(): Promise<void> {
    // Whoever appends in the same turn travels along.
    await Promise.resolve();
    while (this.#lines.length > 0) {
      const lines = Buffer.concat(this.#lines.splice(0));
      const waiters = this.#waiters.splice(0);
      try {
        await writeWhole(this.#fd, lines);
        await synced(this.#fd);
      } catch (error) {
        this.#failed = {error: journalFault(this.path, error)};
        this.#lines = [];
        for (const {reject} of [...waiters, ...this.#waiters.splice(0)]) reject(this.#failed.error);
        break;
      }
      for (const {resolve} of waiters) resolve();
    }
    this.#draining = null;
  }

  /** Records so far, those of earlier runs included. */
  get length(): number {
    return this.#seq;
  }

  /** What was noted is on disk as well when it resolves. Never throws: a failure was told to whoever appended. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#draining !== null || this.#lines.length > 0) {
      this.#draining ??= this.#drain();
      await this.#draining;
    }
    // The number may soon belong to another file.
    this.#failed ??= {error: journalFault(this.path, {code: 'EBADF'})};
    closeSync(this.#fd);
  }

  /** Without what was only noted: the journal may have another writer by now. */
  async abandon(): Promise<void> {
    if (this.#closed) return;
    this.#failed ??= {error: journalFault(this.path, {code: 'EBADF'})};
    if (this.#draining === null) this.#lines = [];
    await this.close();
  }

  /** Ends a journal whose operation never began, and takes its file away. */
  async discard(): Promise<void> {
    await this.close();
    guarded(this.path, () => {
      unlinkSync(this.path);
      syncDirectory(dirname(this.path));
    });
  }
}

/** write(2) may take less than it was given, on a full disk for instance. */
async function writeWhole(fd: number, bytes: Buffer): Promise<void> {
  for (let sent = 0; sent < bytes.length; ) {
    sent += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, sent, bytes.length - sent, null, (error, written) => (error ? reject(error) : resolve(written)));
    });
  }
}

function synced(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
}

/** Hash over the previous hash and the text of this record without its own: 16 hex digits of SHA-256. */
export function chain(previous: string, body: string | Buffer): string {
  return createHash('sha256').update(previous).update(body).digest('hex').slice(0, 16);
}

/** How a record ends: with its hash, as its last field. */
export function shaField(sha: string): string {
  return `,"sha":"${sha}"}`;
}

/** Runs file operations; what fails becomes `JOURNAL_FAILED`. */
export function guarded<T>(path: string, io: () => T): T {
  try {
    return io();
  } catch (error) {
    throw journalFault(path, error);
  }
}

function journalFault(path: string, error: unknown): RtopoError {
  if (error instanceof RtopoError) return error;
  return new RtopoError({
    code: 'JOURNAL_FAILED',
    exit: ExitCode.incomplete,
    message: `The journal ${path} cannot be written or read (${(error as NodeJS.ErrnoException).code}); rtopo stops before it changes anything more.`,
    remedy: 'free the disk or mend the permissions',
  });
}
