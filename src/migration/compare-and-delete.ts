/**
 * Deletes a value only while it is still the one that was copied. The comparison and the deletion are one script on the server, fenced by the
 * operation's lock: nobody can slip a write or a second operator in between. WATCH would not do: it does not see consumer groups change.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {type Script, script} from '../redis/resp/script.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {SUM_BYTES, SUM_DIGITS, type Sum, type SumOf} from './digest.js';
import {type Operation, resumeCommand} from './operation.js';

/**
 * KEYS: the keys, then the lock. ARGV: lock token, database, the checksums one after the other (DUMP: as bytes; text: in hex), then for each
 * key that has an expiry its number, from 1, and the expiry in ms. Answers a letter per key: d deleted, k another value or expiry, x not there; or -2 when the lock is not ours.
 */
const scriptBy = ({prepare, held, sum, digits, gone}: Readout): Script =>
  script(`local lock = table.remove(KEYS)
redis.call('SELECT', 0)
if redis.call('GET', lock) ~= ARGV[1] then return -2 end
redis.call('SELECT', ARGV[2])
local call, sub, sums = redis.call, string.sub, ARGV[3]
local out, same, expiries = {}, {}, {}
for i = 4, #ARGV, 2 do expiries[tonumber(ARGV[i])] = tonumber(ARGV[i + 1]) end
${prepare}
for i, key in ipairs(KEYS) do
  local held = ${held}
  if not held then
    out[i] = ${gone}
  elseif ${sum} ~= sub(sums, ${digits} * i - ${digits - 1}, ${digits} * i) or call('PEXPIRETIME', key) ~= (expiries[i] or -1) then
    out[i] = 'k'
  else
    out[i] = 'd'
    same[#same + 1] = key
  end
end
if #same > 0 then call('UNLINK', unpack(same)) end
return table.concat(out)`);

/** How a script reads what it compares, as Lua. */
interface Readout {
  readonly prepare: string;
  readonly held: string;
  /** The checksum of what is held, and how long it is in ARGV. */
  readonly sum: string;
  readonly digits: number;
  /** The letter where nothing is held. */
  readonly gone: string;
}

const SCRIPTS: Readonly<Record<SumOf, Script>> = {
  dump: scriptBy({prepare: '', held: "call('DUMP', key)", sum: 'sub(held, -8)', digits: SUM_BYTES, gone: "'x'"}),
  text: scriptBy({
    prepare: "local texts, hash = call('MGET', unpack(KEYS)), redis.sha1hex",
    held: 'texts[i]',
    sum: 'sub(hash(held), 1, 16)',
    digits: SUM_DIGITS,
    // A name of another type looks as if it were not there.
    gone: "call('EXISTS', key) == 1 and 'k' or 'x'",
  }),
};

export const COMPARE_AND_DELETE = SCRIPTS.dump;

const ready = new WeakSet<RespSocket>();

/**
 * Makes the scripts known to the server, by runs that have no key and no right: one that is unknown would be sent a second time, a moment after it
 * was found right to delete. Returns the socket.
 */
export async function readyToDelete({lock}: Pick<Operation, 'lock'>, socket: RespSocket): Promise<RespSocket> {
  if (ready.has(socket)) return socket;
  for (const one of Object.values(SCRIPTS)) await socket.run(one, [LOCK_KEY], [`not ${lock.token}`, 0, '']);
  ready.add(socket);
  return socket;
}

/** A value to be deleted, as it must still be. */
export interface Doomed {
  readonly key: Buffer;
  readonly sum: Sum;
  readonly of: SumOf;
  readonly expireAtMs: number;
}

export type Fate = 'deleted' | 'changed' | 'gone';

const FATES: Readonly<Record<string, Fate>> = {d: 'deleted', k: 'changed', x: 'gone'};

/** Deletes those that are still what they were. @throws RtopoError `LOCK_LOST` when the lock is not ours: then nothing was deleted */
export async function deleteUnchanged(
  operation: Operation,
  {socket, db}: {readonly socket: RespSocket; readonly db: number},
  doomed: readonly Doomed[],
): Promise<Fate[]> {
  const of = doomed[0]?.of;
  if (of === undefined) return [];
  if (doomed.every((one) => one.of === of)) return deleteAlike(operation, {socket, db}, {of, doomed});
  const fates: Fate[] = new Array(doomed.length);
  for (const kind of ['dump', 'text'] as const) {
    const positions = [...doomed.keys()].filter((i) => doomed[i]!.of === kind);
    const part = await deleteAlike(operation, {socket, db}, {of: kind, doomed: positions.map((i) => doomed[i]!)});
    for (const [i, position] of positions.entries()) fates[position] = part[i]!;
  }
  return fates;
}

async function deleteAlike(
  operation: Operation,
  {socket, db}: {readonly socket: RespSocket; readonly db: number},
  {of, doomed}: {readonly of: SumOf; readonly doomed: readonly Doomed[]},
): Promise<Fate[]> {
  const sums = doomed.map(({sum}) => sum).join('');
  const reply = await socket.run(
    SCRIPTS[of],
    [...doomed.map(({key}) => key), LOCK_KEY],
    [
      operation.lock.token,
      db,
      of === 'text' ? sums : Buffer.from(sums, 'hex'),
      ...doomed.flatMap(({expireAtMs}, i) => (expireAtMs < 0 ? [] : [i + 1, expireAtMs])),
    ],
  );
  if (reply === -2) throw lockLost(operation);
  if (!Buffer.isBuffer(reply) || reply.length !== doomed.length)
    throw replyFault(socket.address, reply instanceof ReplyError ? reply.text : 'no letters', 'compare-and-delete');
  return [...reply.toString('latin1')].map((letter) => FATES[letter]!);
}

export function lockLost(operation: Operation): RtopoError {
  return new RtopoError({
    code: 'LOCK_LOST',
    exit: ExitCode.incomplete,
    message:
      'The operation lock is not ours any more: this process was stopped for too long, or somebody removed it. Nothing was deleted without it.',
    remedy: resumeCommand(operation),
    details: {id: operation.id},
  });
}
