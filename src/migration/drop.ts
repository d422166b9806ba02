/** Takes keys off a server that was filled as a replica and is not in use yet. Fenced by the operation's lock, like every deletion. */
import {LOCK_KEY} from '../journal/lock.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {script} from '../redis/resp/script.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {lockLost} from './compare-and-delete.js';
import type {Operation} from './operation.js';

/** KEYS: the keys, then the lock. ARGV: lock token, database. Answers how many went; -2 when the lock is not ours. */
const DROP = script(`local lock = table.remove(KEYS)
redis.call('SELECT', 0)
if redis.call('GET', lock) ~= ARGV[1] then return -2 end
redis.call('SELECT', ARGV[2])
return redis.call('UNLINK', unpack(KEYS))`);

const SCRIPT_KEYS = 500;

/** @throws RtopoError `LOCK_LOST` when the lock is not ours: then nothing went */
export async function dropKeys(
  operation: Operation,
  {socket, db}: {readonly socket: RespSocket; readonly db: number},
  keys: readonly Buffer[],
): Promise<number> {
  let dropped = 0;
  for (let at = 0; at < keys.length; at += SCRIPT_KEYS) {
    const reply = await socket.run(DROP, [...keys.slice(at, at + SCRIPT_KEYS), LOCK_KEY], [operation.lock.token, db]);
    if (reply === -2) throw lockLost(operation);
    if (typeof reply !== 'number')
      throw replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no number', 'dropping keys');
    dropped += reply;
  }
  return dropped;
}
