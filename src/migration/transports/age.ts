/**
 * How long a key was idle, or how often it was used: what a target that evicts by it must not forget. Reading a key makes it look
 * freshly used, before Redis 7.2 unavoidably; so after the proof the age is put back.
 */
import {createHash} from 'node:crypto';
import {replyFault} from '../../redis/faults.js';
import type {Part} from '../../redis/resp/encode.js';
import {type Copy, firstRefusal} from '../compare.js';
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

/** A server without a policy knows idle times too; a frequency is known only where it is counted, and then instead of the idle time. */
export function carriesAge({sourceAge, targetAge}: Batch): boolean {
  return targetAge === 'frequency' ? sourceAge === 'frequency' : targetAge === 'idle' && sourceAge !== 'frequency';
}

/**
 * KEYS: the key. ARGV: SHA-1 of its DUMP in hex, IDLETIME or FREQ, the age. Replaces the key by itself, only while it is what was read back:
 * time stands still in a script, so it cannot expire in between. Answers 1, or 0 when it is not that any more.
 */
const RESTAMP = `local dump = redis.call('DUMP', KEYS[1])
if not dump or redis.sha1hex(dump) ~= ARGV[1] then return 0 end
local at = redis.call('PEXPIRETIME', KEYS[1])
if at == -2 then return 0 end
local command = {'RESTORE', KEYS[1], 0, dump, 'REPLACE', ARGV[2], ARGV[3]}
if at >= 0 then
  command[3] = at
  command[8] = 'ABSTTL'
end
redis.call(unpack(command))
return 1`;

/** Puts the ages back that reading has taken. Returns the keys that were written for it. */
export async function restamp(
  {target, targetAge}: Batch,
  copies: readonly {readonly key: Buffer; readonly age: number | null; readonly landed: Copy}[],
): Promise<ReadonlySet<Buffer>> {
  const aged = copies.filter(({age}) => age !== null);
  if (targetAge === 'none' || target.touchesNothing || aged.length === 0) return new Set();
  const word = targetAge === 'frequency' ? 'FREQ' : 'IDLETIME';
  const replies = await target.batch(
    aged.map(({key, age, landed}) => [
      'EVAL',
      RESTAMP,
      1,
      key,
      createHash('sha1').update(landed.payload!).digest('hex'),
      word,
      age!,
    ]),
  );
  const refused = firstRefusal(replies);
  if (refused !== null) throw replyFault(target.address, refused.text, 'RESTORE with the age of the key');
  return new Set(aged.filter((_, i) => replies[i] === 1).map(({key}) => key));
}
