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
    for (;;) {
      const value = this.#next();
      if (value === undefined) return;
      const reply = this.#place(value);
      if (reply !== undefined) onReply(reply);
    }
  }

  /** The next scalar, a new open array, or undefined when bytes are missing. */
  #next(): RespReply | OpenArray | undefined {
    const start = this.#position;
    const end = this.#buffer.indexOf('\r\n', start);
    if (end === -1) {
      if (this.#buffer.length - start > MAX_LINE_BYTES) throw new ProtocolError('a reply line has no end');
      this.#needed = this.#buffer.length - start + 1;
      return undefined;
    }
    if (end - start > MAX_LINE_BYTES) throw new ProtocolError('a reply line is too long');
    const line = this.#buffer.toString('latin1', start + 1, end);
    this.#needed = 1;
    switch (this.#buffer[start]) {
      case 0x2b: // +
        this.#position = end + 2;
        return line;
      case 0x2d: // -
        this.#position = end + 2;
        return new ReplyError(this.#buffer.toString('utf8', start + 1, end));
      case 0x3a: // :
        this.#position = end + 2;
        return integer(line);
      case 0x24: // $
        return this.#bulk(start, end, length(line, this.#maxBulkBytes));
      case 0x2a: // *
        this.#position = end + 2;
        return array(length(line, MAX_ELEMENTS));
      default:
        throw new ProtocolError('a reply is not RESP2');
    }
  }

  #bulk(start: number, lineEnd: number, size: number): RespReply | undefined {
    const from = lineEnd + 2;
    if (size < 0) {
      this.#position = from;
      return null;
    }
    if (this.#buffer.length < from + size + 2) {
      this.#needed = from + size + 2 - start;
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

function length(line: string, max: number): number {
  const value = /^-?\d{1,12}$/.test(line) ? Number(line) : Number.NaN;
  if (!(value >= -1 && value <= max)) throw new ProtocolError('the length of a reply is out of bounds');
  return value;
}
