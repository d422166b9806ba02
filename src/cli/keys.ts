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
/** From here on copying in one call is faster than byte by byte. */
const longCopy = 96;

/** The answer to one key as it goes out, its line end included; `echo` is the key as it came. */
export type Answer = (key: Buffer, echo: Buffer) => string | Buffer;

/** For answers that are the key and one of a few endings: nothing is allocated per key. */
export interface Endings {
  /** Which ending the key `bytes[start, end)` gets. */
  readonly choose: (bytes: Uint8Array, start: number, end: number) => number;
  readonly endings: readonly Uint8Array[];
}

/**
 * Chunks of standard input to chunks of standard output, in one pass over the bytes and into one buffer. Memory holds a
 * chunk, its answers and the longest key.
 */
export class KeyPass {
  readonly #format: KeyFormat;
  readonly #separator: number;
  readonly #answer: Answer | Endings;
  readonly #limit: number;
  /** The beginning of a key whose end has not come yet. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #out: Buffer = Buffer.allocUnsafe(1 << 17);
  #length = 0;
  #decoded: Buffer = Buffer.allocUnsafe(1 << 12);
  #keys = 0;
  /** Set when a key cannot be read. The answers to the keys before it have come out, and nothing more will. */
  failure: RtopoError | null = null;

  constructor(format: KeyFormat, answer: Answer | Endings, limit = longestKey) {
    this.#format = format;
    this.#separator = format.null ? 0x00 : 0x0a;
    this.#answer = answer;
    this.#limit = limit;
  }

  /** The answers to all keys that end in this chunk. Valid until the next call; the chunk must stay as it is. */
  push(chunk: Buffer): Buffer {
    this.#length = 0;
    let start = 0;
    for (;;) {
      let end = start;
      while (end < chunk.length && chunk[end] !== this.#separator) end++;
      if (end === chunk.length || this.failure !== null) break;
      if (this.#pieceBytes === 0) this.#take(chunk, start, end);
      else this.#takePieces(chunk.subarray(start, end));
      start = end + 1;
    }
    if (start < chunk.length && this.failure === null) this.#keep(chunk.subarray(start));
    return this.#out.subarray(0, this.#length);
  }

  /** The answer to a last key without its end. */
  end(): Buffer {
    this.#length = 0;
    if (this.#pieceBytes > 0 && this.failure === null) this.#takePieces(Buffer.alloc(0));
    return this.#out.subarray(0, this.#length);
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#limit) {
      this.failure = usageError({
        code: 'KEY_TOO_LONG',
        message: `${this.#place(this.#keys + 1)} is longer than the ${this.#limit} bytes that a key can have.`,
        remedy: 'One key per line; keys that end with NUL need --null.',
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
    if (!this.#format.base64) {
      this.#put(bytes, start, end, bytes, start, end);
      return;
    }
    if (this.#decoded.length < end - start) this.#decoded = Buffer.allocUnsafe(2 * (end - start));
    const length = decodeBase64(bytes, start, end, this.#decoded);
    if (length === -1) this.failure = notBase64(this.#place(this.#keys), this.#keys);
    else this.#put(this.#decoded, 0, length, bytes, start, end);
  }

  #put(key: Buffer, keyStart: number, keyEnd: number, echo: Buffer, start: number, end: number): void {
    const answer = this.#answer;
    if (typeof answer === 'function') {
      const text = answer(key.subarray(keyStart, keyEnd), echo.subarray(start, end));
      if (typeof text === 'string') {
        this.#reserve(text.length * 3);
        this.#length += this.#out.write(text, this.#length);
      } else this.#copy(text, 0, text.length);
      return;
    }
    const ending = answer.endings[answer.choose(key, keyStart, keyEnd)]!;
    this.#copy(echo, start, end);
    this.#copy(ending, 0, ending.length);
  }

  #copy(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    const out = this.#out;
    let at = this.#length;
    if (end - start > longCopy) out.set(bytes.subarray(start, end), at);
    else for (let i = start; i < end; i++) out[at++] = bytes[i]!;
    this.#length += end - start;
  }

  #reserve(count: number): void {
    if (this.#out.length - this.#length >= count) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + count));
    larger.set(this.#out.subarray(0, this.#length));
    this.#out = larger;
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
