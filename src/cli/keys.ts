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
  readonly #words: EndingWords;
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
    this.#words = wordsOf(typeof answer === 'function' ? [] : answer.endings);
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
    const end = Math.max(start, chunk.lastIndexOf(this.#separator) + 1);
    if (typeof answer !== 'function' && !this.#format.base64) {
      // Room for the worst case, empty keys only: memory that is not written to costs nothing.
      const out = this.#reserve((end - start) * this.#words.longest);
      const keys = chunk.subarray(start, end);
      const view = new DataView(out.buffer);
      this.#length = echoKeys(keys, this.#separator, out, this.#length, answer.choose, this.#words, view);
      return end;
    }
    for (let from = start, at = start; at < end && this.failure === null; at++) {
      if (chunk[at] !== this.#separator) continue;
      this.#take(chunk, from, at);
      from = at + 1;
    }
    return end;
  }

  #keep(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#pieceBytes += piece.length;
    if (this.#pieceBytes > this.#limitBytes) {
      this.failure = usageError({
        code: 'KEY_TOO_LONG',
        message: `A key on standard input is longer than the ${this.#limitBytes} bytes that a key can have.`,
        remedy: this.#format.null
          ? 'Without --null keys end with a line break.'
          : 'Keys that end with NUL need --null.',
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
    const what = `${this.#format.null ? 'Key' : 'Line'} ${this.#keys} of standard input`;
    if (length === -1) this.failure = notBase64(what, this.#keys);
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
}

/** Endings for the hot loop: bytes filled up to whole words, as little-endian numbers, and how many bytes count. */
interface EndingWords {
  readonly words: readonly Uint32Array[];
  readonly lengths: readonly number[];
  /** In bytes, filled up. */
  readonly longest: number;
}

function wordsOf(endings: readonly Buffer[]): EndingWords {
  const words = endings.map((ending) => {
    const padded = Buffer.concat([ending, Buffer.alloc(3)]);
    return new Uint32Array(Math.ceil(ending.length / 4)).map((_, i) => padded.readUInt32LE(4 * i));
  });
  return {words, lengths: endings.map(({length}) => length), longest: 4 * Math.max(...words.map(({length}) => length))};
}

/**
 * The hot loop: searches the end of each key while it copies the key to the output at `start`; returns the end of the
 * output. Every key in `chunk` has its end. Endings are written in words of four bytes; what the last word has too many is
 * overwritten by the next key.
 *
 * It allocates nothing and computes nothing behind the loop: the compiler optimises it inside the loop, and what it has not
 * seen run by then would make it start over with every chunk.
 */
function echoKeys(
  chunk: Buffer,
  separator: number,
  out: Buffer,
  start: number,
  choose: Endings['choose'],
  {words, lengths}: EndingWords,
  view: DataView,
): number {
  let at = start;
  for (let i = 0, from = 0; i < chunk.length; i++) {
    const byte = chunk[i]!;
    if (byte !== separator) {
      out[at++] = byte;
      continue;
    }
    const owner = choose(chunk, from, i);
    const ending = words[owner]!;
    for (let j = 0; j < ending.length; j++) view.setUint32(at + 4 * j, ending[j]!, true);
    at += lengths[owner]!;
    from = i + 1;
  }
  return at;
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
