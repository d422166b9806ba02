/**
 * Deletes a value at the source that is too large for the comparison of its DUMP inside a script. It is compared part by part instead, under
 * WATCH: a write between the comparison and the deletion makes the server refuse the deletion. WATCH does not see consumer groups change,
 * so for streams the script that deletes looks once more at everything that a consumer leaves behind.
 */
import {replyFault} from '../../redis/faults.js';
import {ReplyError} from '../../redis/resp/decode.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {type CompareOptions, compareByElements, tryDigest} from './compare.js';
import {Meter} from './pace.js';
import {passMillisecond} from './stream-facts.js';

/** A digest of what XINFO tells of a stream with its first entry: time grows with groups and consumers only. */
const ACTIVITY = `local function activity(key)
  local out = {}
  local function flat(value)
    if type(value) == 'table' then
      out[#out + 1] = '*' .. #value
      for i = 1, #value do flat(value[i]) end
    elseif type(value) == 'number' then out[#out + 1] = string.format(':%.0f', value)
    else
      local text = tostring(value)
      out[#out + 1] = '$' .. #text .. '\\n' .. text
    end
  end
  flat(redis.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 1))
  return redis.sha1hex(table.concat(out, '\\n'))
end`;

/** KEYS: the stream. Answers its activity in hex, or nothing when it is no stream. */
const READ_ACTIVITY = `${ACTIVITY}
if redis.call('TYPE', KEYS[1]).ok ~= 'stream' then return false end
return activity(KEYS[1])`;

/**
 * KEYS: the key, the lock. ARGV: lock token, database, activity or nothing. Answers 1 deleted, 0 changed, -1 not there, -2 the lock is not ours.
 */
const DELETE = `${ACTIVITY}
redis.call('SELECT', 0)
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return -2 end
redis.call('SELECT', ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
if ARGV[3] ~= '' and activity(KEYS[1]) ~= ARGV[3] then return 0 end
redis.call('UNLINK', KEYS[1])
return 1`;

export interface Deletion extends CompareOptions {
  /** Whose copy is deleted. Used by nobody else meanwhile: it is under WATCH. */
  readonly holder: RespSocket;
  /** Who has to have the value. */
  readonly reference: RespSocket;
  readonly db: number;
  readonly key: Buffer;
  /** In database 0 of the holder. */
  readonly lockKey: string;
  readonly token: string;
  /**
   * The value as it was when it was copied. When given, the holder is compared with it, and the reference has to have the key only: its value
   * belongs to the applications by now. Otherwise both are compared with each other.
   */
  readonly copied?: {readonly digest: string; readonly expireAtMs: number};
}

export type Deleted =
  | 'deleted'
  /** Another value than the one compared with, or changed during the comparison. */
  | 'changed'
  /** Not at the holder. */
  | 'gone'
  | 'no-reference'
  | 'lock-lost';

export async function deleteIfEqual(deletion: Deletion): Promise<Deleted> {
  const {holder, reference, db, key, lockKey, token} = deletion;
  await Promise.all([holder.select(0), reference.select(db)]);
  const held = await holder.call(['GET', lockKey], 'reading the lock');
  if (String(held) !== token) return 'lock-lost';
  await holder.select(db);
  await holder.call(['WATCH', key], 'watching a key');
  try {
    const activity = await readActivity(holder, key);
    const verdict = await compare(deletion);
    if (verdict !== 'equal') return verdict;
    return await deleteNow(deletion, activity);
  } finally {
    await holder.batch([['UNWATCH']]).catch(() => undefined);
  }
}

/** Empty when it is no stream. The comparison begins in a later millisecond, so that nothing after it can look the same. */
async function readActivity(holder: RespSocket, key: Buffer): Promise<string> {
  const activity = await holder.call(['EVAL', READ_ACTIVITY, 1, key], 'reading the groups of a stream');
  if (activity === null) return '';
  await passMillisecond(await Meter.of(holder, 0));
  return String(activity);
}

async function compare(deletion: Deletion): Promise<'equal' | Exclude<Deleted, 'deleted' | 'lock-lost'>> {
  const {holder, reference, key, copied} = deletion;
  if (copied === undefined) {
    switch (await compareByElements(holder, reference, key, deletion)) {
      case 'equal':
        return 'equal';
      case 'different':
        return 'changed';
      case 'no-source':
        return 'gone';
      case 'no-target':
        return 'no-reference';
    }
  }
  const value = await tryDigest(holder, key, deletion);
  if (value === null) return 'gone';
  if (value === 'changed' || value.digest !== copied.digest || value.expireAtMs !== copied.expireAtMs) return 'changed';
  // Last of all: reading a big value takes its time, and the reference must hold the key when the deletion leaves.
  return (await reference.call(['EXISTS', key], 'looking for a key')) === 1 ? 'equal' : 'no-reference';
}

async function deleteNow({holder, db, key, lockKey, token}: Deletion, activity: string): Promise<Deleted> {
  const replies = await holder.batch([['MULTI'], ['EVAL', DELETE, 2, key, lockKey, token, db, activity], ['EXEC']]);
  const [, , results] = replies;
  // WATCH has seen the key change.
  if (results === null) return (await holder.call(['EXISTS', key], 'looking for a key')) === 1 ? 'changed' : 'gone';
  const answer = Array.isArray(results) ? results[0] : replies.find((reply) => reply instanceof ReplyError);
  switch (answer) {
    case 1:
      return 'deleted';
    case 0:
      return 'changed';
    case -1:
      return 'gone';
    case -2:
      return 'lock-lost';
  }
  throw replyFault(holder.address, answer instanceof ReplyError ? answer.text : 'no number', 'deleting a key');
}
