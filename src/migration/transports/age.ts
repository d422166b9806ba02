/**
 * How long a key was idle, or how often it was used: what a target that evicts by it must not forget. Reading a key makes it look
 * freshly used, before Redis 7.2 unavoidably; so after the proof the age is put back.
 */
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import type {Part} from '../../redis/resp/encode.js';
import {script} from '../../redis/resp/script.js';
import type {Copy} from '../compare.js';
import {dumpCrc} from '../digest.js';
import type {AgeKind, Batch} from './transport.js';

/** How a server is asked for the age that its target has a use for; null when there is none. The key goes behind it. */
export function ageCommand(targetAge: AgeKind): readonly Part[] | null {
  switch (targetAge) {
    case 'idle':
      return ['OBJECT', 'IDLETIME'];
    case 'frequency':
      return ['OBJECT', 'FREQ'];
    case 'none':
      return null;
  }
}

/** Null where the server does not say. */
export function ageOf(reply: RespReply | undefined): number | null {
  return typeof reply === 'number' ? reply : null;
}

/** A server without a policy knows idle times too; a frequency is known only where it is counted, and then instead of the idle time. */
export function carriesAge({sourceAge, targetAge}: Pick<Batch, 'sourceAge' | 'targetAge'>): boolean {
  return targetAge === 'frequency' ? sourceAge === 'frequency' : targetAge === 'idle' && sourceAge !== 'frequency';
}

/**
 * KEYS: the keys. ARGV: IDLETIME or FREQ, their checksums one after the other, then their ages. Replaces each key by itself, only while it
 * is what was read back: time stands still in a script, so it cannot expire in between. Answers a letter per key: 1, or 0 when it is not
 * that any more.
 */
const RESTAMP = script(`local out = {}
for i, key in ipairs(KEYS) do
  out[i] = '0'
  local dump = redis.call('DUMP', key)
  local at = redis.call('PEXPIRETIME', key)
  if dump and at ~= -2 and string.sub(dump, -8) == string.sub(ARGV[2], 8 * i - 7, 8 * i) then
    if at >= 0 then
      redis.call('RESTORE', key, at, dump, 'REPLACE', 'ABSTTL', ARGV[1], ARGV[2 + i])
    else
      redis.call('RESTORE', key, 0, dump, 'REPLACE', ARGV[1], ARGV[2 + i])
    end
    out[i] = '1'
  end
end
return table.concat(out)`);

/** Puts the ages back that reading has taken. Returns the keys that were written for it. */
export async function restamp(
  {target, targetAge}: Batch,
  copies: readonly {readonly key: Buffer; readonly age: number | null; readonly landed: Copy}[],
): Promise<ReadonlySet<Buffer>> {
  const aged = copies.filter(({age, landed}) => age !== null && landed.payload !== null);
  if (targetAge === 'none' || target.touchesNothing || aged.length === 0) return new Set();
  const word = targetAge === 'frequency' ? 'FREQ' : 'IDLETIME';
  const crcs = Buffer.concat(aged.map(({landed}) => dumpCrc(landed.payload!)));
  const reply = await target.run(
    RESTAMP,
    aged.map(({key}) => key),
    [word, crcs, ...aged.map(({age}) => age!)],
  );
  if (reply instanceof ReplyError) throw replyFault(target.address, reply.text, 'RESTORE with the age of the key');
  const letters = String(reply);
  return new Set(aged.filter((_, i) => letters[i] === '1').map(({key}) => key));
}
