/**
 * Keys on standard input, in any number, each answered on standard output.
 *
 * The bytes of a key are taken as they are. A key ends at the line feed (or the NUL) and nowhere else: a carriage return
 * before it belongs to the key, an empty line is the empty key, and the last key may lack its end.
 */
import {fstatSync, read} from 'node:fs';
import {type RtopoError, usageError} from '../errors.js';
import {decodeBase64} from './base64.js';
import {type Choose, EndingWords, echoChosen, echoFolded, type Folded, wordOf} from './echo-keys.js';
import {type KeyFormat, notBase64} from './keys.js';

/** What Redis takes at most for one string. */
const longestKey = 512 * 1024 * 1024;

/** The answer to one key as it goes out, its line end included; `echo` is the key as it came. */
export type Answer = (key: Buffer, echo: Buffer) => string | Buffer;

/** Answers that are the echo of the key and one of a few endings: nothing is allocated per key. */
export interface Endings {
  readonly choose: Choose;
  /** The same choice in one pass over the bytes, where there is one. */
  readonly folded?: Folded | null;
  /** The last one is for keys that `choose` gives no ending, with a number below 0. */
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
  readonly #words: EndingWords | null;
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
    this.#words = typeof answer === 'function' || format.base64 ? null : new EndingWords(answer.endings);
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
    const echoed = typeof answer === 'function' || this.#words === null ? start : this.#echo(chunk, start, end, answer);
    for (let from = echoed, at = echoed; at < end && this.failure === null; at++) {
      if (chunk[at] !== this.#separator) continue;
      this.#take(chunk, from, at);
      from = at + 1;
    }
    return end;
  }

  /** Answers the keys from `start` to `end` in the hot loop, but for those at the end of memory; where it stopped. */
  #echo(chunk: Buffer, start: number, end: number, {choose, folded = null}: Endings): number {
    const words = this.#words!;
    const input = new DataView(chunk.buffer, chunk.byteOffset);
    const to = end + 3 <= input.byteLength ? end : chunk.lastIndexOf(this.#separator, input.byteLength - 4) + 1;
    if (to <= start) return start;
    // Room for the worst case, empty keys only: memory that is not written to costs nothing.
    const out = this.#reserve((to - start) * words.slackBytes);
    const output = new DataView(out.buffer);
    const separators = wordOf(this.#separator);
    if (folded === null)
      this.#length = echoChosen(chunk, input, start, to, separators, output, this.#length, choose, words);
    else {
      const openers = folded.opener === null ? separators : wordOf(folded.opener);
      const {fold, ownerOfHash} = folded;
      this.#length = echoFolded(
        ...([chunk, input, start, to, separators, openers, output, this.#length] as const),
        ...([choose, fold, ownerOfHash, words] as const),
      );
    }
    return to;
  }

  #keep(piece: Buffer): void {
    // A copy: the memory of the chunk may be used for the next one.
    this.#pieces.push(Buffer.from(piece));
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
    this.#append(answer.endings.at(Math.max(-1, answer.choose(key, 0, key.length)))!);
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

/**
 * Feeds standard input to `pass` and its answers to standard output, at the pace of whoever reads them.
 * These bytes do not pass `writeOut`: whoever streams keys has resolved no secret.
 */
export async function answerKeys(pass: KeyPass): Promise<void> {
  const stat = fstatSync(0);
  // Node reads a folder as if it were empty.
  if (stat.isDirectory()) throw usageError({message: 'Standard input is a folder.', remedy: 'Give a file.'});
  for await (const chunk of stat.isFile() ? largeChunks() : process.stdin) {
    await written(pass.push(chunk));
    if (pass.failure !== null) throw pass.failure;
  }
  await written(pass.end());
  if (pass.failure !== null) throw pass.failure;
}

/** The answers to some keys, all their lines together. */
export type BatchAnswer = (keys: readonly {readonly key: Buffer; readonly echo: Buffer}[]) => Promise<string | Buffer>;

/** The same for answers that take time: the keys of a chunk are answered together, and the next chunk waits for them. */
export async function answerBatches(format: KeyFormat, answer: BatchAnswer): Promise<void> {
  let batch: {key: Buffer; echo: Buffer}[] = [];
  // Copies: chunk and decoded key are written over by the next ones.
  const pass = new KeyPass(format, (key, echo) => {
    batch.push({key: Buffer.from(key), echo: Buffer.from(echo)});
    return '';
  });
  const drain = async (): Promise<void> => {
    if (batch.length > 0) await written(Buffer.from(await answer(batch)));
    batch = [];
  };
  for await (const chunk of process.stdin) {
    pass.push(chunk);
    await drain();
    if (pass.failure !== null) throw pass.failure;
  }
  pass.end();
  await drain();
  if (pass.failure !== null) throw pass.failure;
}

const fileChunkBytes = 1 << 18;

/** Standard input from a file, always into the same memory: Node's own stream gives every 64 kB a new one, at a third of the time. */
async function* largeChunks(): AsyncGenerator<Buffer> {
  // Three bytes more: see `#echo`.
  const chunk = Buffer.allocUnsafeSlow(fileChunkBytes + 4);
  for (;;) {
    const length = await new Promise<number>((resolve, reject) => {
      read(0, chunk, 0, fileChunkBytes, null, (error, count) => (error === null ? resolve(count) : reject(error)));
    });
    if (length === 0) return;
    yield chunk.subarray(0, length);
  }
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
