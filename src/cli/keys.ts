/**
 * Keys as they are given to a command: as arguments, or in any number on standard input.
 *
 * The bytes of a key are taken as they are. On standard input a key ends at the line feed (or the NUL) and nowhere else:
 * a carriage return before it belongs to the key, an empty line is the empty key, and the last key may lack its end.
 */
import {type RtopoError, usageError} from '../errors.js';
import {decodeBase64} from './base64.js';

export interface KeyFormat {
  /** Keys are written in base64. */
  readonly base64: boolean;
  /** On standard input keys end with NUL, not with a line break. */
  readonly null: boolean;
}

/** The keys among the arguments of `command`, as bytes; null when `-` says that they come on standard input. */
export function keyArguments(command: string, words: readonly string[], format: KeyFormat): Buffer[] | null {
  if (words.length === 0) {
    throw usageError({message: 'No key was given.', remedy: `${command} user:42, or ${command} - < keys.txt`});
  }
  if (words.includes('-')) {
    if (words.length === 1) return null;
    throw usageError({
      message: '- means the keys on standard input, so no other key can stand beside it.',
      remedy: `${command} - < keys.txt; the key "-" itself goes on standard input too`,
    });
  }
  if (format.null) {
    throw usageError({message: '--null is about keys on standard input.', remedy: `${command} - --null < keys.bin`});
  }
  return words.map((word, index) => (format.base64 ? decodedArgument(word, index) : Buffer.from(word)));
}

/** A warning when bytes of an argument may have been lost: by the time it reaches us, what is not UTF-8 is U+FFFD. */
export function lossyArguments(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return [];
  return ['A key holds U+FFFD, which stands for bytes that are not UTF-8. Give such a key with --base64 or through -.'];
}

function decodedArgument(word: string, index: number): Buffer {
  const bytes = Buffer.from(word);
  const length = decodeBase64(bytes, 0, bytes.length, bytes);
  if (length === -1) throw notBase64(`Key ${index + 1} on the command line`, index + 1);
  return bytes.subarray(0, length);
}

function notBase64(what: string, line: number): RtopoError {
  return usageError({
    code: 'KEY_NOT_BASE64',
    message: `${what} is not base64: the standard alphabet, with padding and without spaces.`,
    remedy: 'Encode each key on its own, for example with base64 -w0, or leave out --base64.',
    details: {line},
  });
}

/** What Redis takes at most for one string. */
const longestKey = 512 * 1024 * 1024;

/** The answer to one key as it goes out, its line end included; `echo` is the key as it came. */
export type Answer = (key: Buffer, echo: Buffer) => string | Buffer;

/** Answers that are the echo of the key and one of a few endings: nothing is allocated per key. */
export interface Endings {
  /** Which ending the key `bytes[start, end)` gets. */
  readonly choose: (bytes: Uint8Array, start: number, end: number) => number;
  readonly endings: readonly Buffer[];
}

/**
 * Chunks of standard input to chunks of standard output, in one pass over the bytes and into one buffer. Memory holds a
 * chunk, its answers and the longest key.
 */
export class KeyPass {
  readonly #format: KeyFormat;
  readonly #separator: number;
  readonly #answer: Answer | Endings;
  readonly #limitBytes: number;
  /** The beginning of a key whose end has not come yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #out = Buffer.allocUnsafeSlow(1 << 18);
  #length = 0;
  #decoded = Buffer.allocUnsafeSlow(1 << 12);
  #keys = 0;
  /** Set when a key cannot be read. The answers to the keys before it have come out, and nothing more will. */
  failure: RtopoError | null = null;

  constructor(format: KeyFormat, answer: Answer | Endings, limitBytes = longestKey) {
    this.#format = format;
    this.#separator = format.null ? 0x00 : 0x0a;
    this.#answer = answer;
    this.#limitBytes = limitBytes;
  }

  /** The answers to all keys that end in this chunk. Valid until the next call; the chunk must stay as it is. */
  push(chunk: Buffer): Buffer {
    this.#length = 0;
    let start = 0;
    if (this.#pieceBytes > 0) {
      const end = chunk.indexOf(this.#separator);
      if (end !== -1) this.#takePieces(chunk.subarray(0, end));
      start = end === -1 ? 0 : end + 1;
    }
    // A chunk within one key is only kept: there is no end in it to be searched for again.
    if (this.#pieceBytes === 0) start = this.#takeAll(chunk, start);
    if (start < chunk.length && this.failure === null) this.#keep(chunk.subarray(start));
    return this.#out.subarray(0, this.#length);
  }

  /** The answer to a last key without its end. */
  end(): Buffer {
    this.#length = 0;
    if (this.#pieceBytes > 0 && this.failure === null) this.#takePieces(Buffer.alloc(0));
    return this.#out.subarray(0, this.#length);
  }

  /** Answers the keys that end in `chunk`, from `start` on. Where the key begins that does not end there. */
  #takeAll(chunk: Buffer, start: number): number {
    const answer = this.#answer;
    if (typeof answer !== 'function' && !this.#format.base64) return this.#echoAll(chunk, start, answer);
    let from = start;
    for (let at = start; at < chunk.length && this.failure === null; at++) {
      if (chunk[at] !== this.#separator) continue;
      this.#take(chunk, from, at);
      from = at + 1;
    }
    return from;
  }

  /** The hot loop: searches the end of a key and copies it to the output in one go. */
  #echoAll(chunk: Buffer, start: number, {choose, endings}: Endings): number {
    const separator = this.#separator;
    const longest = Math.max(...endings.map((ending) => ending.length));
    let out = this.#reserve(chunk.length - start + longest);
    let [at, from] = [this.#length, start];
    for (let i = start; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (byte !== separator) {
        out[at++] = byte;
        continue;
      }
      const ending = endings[choose(chunk, from, i)]!;
      for (let j = 0; j < ending.length; j++) out[at++] = ending[j]!;
      this.#length = at;
      from = i + 1;
      // Room for all that can come before the next look: the rest of the chunk as one key, and its ending.
      if (out.length - at < chunk.length - i + longest) out = this.#reserve(chunk.length - i + longest);
      this.#keys++;
    }
    return from;
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#limitBytes) {
      this.failure = usageError({
        code: 'KEY_TOO_LONG',
        message: `${this.#place(this.#keys + 1)} is longer than the ${this.#limitBytes} bytes that a key can have.`,
        remedy: this.#format.null ? 'Keys must end with NUL.' : 'One key per line; keys that end with NUL need --null.',
        details: {line: this.#keys + 1},
      });
    }
  }

  #takePieces(last: Buffer): void {
    const key = Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    this.#take(key, 0, key.length);
  }

  #take(bytes: Buffer, start: number, end: number): void {
    this.#keys++;
    const echo = bytes.subarray(start, end);
    if (!this.#format.base64) {
      this.#put(echo, echo);
      return;
    }
    if (this.#decoded.length < echo.length) this.#decoded = Buffer.allocUnsafeSlow(2 * echo.length);
    const length = decodeBase64(echo, 0, echo.length, this.#decoded);
    if (length === -1) this.failure = notBase64(this.#place(this.#keys), this.#keys);
    else this.#put(this.#decoded.subarray(0, length), echo);
  }

  #put(key: Buffer, echo: Buffer): void {
    const answer = this.#answer;
    if (typeof answer === 'function') {
      const text = answer(key, echo);
      this.#append(typeof text === 'string' ? Buffer.from(text) : text);
      return;
    }
    this.#append(echo);
    this.#append(answer.endings[answer.choose(key, 0, key.length)]!);
  }

  #append(bytes: Buffer): void {
    this.#reserve(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The output, with room for so many more bytes. */
  #reserve(count: number): Buffer {
    if (this.#out.length - this.#length < count) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.#length + count));
      larger.set(this.#out.subarray(0, this.#length));
      this.#out = larger;
    }
    return this.#out;
  }

  #place(key: number): string {
    return `${this.#format.null ? 'Key' : 'Line'} ${key} of standard input`;
  }
}

/**
 * Feeds standard input to `pass` and its answers to standard output, at the pace of whoever reads them.
 * These bytes do not pass `writeOut`: whoever streams keys has resolved no secret.
 */
export async function answerKeys(pass: KeyPass): Promise<void> {
  for await (const chunk of process.stdin) {
    await written(pass.push(chunk));
    if (pass.failure !== null) throw pass.failure;
  }
  await written(pass.end());
  if (pass.failure !== null) throw pass.failure;
}

/** A write that fails does not come back: `main.ts` ends the process, quietly when the reader has closed the pipe. */
function written(bytes: Buffer): Promise<void> {
  if (bytes.length === 0) return Promise.resolve();
  return new Promise((resolve) => {
    process.stdout.write(bytes, (error) => {
      if (error === undefined || error === null) resolve();
    });
  });
}
