/**
 * For a target that was filled as a replica of the source: it holds the value already, so nothing is sent. Both servers are asked for the
 * checksum of the key's DUMP, and equal ones are compared without a value on the wire. What differs is what was written to the source since,
 * or a hash table in another order: the target's copy is ours and nobody uses it yet, so it makes room, and the key is carried as always.
 */

import {replyFault} from '../../redis/faults.js';
import type {RespReply} from '../../redis/resp/decode.js';
import {ReplyError} from '../../redis/resp/decode.js';
import {script} from '../../redis/resp/script.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {dumpRestore} from './dump-restore.js';
import type {Announced, Batch, Carried, Transport} from './transport.js';

/** KEYS: the keys. Answers for each its expiry in ms (-1: none, -2: not there) and the checksum of its DUMP. */
const CHECKSUMS = script(
  `local call, sub, out = redis.call, string.sub, {}
for i = 1, #KEYS do
  local dump = call('DUMP', KEYS[i])
  out[2 * i - 1] = call('PEXPIRETIME', KEYS[i])
  out[2 * i] = dump and sub(dump, -8) or ''
end
return out`,
  {readOnly: true},
);

/** Keys of one script: others wait for as long as it runs. */
const SCRIPT_KEYS = 32;

export interface Checksum {
  /** Null: the key is not there. */
  readonly crc: Buffer | null;
  readonly expireAtMs: number;
}

export async function readChecksums(socket: RespSocket, keys: readonly Buffer[]): Promise<Checksum[]> {
  const parts: Buffer[][] = [];
  for (let at = 0; at < keys.length; at += SCRIPT_KEYS) parts.push(keys.slice(at, at + SCRIPT_KEYS));
  const replies = await Promise.all(parts.map((part) => socket.run(CHECKSUMS, part, [])));
  return replies.flatMap((reply, i) => checksumsOf(socket, reply, parts[i]!.length));
}

function checksumsOf(socket: RespSocket, reply: RespReply, count: number): Checksum[] {
  if (!Array.isArray(reply)) {
    const text = reply instanceof ReplyError ? reply.text : 'no list';
    throw replyFault(socket.address, text, 'reading checksums');
  }
  return Array.from({length: count}, (_, i) => {
    const [expireAtMs, crc] = [Number(reply[2 * i]), reply[2 * i + 1]];
    const isThere = expireAtMs !== -2 && Buffer.isBuffer(crc) && crc.length === 8;
    return {expireAtMs, crc: isThere ? crc : null};
  });
}

export interface TwinsOptions {
  /** Takes the target's copies of these keys away; they are ours, and nobody uses them. */
  readonly makeRoom: (target: RespSocket, keys: readonly Buffer[]) => Promise<void>;
}

export function twins({makeRoom}: TwinsOptions): Transport {
  return {
    name: 'twins',
    async carry(batch) {
      const {source, target, keys} = batch;
      const [here, there] = await Promise.all([readChecksums(source, keys), readChecksums(target, keys)]);
      const isEqual = keys.map((_, i) => isSame(here[i]!, there[i]!));
      const rest = keys.filter((_, i) => !isEqual[i]);
      const sums = here.filter((_, i) => isEqual[i]).map(held);
      const carried = await carryRest(batch, {rest, merge: (rest) => merged(isEqual, sums, rest), makeRoom});
      return merged(
        isEqual,
        sums.map(() => HELD),
        carried,
      );
    },
  };
}

export const isSame = (a: Checksum, b: Checksum): boolean =>
  a.crc !== null && b.crc !== null && a.crc.equals(b.crc) && a.expireAtMs === b.expireAtMs;

/** Nothing of it travels. */
const held = ({crc, expireAtMs}: Checksum): Announced => ({
  sum: crc?.toString('hex') ?? null,
  of: 'dump',
  bytes: 0,
  expireAtMs,
});

/** This very operation has put it there, by replication. */
const HELD: Carried = {
  ...{outcome: 'created', landedCrc: null, bytes: 0, refooted: false},
  ...{writes: 0, perhapsWrites: 0},
};

interface Rest extends TwinsOptions {
  readonly rest: readonly Buffer[];
  /** Puts what is known of the rest between what is known of the others. */
  readonly merge: (rest: readonly Announced[]) => Announced[];
}

async function carryRest(batch: Batch, {rest, merge, makeRoom}: Rest): Promise<Carried[]> {
  if (rest.length === 0) {
    await batch.announce(merge([]));
    return [];
  }
  return dumpRestore.carry({
    ...batch,
    keys: rest,
    announce: async (announced) => {
      await batch.announce(merge(announced));
      await makeRoom(batch.target, rest);
    },
  });
}

function merged<T>(isFirst: readonly boolean[], first: readonly T[], second: readonly T[]): T[] {
  let [a, b] = [0, 0];
  return isFirst.map((is) => (is ? first[a++]! : second[b++]!));
}
