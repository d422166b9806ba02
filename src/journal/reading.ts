/**
 * A journal read back: record by record, checking the chain. A torn last line is what a crash leaves and is dropped;
 * any other damage ends the reading.
 */
import {closeSync, constants, fstatSync, openSync, readSync} from 'node:fs';
import {ExitCode, RtopoError} from '../errors.js';
import {chain, guarded, type JournalRecord, shaField} from './record.js';

/** What every record carries beside its own fields. */
interface Envelope {
  readonly seq: number;
  readonly t: number;
  readonly type: string;
  /** Hash over the previous hash and this record without `sha`: 16 hex digits of SHA-256. */
  readonly sha: string;
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

const SHA_FIELD_BYTES = shaField('0'.repeat(16)).length;
const CLOSED = Buffer.from('}');

/** The hash is over the bytes themselves: whatever JSON would read the same (a space, another escape) is damage all the same. */
function parseLine<R>(line: Buffer, tail: Tail): (R & Envelope) | null {
  const end = line.length - SHA_FIELD_BYTES;
  if (end < 0) return null;
  const sha = line.toString('latin1', end + 8, end + 24);
  if (line.toString('latin1', end) !== shaField(sha)) return null;
  if (chain(tail.sha, Buffer.concat([line.subarray(0, end), CLOSED])) !== sha) return null;
  try {
    const record = JSON.parse(line.toString('utf8')) as R & Envelope;
    return record.seq === tail.seq + 1 ? record : null;
  } catch {
    return null;
  }
}

const CHUNK_BYTES = 1 << 16;

/** Lines as far as the file reached when the reading began: whoever reads may be appending at the same time. */
function* lines(fd: number): Generator<{text: Buffer; ended: boolean}> {
  const size = fstatSync(fd).size;
  // The parts of the line at hand: a line may be much longer than a chunk, and is put together once.
  let parts: Buffer[] = [];
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let read = 0; read < size; ) {
    const n = readSync(fd, chunk, 0, Math.min(CHUNK_BYTES, size - read), read);
    if (n === 0) break;
    read += n;
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1 && end < n; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield {text: Buffer.concat(parts), ended: true};
      [parts, start] = [[], end + 1];
    }
    if (start < n) parts.push(Buffer.from(chunk.subarray(start, n)));
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
