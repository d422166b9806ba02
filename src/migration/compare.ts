/** Are two copies of a key the same? Equal DUMP bodies, else equal canonical digests; and the same expiry to the millisecond. */
import {replyFault} from '../redis/faults.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import {Request} from '../redis/resp/encode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {canonicalDigest, dumpBody, readCommand} from './digest.js';

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

/** The two questions about a key; `copyOf` reads their answers. */
export function requestCopy(request: Request, key: Buffer): void {
  request.begin(2);
  request.part('PEXPIRETIME');
  request.part(key);
  request.begin(2);
  request.part('DUMP');
  request.part(key);
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
  const digests = await Promise.all([digestOf(source.socket, key), digestOf(target.socket, key)]);
  return digests[0] !== null && digests[0] === digests[1] ? 'equal' : 'different';
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

async function digestOf(socket: RespSocket, key: Buffer): Promise<string | null> {
  const type = String(await socket.call(['TYPE', key]));
  const command = readCommand(type, key);
  if (command === null) return null;
  const [reply] = await socket.batch([command]);
  return canonicalDigest(type, reply ?? null);
}

export function asNumber(reply: RespReply | undefined): number {
  return typeof reply === 'number' ? reply : Number.NaN;
}

function asPayload(reply: RespReply | undefined): Buffer | null {
  return Buffer.isBuffer(reply) ? reply : null;
}
