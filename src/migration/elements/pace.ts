/**
 * How much of a value is asked for, or written, in one command. A server does one thing at a time: the longer a command takes, the longer
 * everybody else waits. So what a command took decides how large the next one may be.
 */
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import type {Part} from '../../redis/resp/encode.js';
import type {RespSocket} from '../../redis/resp/socket.js';

export interface Bounds {
  /** Largest part of a value in one command. */
  readonly chunkBytes: number;
  /** Longest that one command may keep a server busy. */
  readonly maxLatencyMs: number;
}

export const DEFAULT_BOUNDS: Bounds = {chunkBytes: 256 * 1024, maxLatencyMs: 5};

/** Less than this keeps no server busy; a line that is slower than that is slow by itself. */
const LEAST_BYTES = 32 * 1024;
/** What an element costs a server beside its bytes: it is found, allocated and linked. */
const ELEMENT_BYTES = 64;
const MOST_ELEMENTS = 10_000;

export class Pace {
  readonly #bounds: Bounds;
  #budgetBytes: number;
  #averageBytes: number;

  /** Begins with a quarter of what is allowed: the first command is the one about which nothing is known. */
  constructor(bounds: Bounds, averageBytes: number) {
    this.#bounds = bounds;
    this.#budgetBytes = Math.max(LEAST_BYTES, bounds.chunkBytes / 4);
    this.#averageBytes = averageBytes;
  }

  /** Bytes for the next command. */
  get bytes(): number {
    return Math.floor(this.#budgetBytes);
  }

  /** Elements for the next command. */
  get elements(): number {
    const count = Math.floor(this.#budgetBytes / (this.#averageBytes + ELEMENT_BYTES));
    return Math.max(1, Math.min(MOST_ELEMENTS, count));
  }

  /** Half as much after a command that took too long; slowly more again while they are quick. */
  learn(tookMs: number): void {
    const {chunkBytes, maxLatencyMs} = this.#bounds;
    if (tookMs > maxLatencyMs) this.#budgetBytes = Math.max(LEAST_BYTES, this.#budgetBytes / 2);
    else if (tookMs < maxLatencyMs / 2) this.#budgetBytes = Math.min(chunkBytes, this.#budgetBytes * 1.25);
  }

  /** A long element counts at once, short ones win back its place slowly: the neighbours of a long one are often long too. */
  measure(elements: number, bytes: number): void {
    if (elements === 0) return;
    const seen = bytes / elements;
    this.#averageBytes = Math.max(seen, this.#averageBytes * 0.75 + seen * 0.25);
  }
}

/** A connection whose commands are timed, without the time that the way to the server takes. */
export class Meter {
  readonly socket: RespSocket;
  readonly wayMs: number;

  private constructor(socket: RespSocket, wayMs: number) {
    this.socket = socket;
    this.wayMs = wayMs;
  }

  /** @param valueBytes what is about to be read or written; a small value is no reason to measure the way first */
  static async of(socket: RespSocket, valueBytes: number): Promise<Meter> {
    if (valueBytes < LEAST_BYTES) return new Meter(socket, 0);
    let wayMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3; i++) {
      const startMs = performance.now();
      await socket.batch([['PING']]);
      wayMs = Math.min(wayMs, performance.now() - startMs);
    }
    return new Meter(socket, wayMs);
  }

  /** All commands in one go; a refusal is thrown. */
  async batch(commands: readonly (readonly Part[])[], doing: string, pace?: Pace): Promise<RespReply[]> {
    const startMs = performance.now();
    const replies = await this.socket.batch(commands);
    pace?.learn(performance.now() - startMs - this.wayMs);
    const refused = replies.find((reply) => reply instanceof ReplyError) as ReplyError | undefined;
    if (refused === undefined) return replies;
    // Gone or replaced by a value of another type while it was read, or a consumer group went.
    if (/^(WRONGTYPE|NOGROUP)|^ERR no such key/.test(refused.text)) throw new ValueChanged();
    throw replyFault(this.socket.address, refused.text, doing);
  }

  async call(command: readonly Part[], doing: string, pace?: Pace): Promise<RespReply> {
    return (await this.batch([command], doing, pace))[0]!;
  }
}

/** Ends the reading of a value that changed under it. Never leaves this folder: to the outside it is a result. */
export class ValueChanged extends Error {
  override readonly name = 'ValueChanged';
}
