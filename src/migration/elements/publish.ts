/** Gives a finished copy its true expiry and its name, in one step. */
import {replyFault} from '../../redis/faults.js';
import {ReplyError} from '../../redis/resp/decode.js';
import type {GuardedWriter} from './write.js';

/**
 * KEYS: temporary name, name. ARGV: expiry in epoch ms, or -1. Nothing can happen between the steps, so no client and no replica ever sees a
 * copy under its own name with the expiry of the guard. Should a server die between them all the same, the order decides for the lesser
 * evil: a copy that is left under the temporary name, not one that dies under its own.
 * Answers 1 published, 0 the name is taken, -1 the copy is gone, -2 its time has come.
 */
const PUBLISH = `if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if ARGV[1] == '-1' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIREAT', KEYS[1], ARGV[1])
  if redis.call('EXISTS', KEYS[1]) == 0 then return -2 end
end
redis.call('RENAMENX', KEYS[1], KEYS[2])
return 1`;

export type Published = 'published' | 'taken' | 'vanished' | 'expired';

const ANSWERS: Readonly<Record<string, Published>> = {
  '1': 'published',
  '0': 'taken',
  '-1': 'vanished',
  '-2': 'expired',
};

export async function publish(writer: GuardedWriter, key: Buffer, expireAtMs: number): Promise<Published> {
  const {socket} = writer.meter;
  const [reply] = await socket.batch([['EVAL', PUBLISH, 2, writer.temporary, key, expireAtMs]]);
  const answer = ANSWERS[String(reply)];
  if (answer === undefined)
    throw replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no number', 'publishing a copy');
  if (answer === 'published') writer.changes += 2;
  if (answer === 'expired') writer.changes += 1;
  return answer;
}

/** Removes what was built. Never fails: what cannot be removed now expires by itself. */
export async function discard(writer: GuardedWriter): Promise<void> {
  try {
    const [removed] = await writer.meter.socket.batch([['UNLINK', writer.temporary]]);
    if (removed === 1) writer.changes += 1;
  } catch {} // The connection is lost; the guard does the rest.
}
