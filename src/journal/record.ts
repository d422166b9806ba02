/**
 * The durable record of an operation: one JSON object per line, each chained to the line before by a hash, each on disk
 * before the act it announces. A torn last line is what a crash leaves and is dropped; any other damage ends the reading.
 * The servers are the truth; the journal only says what an operation may do.
 */
import {createHash} from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import {dirname} from 'node:path';
import {ExitCode, RtopoError} from '../errors.js';

/** What every record carries beside its own fields. */
interface Envelope {
  readonly seq: number;
  readonly t: number;
  readonly type: string;
  /** Hash over the previous hash and this record without `sha`: 16 hex digits of SHA-256. */
  readonly sha: string;
}

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

/** Where the sound part of a journal ends. */
export interface Tail {
  readonly seq: number;
  readonly sha: string;
  readonly bytes: number;
}

/** Nothing read yet. */
export const EMPTY_TAIL: Tail = {seq: 0, sha: '', bytes: 0};

/**
 * Reads a journal record by record, in bounded memory, checking the chain. Each record comes with the tail up to it,
 * from which `Journal.resume` goes on.
 * @throws RtopoError `JOURNAL_DAMAGED` for anything but a torn last line
 */
export function* readJournal<R extends JournalRecord>(
  path: string,
): Generator<{readonly record: R & {readonly t: number}; readonly tail: Tail}> {
  const fd = guarded(path, () => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    assertOwn(path, fd);
    let tail = EMPTY_TAIL;
    for (const line of lines(fd)) {
      // Without its newline a record was never confirmed to whoever wrote it: a crash tore it, and it is dropped.
      if (!line.ended) return;
      const record = parseLine<R>(line.text, tail);
      if (record === null) throw damaged(path, tail.seq + 1);
      tail = {seq: record.seq, sha: record.sha, bytes: tail.bytes + line.text.length + 1};
      yield {record, tail};
    }
  } finally {
    closeSync(fd);
  }
}

/** The last whole record is at most this long when it ends an operation; a longer one is none of those. */
const PEEK_BYTES = 64 * 1024;

/**
 * The last whole record without the ones before it, so without proof that the chain holds: enough to tell which journals are
 * worth reading. Null when there is none, or when it is longer than the end of an operation ever is.
 */
export function peekLast<R extends JournalRecord>(path: string): R | null {
  const fd = guarded(path, () => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    const {size} = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, PEEK_BYTES));
    const read = guarded(path, () => readSync(fd, bytes, 0, bytes.length, size - bytes.length));
    const text = bytes.toString('utf8', 0, read);
    const end = text.lastIndexOf('\n');
    const start = end === -1 ? -1 : text.lastIndexOf('\n', end - 1);
    if (end === -1 || (start === -1 && size > bytes.length)) return null;
    return JSON.parse(text.slice(start + 1, end)) as R;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    closeSync(fd);
  }
}

function parseLine<R>(line: Buffer, tail: Tail): (R & Envelope) | null {
  let record: R & Envelope;
  const text = line.toString('utf8');
  try {
    record = JSON.parse(text) as R & Envelope;
  } catch {
    return null;
  }
  if (record === null || typeof record !== 'object' || record.seq !== tail.seq + 1) return null;
  const {sha, ...body} = record;
  // Bytes that JSON reads the same (another case of an escape, a space, bytes that are no UTF-8) are damage all the same.
  if (chain(tail.sha, body) !== sha || JSON.stringify({...body, sha}) !== text) return null;
  return Buffer.byteLength(text) === line.length ? record : null;
}

function chain(previous: string, body: object): string {
  return createHash('sha256').update(previous).update(JSON.stringify(body)).digest('hex').slice(0, 16);
}

const CHUNK_BYTES = 1 << 16;

/** Lines as far as the file reached when the reading began: whoever reads may be appending at the same time. */
function* lines(fd: number): Generator<{text: Buffer; ended: boolean}> {
  const size = fstatSync(fd).size;
  // The parts of the line at hand: a line may be much longer than a chunk, and is put together once.
  let parts: Buffer[] = [];
  for (let read = 0; read < size; ) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - read));
    const n = readSync(fd, chunk, 0, chunk.length, read);
    if (n === 0) break;
    read += n;
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1 && end < n; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield {text: Buffer.concat(parts), ended: true};
      [parts, start] = [[], end + 1];
    }
    if (start < n) parts.push(chunk.subarray(start, n));
  }
  if (parts.length > 0) yield {text: Buffer.concat(parts), ended: false};
}

function assertOwn(path: string, fd: number): void {
  const {mode, uid} = fstatSync(fd);
  const me = process.getuid?.();
  if ((mode & 0o022) === 0 && (me === undefined || uid === me)) return;
  throw new RtopoError({
    code: 'JOURNAL_UNSAFE',
    exit: ExitCode.failed,
    message: `The journal ${path} belongs to somebody else or can be written by others; it is not trusted.`,
    remedy: `ls -l ${path}`,
  });
}

function damaged(path: string, seq: number): RtopoError {
  return new RtopoError({
    code: 'JOURNAL_DAMAGED',
    exit: ExitCode.failed,
    message:
      `Record ${seq} of the journal ${path} is damaged. rtopo does not guess what it said; nothing was changed. ` +
      'The servers hold every key, some of them perhaps twice: rtopo verify shows where.',
    remedy: `mv ${path} ${path}.damaged`,
  });
}

function guarded<T>(path: string, io: () => T): T {
  try {
    return io();
  } catch (error) {
    if (error instanceof RtopoError) throw error;
    throw new RtopoError({
      code: 'JOURNAL_FAILED',
      exit: ExitCode.incomplete,
      message: `The journal ${path} cannot be written or read (${(error as NodeJS.ErrnoException).code}); rtopo stops before it changes anything more.`,
      remedy: 'free the disk or mend the permissions, then: rtopo rebalance resume',
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
