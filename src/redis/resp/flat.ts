/**
 * Replies of one pipeline as ranges of the bytes that came: nothing is allocated for a value that is only looked at and passed on. The same
 * buffers serve one pipeline after the other.
 */
import {ProtocolError, ReplyError} from './decode.js';

const FIRST_BYTES = 64 * 1024;
const FIRST_REPLIES = 1024;
/** Buffers that one large pipeline has made larger than this are not kept. */
const KEPT_BYTES = 2 * 1024 * 1024;
const MAX_LINE_BYTES = 64 * 1024;
const MAX_BULK_BYTES = 1024 * 1024 * 1024;
const MAX_REPLIES = 16 * 1024 * 1024;

const CR = 13;
const LF = 10;
const MINUS = 0x2d;
const STATUS = 0x2b;
const NUMBER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;

/**
 * Arrays are flat too: the array itself is one reply, and its elements follow as replies of their own.
 * Source: the RESP2 specification.
 */
export class FlatReplies {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  #at = 0;
  #left = 0;
  #count = 0;
  /** Where reply `i` begins, where its content does, and where that ends; for a nil the content ends before it begins. */
  #heads = new Int32Array(FIRST_REPLIES);
  #starts = new Int32Array(FIRST_REPLIES);
  #ends = new Int32Array(FIRST_REPLIES);

  /** What came, from the first reply on. Valid until the next `reset`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Replies so far, elements of arrays counted. */
  get count(): number {
    return this.#count;
  }

  /** Ready for so many replies. */
  reset(expected: number): void {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
    [this.#length, this.#at, this.#count, this.#left] = [0, 0, 0, expected];
  }

  /**
   * Takes a copy of what arrived. Returns how many bytes of it were ours when all replies are there, -1 while some are missing.
   * @throws ProtocolError
   */
  push(chunk: Buffer): number {
    const before = this.#length;
    this.#room(chunk.length);
    chunk.copy(this.#bytes, before);
    this.#length = before + chunk.length;
    while (this.#left > 0) if (!this.#next()) return -1;
    return this.#at - before;
  }

  isBulk(i: number): boolean {
    return this.#bytes[this.#heads[i]!] === BULK && this.#ends[i]! >= this.#starts[i]!;
  }

  isArray(i: number): boolean {
    return this.#bytes[this.#heads[i]!] === ARRAY && this.#ends[i]! >= this.#starts[i]!;
  }

  isOk(i: number): boolean {
    const [head, bytes] = [this.#heads[i]!, this.#bytes];
    return (
      bytes[head] === STATUS && this.#ends[i]! - head === 3 && bytes[head + 1] === 0x4f && bytes[head + 2] === 0x4b
    );
  }

  /** Null where the server did not refuse. */
  refusal(i: number): ReplyError | null {
    if (this.#bytes[this.#heads[i]!] !== MINUS) return null;
    return new ReplyError(this.#bytes.toString('utf8', this.#starts[i], this.#ends[i]));
  }

  /** An integer reply; NaN where it is none, or beyond what a number can tell. */
  number(i: number): number {
    if (this.#bytes[this.#heads[i]!] !== NUMBER) return Number.NaN;
    let at = this.#starts[i]!;
    const end = this.#ends[i]!;
    const isNegative = this.#bytes[at] === MINUS;
    if (isNegative) at += 1;
    let value = 0;
    for (; at < end; at++) value = value * 10 + (this.#bytes[at]! - 48);
    return Number.isSafeInteger(value) ? (isNegative ? -value : value) : Number.NaN;
  }

  /** Bytes of a bulk reply. */
  size(i: number): number {
    return this.#ends[i]! - this.#starts[i]!;
  }

  /** Where the reply begins, and the byte behind it: a bulk reply as it stands there is an argument as it has to be sent. */
  head(i: number): number {
    return this.#heads[i]!;
  }

  tail(i: number): number {
    return this.#ends[i]! + 2;
  }

  start(i: number): number {
    return this.#starts[i]!;
  }

  end(i: number): number {
    return this.#ends[i]!;
  }

  /** False while the next reply is not whole. */
  #next(): boolean {
    const head = this.#at;
    const bytes = this.#bytes;
    if (head >= this.#length) return false;
    const kind = bytes[head]!;
    const end = this.#lineEnd(head, kind);
    if (end === -1) return false;
    if (kind === STATUS || kind === MINUS || kind === NUMBER) {
      this.#add(head, head + 1, end);
      this.#at = end + 2;
      return true;
    }
    const size = lengthIn(bytes, head + 1, end);
    if (kind === ARRAY) {
      if (this.#left + size > MAX_REPLIES) throw new ProtocolError('the length of a reply is out of bounds');
      this.#add(head, size < 0 ? end + 1 : head + 1, end);
      this.#left += Math.max(0, size);
      this.#at = end + 2;
      return true;
    }
    const start = end + 2;
    if (size < 0) {
      this.#add(head, start + 1, start);
      this.#at = start;
      return true;
    }
    if (start + size + 2 > this.#length) return false;
    if (bytes[start + size] !== CR || bytes[start + size + 1] !== LF)
      throw new ProtocolError('a bulk reply is longer than it says');
    this.#add(head, start, start + size);
    this.#at = start + size + 2;
    return true;
  }

  /** Where the line ends, before its CR; -1 while it is not whole. */
  #lineEnd(head: number, kind: number): number {
    const bytes = this.#bytes;
    if (kind !== STATUS && kind !== MINUS && kind !== NUMBER && kind !== BULK && kind !== ARRAY)
      throw new ProtocolError('a reply is not RESP2');
    const isDigits = kind === NUMBER || kind === BULK || kind === ARRAY;
    let at = head + 1;
    for (; at < this.#length && bytes[at] !== CR; at++) {
      if (isDigits && !isDigit(bytes[at]!, at === head + 1))
        throw new ProtocolError('an integer reply is not a number');
    }
    if (at - head > MAX_LINE_BYTES) throw new ProtocolError('a reply line is too long');
    if (at + 1 >= this.#length) return -1;
    if (bytes[at + 1] !== LF || (isDigits && at === head + 1)) throw new ProtocolError('a reply line has no end');
    return at;
  }

  #add(head: number, start: number, end: number): void {
    const i = this.#count;
    if (i === this.#heads.length) this.#grow();
    this.#heads[i] = head;
    this.#starts[i] = start;
    this.#ends[i] = end;
    this.#count = i + 1;
    this.#left -= 1;
  }

  #grow(): void {
    this.#heads = grown(this.#heads);
    this.#starts = grown(this.#starts);
    this.#ends = grown(this.#ends);
  }

  #room(more: number): void {
    const wanted = this.#length + more;
    if (wanted <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, wanted));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

function isDigit(byte: number, isFirst: boolean): boolean {
  return (byte >= 48 && byte <= 57) || (isFirst && byte === MINUS);
}

/** A length: -1 for nothing, or a number of bytes or elements. */
function lengthIn(bytes: Buffer, from: number, end: number): number {
  if (bytes[from] === MINUS) {
    if (end - from === 2 && bytes[from + 1] === 49) return -1;
    throw new ProtocolError('the length of a reply is out of bounds');
  }
  let value = 0;
  for (let at = from; at < end; at++) value = value * 10 + (bytes[at]! - 48);
  if (value > MAX_BULK_BYTES) throw new ProtocolError('the length of a reply is out of bounds');
  return value;
}

function grown(old: Int32Array) {
  const larger = new Int32Array(old.length * 2);
  larger.set(old);
  return larger;
}
