/** Every key of one database, batch by batch, as bytes. SCAN returns each key that stays at least once; a key may come twice. */
import {RESERVED_PREFIX} from '../journal/lock.js';
import {ProtocolError, type RespReply} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';

const RESERVED = Buffer.from(RESERVED_PREFIX);
const SCAN_COUNT = 1000;

/** Batches of distinct keys, without rtopo's own. The socket must already be in the database meant. */
export async function* scanKeys(socket: RespSocket, count = SCAN_COUNT): AsyncGenerator<Buffer[]> {
  // The cursor is an unsigned 64-bit number: it stays the text that the server sent.
  let cursor: Buffer | string = '0';
  do {
    const reply: RespReply = await socket.call(['SCAN', cursor, 'COUNT', count]);
    const [next, keys] = readPage(reply);
    cursor = next;
    const batch = distinct(keys.filter((key) => !isReserved(key)));
    if (batch.length > 0) yield batch;
  } while (cursor.toString() !== '0');
}

export function isReserved(key: Buffer): boolean {
  return key.length >= RESERVED.length && key.subarray(0, RESERVED.length).equals(RESERVED);
}

function readPage(reply: RespReply): [Buffer, Buffer[]] {
  if (Array.isArray(reply) && Buffer.isBuffer(reply[0]) && Array.isArray(reply[1]) && reply[1].every(Buffer.isBuffer)) {
    return [reply[0], reply[1] as Buffer[]];
  }
  throw new ProtocolError('SCAN answered something else than a page of keys');
}

function distinct(keys: readonly Buffer[]): Buffer[] {
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()];
}
