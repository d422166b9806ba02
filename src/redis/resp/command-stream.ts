/**
 * The stream of commands that a master sends to its replicas, from bytes: arrays of bulk strings, nothing else. Unlike a reply it may hold values of any size,
 * of which only the small ones are kept: names of keys are small. The length of the piece to be read is known, so that every count and length that
 * points beyond its end is refused at once, and nothing a hostile server says makes this wait or grow.
 */
import {ProtocolError} from './decode.js';

/** `args` may be shorter than `argc`, and holds null where an argument was too large to be kept. `args[0]` is the name. */
export interface StreamedCommand {
  readonly argc: number;
  readonly args: readonly (Buffer | null)[];
}

/** Longer arguments are read over. A key with a longer name exists in theory; whoever looks for it finds null and has to think of the worst. */
const MAX_ARGUMENT_BYTES = 64 * 1024;
/** Of one command, all arguments together. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;
const MAX_KEPT_ARGUMENTS = 200_000;
const MAX_DIGITS = 12;
/** `$0\r\n\r\n` */
const LEAST_ARGUMENT_BYTES = 6;

const [CR, LF, STAR, DOLLAR, ZERO, NINE] = [0x0d, 0x0a, 0x2a, 0x24, 0x30, 0x39];

export class CommandStream {
  readonly #lengthBytes: number;
  readonly #onCommand: (command: StreamedCommand) => void;
  #positionBytes = 0;
  #state: 'command' | 'argument' | 'body' | 'end' = 'command';
  /** Of the header line at hand: bytes seen, the number so far, and whether its CR has come. */
  #lineLength = 0;
  #value = 0;
  #isLineEnding = false;
  #argc = 0;
  #argumentsLeft = 0;
  #args: (Buffer | null)[] = [];
  #keptBytes = 0;
  #bodyBytes = 0;
  #bodyLeftBytes = 0;
  #endLeftBytes = 0;
  /** Pieces of the argument at hand; null when it is not kept. */
  #pieces: Buffer[] | null = null;

  /** @param lengthBytes how much is to be read; it has to end where a command ends */
  constructor(lengthBytes: number, onCommand: (command: StreamedCommand) => void) {
    this.#lengthBytes = lengthBytes;
    this.#onCommand = onCommand;
  }

  /** Everything that was to be read has been read. */
  get isDone(): boolean {
    return this.#positionBytes === this.#lengthBytes;
  }

  /** Feeds bytes; those behind the end are ignored. The arguments handed over are slices that live as long as this call. @throws ProtocolError */
  push(chunk: Buffer): void {
    const end = Math.min(chunk.length, this.#lengthBytes - this.#positionBytes);
    for (let at = 0; at < end; ) {
      const next = this.#step(chunk, at, end);
      this.#positionBytes += next - at;
      at = next;
      if (this.#state === 'end' && this.#endLeftBytes === 0) this.#settle();
    }
    if (this.isDone && (this.#state !== 'command' || this.#lineLength > 0))
      throw new ProtocolError('a command of the stream reaches beyond its end');
  }

  /** Takes at least one byte; returns the index behind what it took. */
  #step(chunk: Buffer, at: number, end: number): number {
    switch (this.#state) {
      case 'command':
      case 'argument':
        return this.#header(chunk, at, end);
      case 'body': {
        const next = Math.min(end, at + this.#bodyLeftBytes);
        this.#pieces?.push(chunk.subarray(at, next));
        this.#bodyLeftBytes -= next - at;
        if (this.#bodyLeftBytes === 0) this.#state = 'end';
        return next;
      }
      case 'end':
        if (chunk[at] !== (this.#endLeftBytes === 2 ? CR : LF))
          throw new ProtocolError('an argument of the stream is longer than it says');
        this.#endLeftBytes -= 1;
        return at + 1;
    }
  }

  #header(chunk: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const byte = chunk[at]!;
      const length = this.#lineLength++;
      if (length === 0) {
        if (byte !== (this.#state === 'command' ? STAR : DOLLAR)) throw new ProtocolError('the stream is no commands');
      } else if (this.#isLineEnding) {
        if (byte !== LF) throw new ProtocolError('a line of the stream has no end');
        const value = this.#value;
        [this.#lineLength, this.#value, this.#isLineEnding] = [0, 0, false];
        const leftBytes = this.#lengthBytes - this.#positionBytes - (at + 1 - from);
        if (this.#state === 'command') this.#openCommand(value, leftBytes);
        else this.#openArgument(value, leftBytes);
        return at + 1;
      } else if (byte === CR && length > 1) this.#isLineEnding = true;
      else if (byte >= ZERO && byte <= NINE && length <= MAX_DIGITS) this.#value = this.#value * 10 + byte - ZERO;
      else throw new ProtocolError('a length in the stream is no number');
    }
    return end;
  }

  #openCommand(argc: number, leftBytes: number): void {
    if (argc < 1 || argc * LEAST_ARGUMENT_BYTES > leftBytes)
      throw new ProtocolError('a command of the stream has a number of arguments that is out of bounds');
    this.#argc = argc;
    this.#argumentsLeft = argc;
    this.#args = [];
    this.#keptBytes = 0;
    this.#state = 'argument';
  }

  #openArgument(sizeBytes: number, leftBytes: number): void {
    if (sizeBytes + 2 > leftBytes)
      throw new ProtocolError('an argument of the stream has a length that is out of bounds');
    const isKept = sizeBytes <= MAX_ARGUMENT_BYTES && this.#keptBytes + sizeBytes <= MAX_KEPT_BYTES;
    this.#pieces = isKept ? [] : null;
    if (isKept) this.#keptBytes += sizeBytes;
    this.#bodyBytes = sizeBytes;
    this.#bodyLeftBytes = sizeBytes;
    this.#endLeftBytes = 2;
    this.#state = sizeBytes === 0 ? 'end' : 'body';
  }

  /** An argument is complete. */
  #settle(): void {
    const pieces = this.#pieces;
    this.#pieces = null;
    if (this.#args.length < MAX_KEPT_ARGUMENTS)
      this.#args.push(
        pieces === null ? null : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, this.#bodyBytes),
      );
    this.#argumentsLeft -= 1;
    this.#state = this.#argumentsLeft === 0 ? 'command' : 'argument';
    if (this.#argumentsLeft > 0) return;
    const args = this.#args;
    this.#args = [];
    this.#onCommand({argc: this.#argc, args});
  }
}
