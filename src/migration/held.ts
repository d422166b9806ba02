/** Which keys a server holds: asked a moment before the other copy of them is deleted. */
import {replyFault} from '../redis/faults.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import {type Framed, framedParts, Request} from '../redis/resp/encode.js';
import type {RespSocket} from '../redis/resp/socket.js';

/** How many of them. @throws RtopoError when the server refuses */
export async function countHeld(socket: RespSocket, {count, bytes}: Framed): Promise<number> {
  const request = new Request();
  request.begin(count + 1);
  request.part('EXISTS');
  request.framed(bytes, 0, bytes.length);
  const [held] = await socket.send(request);
  if (typeof held === 'number') return held;
  throw refused(socket, held);
}

/** One question for all, and one for each only where some are missing. @throws RtopoError when the server refuses */
export async function existing(socket: RespSocket, keys: readonly Buffer[]): Promise<boolean[]> {
  if (keys.length === 0) return [];
  const all = await countHeld(socket, {count: keys.length, bytes: framedParts(...keys)});
  if (all === keys.length) return keys.map(() => true);
  const replies = await socket.batch(keys.map((key) => ['EXISTS', key]));
  return replies.map((reply) => {
    if (typeof reply === 'number') return reply === 1;
    throw refused(socket, reply);
  });
}

const refused = (socket: RespSocket, reply: RespReply | undefined) =>
  replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no number', 'pruning');
