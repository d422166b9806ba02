/** Requests as bytes: RESP2 arrays of bulk strings, many commands in one buffer. Arguments are never pasted into text. */

export type Part = Buffer | string | number;

const CR = 13;
const LF = 10;
const ZERO = 48;
const FIRST_BYTES = 16 * 1024;
/** A buffer that one large pipeline has made larger than this is not kept. */
const KEPT_BYTES = 2 * 1024 * 1024;
/** Shorter bytes are copied faster one by one than by a call into native code. */
const COPY_BY_HAND = 24;

/**
 * A pipeline of commands, written into one buffer that grows: no object per argument, for this runs a few times for every key that moves.
 * Source: the RESP2 specification, sections "Arrays" and "Bulk strings".
 */
export class Request {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;
  #count = 0;

  /** Commands so far: as many replies will come. */
  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#at;
  }

  add(command: readonly Part[]): this {
    this.begin(command.length);
    for (const part of command) this.part(part);
    return this;
  }

  /** The head of a command of so many arguments; `part` adds them one by one. */
  begin(length: number): void {
    this.#count += 1;
    this.#room(24);
    this.#header(0x2a, length);
  }

  /** A command of which all but the last argument is the same each time: `head` was made by `commandHead`. */
  with(head: Buffer, last: Buffer): void {
    this.#count += 1;
    this.#room(head.length);
    head.copy(this.#bytes, this.#at);
    this.#at += head.length;
    this.#binary(last);
  }

  part(part: Part): void {
    if (typeof part === 'string') this.#string(part);
    else if (typeof part === 'number') this.#number(part);
    else this.#binary(part);
  }

  /** The head of a command and arguments of it that are the same each time, made by `commandHead`; `part` or `framed` adds the others. */
  open(head: Buffer): void {
    this.#count += 1;
    this.framed(head, 0, head.length);
  }

  /** Arguments that stand in `bytes[start, end)` as they are sent: a bulk reply of a server, or those made by `framedParts`. */
  framed(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#room(length);
    if (length <= COPY_BY_HAND) {
      const [to, at] = [this.#bytes, this.#at];
      for (let i = 0; i < length; i++) to[at + i] = bytes[start + i]!;
    } else bytes.copy(this.#bytes, this.#at, start, end);
    this.#at += length;
  }

  /** Empty again, in the same buffer: whoever sent it must have its replies. */
  clear(): this {
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafe(FIRST_BYTES);
    [this.#at, this.#count] = [0, 0];
    return this;
  }

  /** The bytes of the pipeline. Nothing may be added afterwards. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #binary(part: Buffer): void {
    const {length} = part;
    this.#room(length + 24);
    this.#header(0x24, length);
    if (length <= COPY_BY_HAND) for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = part[i]!;
    else part.copy(this.#bytes, this.#at);
    this.#at += length;
    this.#end();
  }

  #string(part: string): void {
    const {length} = part;
    this.#room(length * 3 + 24);
    if (length > COPY_BY_HAND || !isAscii(part)) {
      this.#header(0x24, Buffer.byteLength(part));
      this.#at += this.#bytes.write(part, this.#at, 'utf8');
    } else {
      this.#header(0x24, length);
      for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = part.charCodeAt(i);
      this.#at += length;
    }
    this.#end();
  }

  #number(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > Number.MAX_SAFE_INTEGER) {
      this.#string(String(value));
      return;
    }
    this.#room(48);
    this.#header(0x24, digitsOf(value));
    this.#digits(value);
    this.#end();
  }

  #header(kind: number, length: number): void {
    this.#bytes[this.#at++] = kind;
    this.#digits(length);
    this.#end();
  }

  #digits(value: number): void {
    const count = digitsOf(value);
    let rest = value;
    for (let i = this.#at + count - 1; i >= this.#at; i--) {
      const next = Math.floor(rest / 10);
      this.#bytes[i] = ZERO + (rest - next * 10);
      rest = next;
    }
    this.#at += count;
  }

  #end(): void {
    this.#bytes[this.#at] = CR;
    this.#bytes[this.#at + 1] = LF;
    this.#at += 2;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** The bytes of a command up to its last argument, for `with`. */
export function commandHead(...parts: readonly string[]): Buffer {
  return commandOf(parts.length + 1, ...parts);
}

/** The first arguments of a command of so many, for `open`. */
export function commandOf(length: number, ...parts: readonly string[]): Buffer {
  const request = new Request();
  request.begin(length);
  for (const part of parts) request.part(part);
  return Buffer.from(request.bytes());
}

/** Further arguments, for `framed`. */
export function framedParts(...parts: readonly Part[]): Buffer {
  const request = new Request();
  for (const part of parts) request.part(part);
  return Buffer.from(request.bytes());
}

/** One buffer that holds every command, in order. */
export function encodeCommands(commands: readonly (readonly Part[])[]): Buffer {
  const request = new Request();
  for (const command of commands) request.add(command);
  return request.bytes();
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

function digitsOf(value: number): number {
  let [digits, bound] = [1, 10];
  while (value >= bound) {
    digits += 1;
    bound *= 10;
  }
  return digits;
}
