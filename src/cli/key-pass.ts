/**
 * Keys on standard input, in any number, each answered on standard output.
 *
 * The bytes of a key are taken as they are. A key ends at the line feed (or the NUL) and nowhere else: a carriage return
 * before it belongs to the key, an empty line is the empty key, and the last key may lack its end.
 */
import {fstatSync} from 'node:fs';
import {type RtopoError, usageError} from '../errors.js';
import {decodeBase64} from './base64.js';
import {type KeyFormat, notBase64} from './keys.js';

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
    if (this.failure !== null) return this.#out.subarray(0, 0);
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
    if (length !== -1) this.#put(this.#decoded.subarray(0, length), echo);
    else this.failure = notBase64(`${this.#format.null ? 'Key' : 'Line'} ${this.#keys} of standard input`, this.#keys);
  }

  #put(key: Buffer, echo: Buffer): void {
    const answer = this.#answer;
    if (typeof answer === 'function') {
      const text = answer(key, echo);
      if (typeof text !== 'string') this.#append(text);
      else this.#length += this.#reserve(3 * text.length).write(text, this.#length);
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
 * seen run by then would make it start over with every chunk. Its arguments stand one by one, because out of an object they
 * made it a fifth slower.
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
  // Node reads a folder as if it were empty.
  if (fstatSync(0).isDirectory()) throw usageError({message: 'Standard input is a folder.', remedy: 'Give a file.'});
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
