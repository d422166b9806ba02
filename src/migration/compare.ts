/** Are two copies of a key the same? Equal DUMP bodies, else equal digests of their elements; and the same expiry to the millisecond. */
import {RtopoError} from '../errors.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import {commandHead, Request} from '../redis/resp/encode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {dumpBody} from './digest.js';
import {tryDigest} from './elements/compare.js';

/** One side of a comparison. `expireAtMs` is -1 without expiry; `payload` null when the key is not there. */
export interface Copy {
  readonly payload: Buffer | null;
  readonly expireAtMs: number;
}

export type Comparison = 'equal' | 'different' | 'no-source' | 'no-target';

/** Reads DUMP and expiry of each key, in order. */
export async function readCopies(socket: RespSocket, keys: readonly Buffer[]): Promise<Copy[]> {
  const request = new Request();
  for (const key of keys) requestCopy(request, key);
  const replies = await socket.send(request);
  return keys.map((_, i) => copyOf(socket, replies[2 * i], replies[2 * i + 1]));
}

/** The bytes of those that are strings; null for every other type, for no key, and where the server does not allow the question. */
export async function readTexts(socket: RespSocket, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
  const [texts] = await socket.batch([['MGET', ...keys]]);
  return keys.map((_, i) => (Array.isArray(texts) ? asPayload(texts[i]) : null));
}

export const PEXPIRETIME = commandHead('PEXPIRETIME');
export const DUMP = commandHead('DUMP');

/** The two questions about a key; `copyOf` reads their answers. */
export function requestCopy(request: Request, key: Buffer): void {
  request.with(PEXPIRETIME, key);
  request.with(DUMP, key);
}

/** @throws RtopoError when the server refused */
export function copyOf(socket: RespSocket, expiry: RespReply | undefined, dump: RespReply | undefined): Copy {
  const refused = expiry instanceof ReplyError ? expiry : dump instanceof ReplyError ? dump : null;
  if (refused !== null) throw replyFault(socket.address, refused.text, 'reading a key');
  const expireAtMs = asNumber(expiry);
  // A name that came to be between the two reads has no known expiry yet: for this moment it is not there.
  return {expireAtMs, payload: expireAtMs === -2 ? null : asPayload(dump)};
}

/** Compares one key whose copies were read; asks the servers again only when the bytes differ. */
export async function compareCopies(pair: {
  readonly key: Buffer;
  readonly source: {readonly socket: RespSocket; readonly copy: Copy};
  readonly target: {readonly socket: RespSocket; readonly copy: Copy};
}): Promise<Comparison> {
  const {key, source, target} = pair;
  if (source.copy.payload === null) return 'no-source';
  if (target.copy.payload === null) return 'no-target';
  if (source.copy.expireAtMs !== target.copy.expireAtMs) return 'different';
  if (dumpBody(source.copy.payload).equals(dumpBody(target.copy.payload))) return 'equal';
  // Bytes that differ say little: the order of a hash table, limits of encodings, the version of the server. The elements decide.
  const [left, right] = await Promise.all([digestOf(source.socket, key), digestOf(target.socket, key)]);
  if (left === null) return 'no-source';
  if (right === null) return 'no-target';
  return left !== UNKNOWN && left === right ? 'equal' : 'different';
}

/** Compares the same keys on two servers, in order. */
export async function compareKeys(
  source: RespSocket,
  target: RespSocket,
  keys: readonly Buffer[],
): Promise<Comparison[]> {
  const [sources, targets] = await Promise.all([readCopies(source, keys), readCopies(target, keys)]);
  const results: Comparison[] = [];
  for (const [i, key] of keys.entries()) {
    results.push(
      await compareCopies({
        key,
        source: {socket: source, copy: sources[i]!},
        target: {socket: target, copy: targets[i]!},
      }),
    );
  }
  return results;
}

const UNKNOWN = '';

/** Empty for what cannot be told: a value that changes while it is read, or that only its module can read. */
async function digestOf(socket: RespSocket, key: Buffer): Promise<string | null> {
  try {
    const value = await tryDigest(socket, key);
    return value === 'changed' ? UNKNOWN : (value?.digest ?? null);
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'VALUE_OF_A_MODULE') return UNKNOWN;
    throw error;
  }
}

export function asNumber(reply: RespReply | undefined): number {
  return typeof reply === 'number' ? reply : Number.NaN;
}

function asPayload(reply: RespReply | undefined): Buffer | null {
  return Buffer.isBuffer(reply) ? reply : null;
}
