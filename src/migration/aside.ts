/**
 * Values that a move replaces are not overwritten: they get another name on the same server, with their expiry, until the move has ended.
 * An abort gives them their name back. No value leaves the server, and none is ever in a file of ours.
 */
import {RESERVED_PREFIX} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {type Lane, withLane} from './nodes.js';
import {checkpoint, type Operation, write} from './operation.js';
import {packKeys, unpackKeys} from './packing.js';
import type {RebalanceRecord} from './records.js';

function asideName({id}: Operation, key: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${RESERVED_PREFIX}replaced:${id}:`), key]);
}

interface Place {
  readonly target: {readonly number: number};
  readonly socket: RespSocket;
  readonly db: number;
  readonly keys: readonly Buffer[];
}

/** Frees the names. `taken`: a value of that name was put aside before, so this one is another's. */
export async function putAside(
  operation: Operation,
  {target, socket, db, keys}: Place,
): Promise<{freed: Buffer[]; taken: Buffer[]}> {
  checkpoint(operation);
  await write(operation, {type: 'aside', target: target.number, db, keys: packKeys(keys)});
  const replies = await socket.batch(keys.map((key) => ['RENAMENX', key, asideName(operation, key)]));
  const [freed, taken]: [Buffer[], Buffer[]] = [[], []];
  for (const [i, key] of keys.entries()) {
    const reply = replies[i];
    // A key that is gone by itself is out of the way as well.
    const isGone = reply instanceof ReplyError && /no such key/i.test(reply.text);
    if (reply instanceof ReplyError && !isGone) throw replyFault(socket.address, reply.text, 'putting a value aside');
    (reply === 0 ? taken : freed).push(key);
  }
  return {freed, taken};
}

/** After an abort has removed the copies: the old values get their names back. Returns how many. */
export function putBack(operation: Operation): Promise<number> {
  return forEachAside(operation, async (socket, keys) => {
    const replies = await socket.batch(keys.map((key) => ['RENAMENX', asideName(operation, key), key]));
    return replies.filter((reply) => reply === 1).length;
  });
}

/** The move has ended: nobody will ask for them any more. */
export function dropAside(operation: Operation): Promise<number> {
  return forEachAside(operation, async (socket, keys) => {
    const reply = await socket.call(['UNLINK', ...keys.map((key) => asideName(operation, key))]);
    return Number(reply);
  });
}

async function forEachAside(
  operation: Operation,
  act: (socket: RespSocket, keys: readonly Buffer[]) => Promise<number>,
): Promise<number> {
  let sum = 0;
  await withLane(operation.timeoutMs, async (lane: Lane) => {
    for (const {record} of readJournal<RebalanceRecord>(operation.journal.path)) {
      if (record.type !== 'aside') continue;
      checkpoint(operation);
      sum += await lane.persist(async () =>
        act(await lane.to(operation.nodes[record.target]!, record.db), unpackKeys(record.keys)),
      );
    }
  });
  return sum;
}
