/** The digest of a value on a server, whatever its size, and the comparison of two copies by it. */
import {ExitCode, RtopoError} from '../../errors.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {addressText} from '../../topology/types.js';
import type {Comparison} from '../compare.js';
import {foldValue} from './fold.js';
import {type Bounds, DEFAULT_BOUNDS, Meter, Pace, ValueChanged} from './pace.js';
import {type ElementType, keyText, readHead} from './read.js';
import {readStreamFacts} from './stream-facts.js';

export interface CompareOptions extends Partial<Bounds> {
  /** Awaited after each part: the place for a limit of speed. */
  readonly onChunk?: (bytes: number) => void | Promise<void>;
}

export interface DigestOptions extends CompareOptions {
  /** Whether the server has expiries of single hash fields; found out by asking when it is not said. */
  readonly hasFieldTtl?: boolean;
}

export interface ValueDigest {
  readonly type: ElementType;
  /** Hex; equal for equal values, of whatever encoding, server or version. */
  readonly digest: string;
  /** Epoch milliseconds; -1 without expiry. Not part of the digest. */
  readonly expireAtMs: number;
  readonly bytes: number;
}

/** A value that is written to all the time is no value that could be compared. */
const MAX_ATTEMPTS = 3;

/**
 * Reads the value once, part by part; null when there is no such key. Sends reads only, and nothing that would end a WATCH.
 * @throws RtopoError `VALUE_CHANGING` when it changes whenever it is read, `VALUE_OF_A_MODULE` when only its module can read it
 */
export async function digestByElements(
  socket: RespSocket,
  key: Buffer,
  options: DigestOptions = {},
): Promise<ValueDigest | null> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const digest = await tryDigest(socket, key, options);
    if (digest !== 'changed') return digest;
  }
  throw new RtopoError({
    code: 'VALUE_CHANGING',
    exit: ExitCode.incomplete,
    message: `${keyText(key)} on ${addressText(socket.address)} changes while it is read: somebody writes to it.`,
    remedy: 'stop the writers, then run the command again',
  });
}

/** One attempt: `changed` when the value was not the same from the first part to the last. */
export async function tryDigest(
  socket: RespSocket,
  key: Buffer,
  options: DigestOptions = {},
): Promise<ValueDigest | null | 'changed'> {
  const {hasFieldTtl = null, onChunk} = options;
  const bounds = boundsOf(options);
  try {
    const head = await readHead(socket, key);
    if (head === null) return null;
    const meter = await Meter.of(socket, head.size * head.averageBytes);
    const facts = head.type === 'stream' ? await readStreamFacts(meter, key) : null;
    let bytes = 0;
    const count = async (part: {readonly bytes: number}) => {
      bytes += part.bytes;
      await onChunk?.(part.bytes);
    };
    const reading = {meter, key, head, pace: new Pace(bounds, head.averageBytes), knowsFieldTtl: hasFieldTtl};
    const digest = await foldValue(reading, facts, {chunk: count, streamPart: count});
    return {type: head.type, digest, expireAtMs: head.expireAtMs, bytes};
  } catch (error) {
    if (error instanceof ValueChanged) return 'changed';
    throw error;
  }
}

export function boundsOf(options: Partial<Bounds>): Bounds {
  const {chunkBytes = DEFAULT_BOUNDS.chunkBytes, maxLatencyMs = DEFAULT_BOUNDS.maxLatencyMs} = options;
  return {chunkBytes, maxLatencyMs};
}

/** Two copies of a key, the same expiry to the millisecond included. A copy that changes while it is read is different. */
export async function compareByElements(
  source: RespSocket,
  target: RespSocket,
  key: Buffer,
  options: CompareOptions = {},
): Promise<Comparison> {
  return (await compareValues(source, target, key, options)).comparison;
}

/** Like `compareByElements`; `value` is that of the source, null when it is not there or changes all the time. */
export async function compareValues(
  source: RespSocket,
  target: RespSocket,
  key: Buffer,
  options: CompareOptions,
): Promise<{readonly comparison: Comparison; readonly value: ValueDigest | null}> {
  const sides = [source, target].map((socket) => digestByElements(socket, key, options).catch(changing));
  // Both are waited for, also when one fails: whoever called may use its connections again.
  await Promise.allSettled(sides);
  const [left, right] = (await Promise.all(sides)) as [Side, Side];
  const value = left === 'changing' ? null : left;
  if (left === null) return {comparison: 'no-source', value};
  if (right === null) return {comparison: 'no-target', value};
  if (left === 'changing' || right === 'changing') return {comparison: 'different', value};
  const isEqual = left.digest === right.digest && left.expireAtMs === right.expireAtMs;
  return {comparison: isEqual ? 'equal' : 'different', value};
}

type Side = ValueDigest | null | 'changing';

function changing(error: unknown): 'changing' {
  if (error instanceof RtopoError && error.code === 'VALUE_CHANGING') return 'changing';
  throw error;
}
