/**
 * Replies from bytes: RESP2, incremental, each byte looked at once. Bulk replies are slices of what arrived, not copies.
 * A server is not trusted: depth, line length and bulk length have limits, and what does not parse ends the connection.
 */

/** An error reply: a value, because in a pipeline one refused command says nothing about its neighbours. */
export class ReplyError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** First word, `BUSYKEY`, `OOM`, `ERR`. */
  get word(): string {
    return /^[A-Z]+/.exec(this.text)?.[0] ?? '';
  }
}

/** Integers beyond 2^53 arrive as bigint. Status replies are strings, bulk replies buffers. */
export type RespReply = Buffer | string | number | bigint | null | ReplyError | RespReply[];

export class ProtocolError extends Error {}

const MAX_DEPTH = 16;
const MAX_LINE_BYTES = 64 * 1024;
const MAX_ELEMENTS = 128 * 1024 * 1024;
/** SCAN may return more than it was asked for, by the length of one bucket; not a hundred times more. */
const MAX_PAGE_KEYS = 1024 * 1024;

/** A page of SCAN as it arrived: key `i` is `bytes[ranges[2i], ranges[2i + 1])`. Nothing is allocated for a key that nobody wants. */
export interface ScanPage {
  /** An unsigned 64-bit number: it stays the text that the server sent. */
  readonly cursor: string;
  readonly bytes: Buffer;
  readonly ranges: Uint32Array;
}

interface OpenArray {
  readonly items: RespReply[];
  readonly size: number;
}

export class Decoder {
  readonly #maxBulkBytes: number;
  #buffer: Buffer = Buffer.alloc(0);
  #position = 0;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  /** Bytes that must be there before parsing can get any further. */
  #needed = 1;
  #stack: OpenArray[] = [];

  /** @param maxBulkBytes longest bulk reply accepted, in bytes */
  constructor(maxBulkBytes = 1024 * 1024 * 1024) {
    this.#maxBulkBytes = maxBulkBytes;
  }

  /** Feeds bytes; hands over every reply that is complete. @throws ProtocolError */
  push(chunk: Buffer, onReply: (reply: RespReply) => void): void {
    this.feed(chunk);
    for (let reply = this.next(); reply !== undefined; reply = this.next()) onReply(reply);
  }

  /** Takes bytes in; `next` and `nextPage` say what they amount to. */
  feed(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    const rest = this.#buffer.length - this.#position;
    if (rest + this.#chunkBytes < this.#needed) return;
    this.#buffer =
      rest === 0 && this.#chunks.length === 1
        ? chunk
        : Buffer.concat([this.#buffer.subarray(this.#position), ...this.#chunks]);
    this.#position = 0;
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  /** Nothing is waiting here to become a reply. */
  get isEmpty(): boolean {
    return this.#position >= this.#buffer.length && this.#chunkBytes === 0 && this.#stack.length === 0;
  }

  /** What has come and belongs to no reply yet, for another reader. */
  takeRest(): Buffer {
    const rest = Buffer.concat([this.#buffer.subarray(this.#position), ...this.#chunks]);
    [this.#buffer, this.#position, this.#chunks, this.#chunkBytes, this.#needed] = [rest.subarray(0, 0), 0, [], 0, 1];
    return rest;
  }

  /** The next whole reply, or undefined while bytes are missing. @throws ProtocolError */
  next(): RespReply | undefined {
    while (this.#position < this.#buffer.length) {
      const value = this.#scalar();
      if (value === undefined) return undefined;
      const reply = this.#place(value);
      if (reply !== undefined) return reply;
    }
    this.#needed = 1;
    return undefined;
  }

  /** The next reply, which is that to a SCAN; an error reply where the server refused it. @throws ProtocolError */
  nextPage(): ScanPage | ReplyError | undefined {
    if (this.#position >= this.#buffer.length) return undefined;
    if (this.#buffer[this.#position] === 0x2d) return this.next() as ReplyError | undefined;
    const start = this.#position;
    const page = this.#page();
    if (page === undefined) {
      this.#position = start;
      this.#needed = Math.max(this.#needed, this.#buffer.length - start + 1);
    }
    return page;
  }

  #page(): ScanPage | undefined {
    const outer = this.#header(0x2a);
    if (outer === undefined) return undefined;
    if (outer !== 2) throw new ProtocolError('SCAN answered something else than a page of keys');
    const digits = this.#header(0x24);
    if (digits === undefined) return undefined;
    const from = this.#position;
    if (this.#buffer.length < from + digits + 2) return undefined;
    const cursor = this.#buffer.toString('latin1', from, from + digits);
    if (!/^\d{1,20}$/.test(cursor)) throw new ProtocolError('the cursor of SCAN is not a number');
    this.#position = from + digits + 2;
    const count = this.#header(0x2a);
    if (count === undefined) return undefined;
    if (count < 0 || count > MAX_PAGE_KEYS) throw new ProtocolError('a page of SCAN is too long');
    const ranges = new Uint32Array(count * 2);
    for (let i = 0; i < count; i++) {
      const size = this.#header(0x24);
      if (size === undefined) return undefined;
      const at = this.#position;
      if (size < 0) throw new ProtocolError('SCAN answered something else than a page of keys');
      if (this.#buffer.length < at + size + 2) return undefined;
      ranges[2 * i] = at;
      ranges[2 * i + 1] = at + size;
      this.#position = at + size + 2;
    }
    return {cursor, bytes: this.#buffer, ranges};
  }

  /** The length in a line of that kind; undefined while it is not whole. */
  #header(kind: number): number | undefined {
    const start = this.#position;
    const line = this.#number(start);
    if (line === undefined) return undefined;
    if (this.#buffer[start] !== kind) throw new ProtocolError('SCAN answered something else than a page of keys');
    return bounded(line, kind === 0x2a ? MAX_ELEMENTS : this.#maxBulkBytes);
  }

  /**
   * The number in the line at `start`, whose first byte says its kind; undefined while the line is not whole. Small ones, and nearly
   * all are, are read without a string in between. Leaves the position behind the line.
   */
  #number(start: number): number | bigint | undefined {
    const bytes = this.#buffer;
    let at = start + 1;
    const isNegative = bytes[at] === 0x2d;
    if (isNegative) at += 1;
    const first = at;
    let value = 0;
    for (let byte = bytes[at]; byte !== undefined && byte >= 48 && byte <= 57; byte = bytes[++at]) {
      value = value * 10 + (byte - 48);
    }
    if (at > first && at - first <= 15 && bytes[at] === 0x0d && bytes[at + 1] === 0x0a) {
      this.#position = at + 2;
      return isNegative ? -value : value;
    }
    const end = this.#lineEnd(start);
    if (end === undefined) return undefined;
    this.#position = end + 2;
    return integer(bytes.toString('latin1', start + 1, end));
  }

  /** Where the line at `start` ends, before its CR; undefined while it is not whole. */
  #lineEnd(start: number): number | undefined {
    const end = this.#buffer.indexOf('\r\n', start);
    if (end === -1) {
      if (this.#buffer.length - start > MAX_LINE_BYTES) throw new ProtocolError('a reply line has no end');
      this.#needed = this.#buffer.length - start + 1;
      return undefined;
    }
    if (end - start > MAX_LINE_BYTES) throw new ProtocolError('a reply line is too long');
    return end;
  }

  /** The next scalar, a new open array, or undefined when bytes are missing. */
  #scalar(): RespReply | OpenArray | undefined {
    const start = this.#position;
    this.#needed = 1;
    const kind = this.#buffer[start];
    if (kind === 0x3a) return this.#number(start);
    if (kind === 0x24 || kind === 0x2a) {
      const line = this.#number(start);
      if (line === undefined) return undefined;
      if (kind === 0x2a) return array(bounded(line, MAX_ELEMENTS));
      return this.#bulk(start, bounded(line, this.#maxBulkBytes));
    }
    if (kind !== 0x2b && kind !== 0x2d) throw new ProtocolError('a reply is not RESP2');
    const end = this.#lineEnd(start);
    if (end === undefined) return undefined;
    this.#position = end + 2;
    if (kind === 0x2d) return new ReplyError(this.#buffer.toString('utf8', start + 1, end));
    return this.#buffer.toString('latin1', start + 1, end);
  }

  /** The bulk reply whose head began at `start` and ends at the position. */
  #bulk(start: number, size: number): RespReply | undefined {
    if (size < 0) return null;
    const from = this.#position;
    if (this.#buffer.length < from + size + 2) {
      this.#needed = from + size + 2 - start;
      this.#position = start;
      return undefined;
    }
    if (this.#buffer[from + size] !== 0x0d || this.#buffer[from + size + 1] !== 0x0a)
      throw new ProtocolError('a bulk reply is longer than it says');
    this.#position = from + size + 2;
    return this.#buffer.subarray(from, from + size);
  }

  /** Puts a value where it belongs; returns the reply when it completes the outermost one. */
  #place(value: RespReply | OpenArray): RespReply | undefined {
    let done: RespReply;
    if (isOpen(value)) {
      if (value.size > 0) {
        if (this.#stack.length >= MAX_DEPTH) throw new ProtocolError('a reply is nested too deeply');
        this.#stack.push(value);
        return undefined;
      }
      done = value.items;
    } else done = value;
    for (;;) {
      const open = this.#stack.at(-1);
      if (open === undefined) return done;
      open.items.push(done);
      if (open.items.length < open.size) return undefined;
      this.#stack.pop();
      done = open.items;
    }
  }
}

function isOpen(value: RespReply | OpenArray): value is OpenArray {
  return value !== null && typeof value === 'object' && 'items' in value;
}

function array(size: number): OpenArray | null {
  return size < 0 ? null : {items: [], size};
}

function integer(line: string): number | bigint {
  if (!/^[+-]?\d{1,20}$/.test(line)) throw new ProtocolError('an integer reply is not a number');
  const value = Number(line);
  return Number.isSafeInteger(value) ? value : BigInt(line);
}

function bounded(value: number | bigint, max: number): number {
  if (typeof value === 'number' && value >= -1 && value <= max) return value;
  throw new ProtocolError('the length of a reply is out of bounds');
}
