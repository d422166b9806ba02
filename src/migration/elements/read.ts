/** Reads a value part by part: strings by ranges, lists and sorted sets by positions, sets and hashes by their cursors. */
import {ExitCode, escapeText, RtopoError} from '../../errors.js';
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {addressText} from '../../topology/types.js';
import {type Meter, type Pace, ValueChanged} from './pace.js';

export type ElementType = 'string' | 'list' | 'set' | 'hash' | 'zset' | 'stream';

/** What is known of a value before it is read. */
export interface Head {
  readonly type: ElementType;
  /** Epoch milliseconds; -1 without expiry. */
  readonly expireAtMs: number;
  /** Elements, or bytes of a string. */
  readonly size: number;
  /** Guessed by the server from a sample. */
  readonly averageBytes: number;
}

/** A part of a value. `parts` are elements of one piece (string, list, set) or two (field and value, member and score). */
export interface Chunk {
  readonly parts: readonly Buffer[];
  readonly bytes: number;
  /** Of a hash, per field: epoch milliseconds, or -1. Null when no field of the chunk expires. */
  readonly expiries: readonly number[] | null;
}

const SIZE: Readonly<Record<ElementType, string>> = {
  string: 'STRLEN',
  list: 'LLEN',
  set: 'SCARD',
  hash: 'HLEN',
  zset: 'ZCARD',
  stream: 'XLEN',
};

/** Pieces of an element. */
export const WIDTH: Readonly<Record<ElementType, number>> = {string: 1, list: 1, set: 1, hash: 2, zset: 2, stream: 1};

/** An element of a value of which the server does not say how large it is. */
const UNKNOWN_BYTES = 4096;

/** Null when there is no such key. @throws RtopoError for a value of a module: only the module can read it */
export async function readHead(socket: RespSocket, key: Buffer): Promise<Head | null> {
  const [type, expiry, memory] = await socket.batch([
    ['TYPE', key],
    ['PEXPIRETIME', key],
    ['MEMORY', 'USAGE', key],
  ]);
  for (const reply of [type, expiry])
    if (reply instanceof ReplyError) throw replyFault(socket.address, reply.text, 'reading a key');
  const name = String(type);
  if (name === 'none' || expiry === -2) return null;
  if (!(name in SIZE)) throw unreadable(socket, key, name);
  const [size] = await socket.batch([[SIZE[name as ElementType], key]]);
  if (size instanceof ReplyError && size.word !== 'WRONGTYPE')
    throw replyFault(socket.address, size.text, 'reading a key');
  // Gone, or replaced by another type, between the two questions: only strings and streams can be empty.
  if (typeof size !== 'number' || (size === 0 && name !== 'string' && name !== 'stream')) throw new ValueChanged();
  const averageBytes = typeof memory === 'number' && size > 0 ? memory / size : UNKNOWN_BYTES;
  return {type: name as ElementType, expireAtMs: Number(expiry), size, averageBytes};
}

function unreadable(socket: RespSocket, key: Buffer, type: string): RtopoError {
  return new RtopoError({
    code: 'VALUE_OF_A_MODULE',
    exit: ExitCode.incomplete,
    message:
      `${keyText(key)} on ${addressText(socket.address)} is a value of a module (${escapeText(type)}). It can travel as a whole only, ` +
      'which the target does not take. The source still holds it.',
    remedy:
      'load the same module, at least as new, on the target; raise --big-key when it was the size that ruled it out',
  });
}

export function keyText(key: Buffer): string {
  const text = escapeText(key.toString('utf8'));
  return `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
}

/** The reading of one value. */
export interface Reading {
  readonly meter: Meter;
  readonly key: Buffer;
  readonly head: Head;
  readonly pace: Pace;
  /** Null: find out by asking. */
  readonly knowsFieldTtl: boolean | null;
}

/** Everything but streams, which have their own reader. @throws ValueChanged */
export function readChunks(reading: Reading): AsyncGenerator<Chunk> {
  switch (reading.head.type) {
    case 'string':
      return stringChunks(reading);
    case 'list':
      return rangeChunks(reading, 'LRANGE', []);
    case 'zset':
      return rangeChunks(reading, 'ZRANGE', ['WITHSCORES']);
    case 'set':
      return scanChunks(reading, 'SSCAN');
    case 'hash':
      return hashChunks(reading);
    case 'stream':
      throw new Error('a stream is read by walkStream');
  }
}

async function* stringChunks({meter, key, head: {size}, pace}: Reading): AsyncGenerator<Chunk> {
  for (let at = 0; at < size; ) {
    const end = Math.min(size, at + pace.bytes);
    const part = (await meter.call(['GETRANGE', key, at, end - 1], 'reading a string', pace)) as Buffer;
    if (part.length !== end - at) throw new ValueChanged();
    yield {parts: [part], bytes: part.length, expiries: null};
    at = end;
  }
}

async function* rangeChunks(
  {meter, key, head: {type, size}, pace}: Reading,
  command: string,
  options: readonly string[],
): AsyncGenerator<Chunk> {
  for (let at = 0; at < size; ) {
    const end = Math.min(size, at + pace.elements);
    const parts = (await meter.call([command, key, at, end - 1, ...options], `reading a ${type}`, pace)) as Buffer[];
    if (parts.length !== (end - at) * WIDTH[type]) throw new ValueChanged();
    yield measured(parts, WIDTH[type], pace);
    at = end;
  }
}

async function* scanChunks({meter, key, head: {type}, pace}: Reading, command: string): AsyncGenerator<Chunk> {
  let cursor = '0';
  do {
    const reply = await meter.call([command, key, cursor, 'COUNT', pace.elements], `reading a ${type}`, pace);
    const [next, parts] = reply as [Buffer, Buffer[]];
    cursor = next.toString();
    // A page may be empty.
    if (parts.length > 0) yield measured(parts, WIDTH[type], pace);
  } while (cursor !== '0');
}

/** Connections over which the server has said that it knows no expiry of fields. */
const without = new WeakSet<RespSocket>();

async function* hashChunks(reading: Reading): AsyncGenerator<Chunk> {
  let asks = reading.knowsFieldTtl ?? !without.has(reading.meter.socket);
  for await (const chunk of scanChunks(reading, 'HSCAN')) {
    const expiries = asks ? await fieldExpiries(reading, chunk.parts) : null;
    // A server that does not know the question has no field that expires.
    if (expiries === null) asks = false;
    yield expiries?.some((ms) => ms !== -1) ? {...chunk, expiries} : chunk;
  }
}

/** Per field: epoch milliseconds, or -1. Null when the server knows no such thing. */
async function fieldExpiries({meter, key, pace}: Reading, parts: readonly Buffer[]): Promise<number[] | null> {
  const fields = parts.filter((_, i) => i % 2 === 0);
  const startMs = performance.now();
  const [reply] = await meter.socket.batch([['HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields]]);
  pace.learn(performance.now() - startMs);
  if (isUnknownCommand(reply)) {
    without.add(meter.socket);
    return null;
  }
  if (reply instanceof ReplyError && reply.word !== 'WRONGTYPE')
    throw replyFault(meter.socket.address, reply.text, 'reading the expiry of fields');
  const expiries = Array.isArray(reply) ? reply.map(Number) : [];
  // One that is not there any more has expired between the two questions.
  if (expiries.length !== fields.length || expiries.includes(-2)) throw new ValueChanged();
  return expiries;
}

/** Whether the server has expiries of single hash fields (Redis 7.4, Valkey 9). Reads only; `key` need not exist. */
export async function probeFieldTtl(socket: RespSocket, key: Buffer): Promise<boolean> {
  const [reply] = await socket.batch([['HPEXPIRETIME', key, 'FIELDS', 1, 'field']]);
  if (isUnknownCommand(reply)) return false;
  if (reply instanceof ReplyError) throw replyFault(socket.address, reply.text, 'HPEXPIRETIME');
  return true;
}

function isUnknownCommand(reply: RespReply | undefined): boolean {
  return reply instanceof ReplyError && /^ERR unknown command/i.test(reply.text);
}

function measured(parts: readonly Buffer[], width: number, pace: Pace): Chunk {
  const bytes = parts.reduce((sum, {length}) => sum + length, 0);
  pace.measure(parts.length / width, bytes);
  return {parts, bytes, expiries: null};
}
