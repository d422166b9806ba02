/**
 * What RESTORE came to: sent and read back in one pipeline, then judged. Nearly every key of a first copy is plainly equal; this file is
 * about the others.
 */
import {ExitCode, RtopoError} from '../../errors.js';
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import {Request} from '../../redis/resp/encode.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {addressText, dialFlags} from '../../topology/types.js';
import {
  asNumber,
  type Comparison,
  type Copy,
  compareCopies,
  copyOf,
  DUMP,
  PEXPIRETIME,
  readCopies,
} from '../compare.js';
import {dumpBody, dumpCrc} from '../digest.js';
import {ageCommand, ageOf, restamp} from './age.js';
import type {Batch, Carried} from './transport.js';

/** A key of the batch, as it was read at the source. */
export interface Item {
  readonly position: number;
  readonly key: Buffer;
  /** Seconds idle or the LFU counter; null when the source cannot tell or the target has no use for it. */
  readonly age: number | null;
  readonly copy: Copy;
  /** The payload as the target reads it; null where it cannot. */
  readonly sendable: Buffer | null;
}

interface Landing {
  readonly item: Item;
  /** What was there before us keeps the age that it had there. */
  readonly age: number | null;
  readonly landed: Copy;
  readonly existed: boolean;
  readonly comparison: Comparison;
}

interface Landed {
  readonly item: Item;
  readonly carried: Carried | 'again';
}

/** Sends the keys and reads them back, all in one pipeline. */
export async function land(batch: Batch, items: readonly Item[]): Promise<Landed[]> {
  const {target} = batch;
  // What the target already holds under such a name was used as long ago as it says now; reading it for the comparison would end that.
  const ask = target.touchesNothing ? null : ageCommand(batch.targetAge);
  const request = new Request();
  if (ask !== null) for (const {key} of items) request.add([...ask, key]);
  for (const item of items) requestRestore(request, batch, item);
  for (const {key, copy} of items) {
    if (copy.expireAtMs >= 0) request.with(PEXPIRETIME, key);
    request.with(DUMP, key);
  }
  const replies = await target.send(request);
  const ages = ask === null ? [] : replies.slice(0, items.length);
  const restored = replies.slice(ages.length, ages.length + items.length);
  let at = ages.length + items.length;
  const arrived = items.map((item, i) => {
    // RESTORE without an expiry has just made the key: it has none. Whether a name that was taken has one is asked below.
    const expireAtMs = item.copy.expireAtMs >= 0 ? replies[at++] : -1;
    const landed = copyOf(target, expireAtMs, replies[at++]);
    return {item, landed, existed: isBusy(restored[i]!, target), age: ageOf(ages[i])};
  });
  if (ask === null && arrived.every(isPlainlyEqual))
    return arrived.map((one) => ({item: one.item, carried: created(one)}));
  return judged(batch, await compared(batch, arrived));
}

type Arrival = Omit<Landing, 'comparison'>;

/** Made by us, and the same bytes: nearly every key of a first copy. */
function isPlainlyEqual({item: {copy}, landed, existed}: Arrival): boolean {
  return (
    !existed &&
    landed.payload !== null &&
    landed.expireAtMs === copy.expireAtMs &&
    // Nearly always the footers are equal too, and then nothing has to be cut off.
    (landed.payload.equals(copy.payload!) || dumpBody(landed.payload).equals(dumpBody(copy.payload!)))
  );
}

function created({item: {copy, sendable}, landed}: Arrival): Carried {
  const landedCrc = landedCrcOf(copy, landed);
  const refooted = sendable !== copy.payload;
  return {outcome: 'created', landedCrc, bytes: copy.payload!.length, refooted, writes: 1, perhapsWrites: 0};
}

/** Where the bytes at the target end in another checksum: another order of a hash table, another footer. */
function landedCrcOf({payload}: Copy, landed: Copy): Buffer | null {
  if (landed.payload === null || landed.payload.equals(payload!)) return null;
  const crc = dumpCrc(landed.payload);
  return crc.equals(dumpCrc(payload!)) ? null : Buffer.from(crc);
}

async function compared({source, target}: Batch, arrived: readonly Arrival[]): Promise<Landing[]> {
  const existing = arrived.filter(({existed}) => existed);
  const held = await readCopies(
    target,
    existing.map(({item}) => item.key),
  );
  const landings: Landing[] = [];
  for (const arrival of arrived) {
    const {item, existed} = arrival;
    const landed = existed ? held[existing.indexOf(arrival)]! : arrival.landed;
    const sides = {source: {socket: source, copy: item.copy}, target: {socket: target, copy: landed}};
    const comparison = await compareCopies({key: item.key, ...sides});
    landings.push({...arrival, landed, age: existed ? arrival.age : item.age, comparison});
  }
  return landings;
}

async function judged(batch: Batch, landings: readonly Landing[]): Promise<Landed[]> {
  const equal = landings.filter(({comparison}) => comparison === 'equal');
  const restamped = await restamp(
    batch,
    equal.map(({item, age, landed}) => ({key: item.key, age, landed})),
  );
  const results: Landed[] = [];
  for (const landing of landings) {
    results.push({item: landing.item, carried: await judge(batch, landing, restamped)});
  }
  return results;
}

const NOTHING = {landedCrc: null, bytes: 0, refooted: false, writes: 0, perhapsWrites: 0};
export const UNREADABLE: Carried = {...NOTHING, outcome: 'unreadable'};
export const GONE: Carried = {...NOTHING, outcome: 'gone'};

function requestRestore(request: Request, {targetAge}: Batch, {key, age, copy, sendable: payload}: Item): void {
  const {expireAtMs} = copy;
  request.begin(4 + (expireAtMs >= 0 ? 1 : 0) + (age === null ? 0 : 2));
  request.part('RESTORE');
  request.part(key);
  request.part(expireAtMs < 0 ? 0 : expireAtMs);
  request.part(payload!);
  // With a time to live of 0 ABSTTL means nothing, without one it means 1970.
  if (expireAtMs >= 0) request.part('ABSTTL');
  if (age === null) return;
  request.part(targetAge === 'frequency' ? 'FREQ' : 'IDLETIME');
  request.part(age);
}

/** True when the name was taken. @throws RtopoError for every other refusal */
function isBusy(reply: RespReply, target: RespSocket): boolean {
  if (!(reply instanceof ReplyError)) return false;
  if (reply.word === 'BUSYKEY') return true;
  if (/payload version or checksum|Bad data format/i.test(reply.text)) {
    throw new RtopoError({
      code: 'PAYLOAD_REFUSED',
      exit: ExitCode.incomplete,
      message: `${addressText(target.address)} cannot read values of the source's version: ${reply.text}. The sources still hold every key.`,
      remedy: 'upgrade the target first: it must be at least as new as every source',
    });
  }
  throw replyFault(target.address, reply.text, 'RESTORE');
}

async function judge(batch: Batch, landing: Landing, restamped: ReadonlySet<Buffer>): Promise<Carried | 'again'> {
  const {comparison, existed, item, landed} = landing;
  const {payload} = item.copy;
  const carried = {
    landedCrc: landedCrcOf(item.copy, landed),
    bytes: payload!.length,
    refooted: item.sendable !== payload,
    writes: (existed ? 0 : 1) + (restamped.has(item.key) ? 1 : 0),
    perhapsWrites: 0,
  };
  switch (comparison) {
    case 'equal':
      return {...carried, outcome: existed ? 'equal' : 'created'};
    case 'no-source':
      return GONE;
    case 'different':
      // A value that changed between the two reads is a writer at work, and shows as a conflict too: it is never overwritten.
      return {...carried, outcome: 'conflict'};
    case 'no-target':
      if (await isOver(batch, item)) return {...GONE, perhapsWrites: existed ? 0 : 1};
      // What was in the way is gone since; otherwise the target has lost what it had acknowledged.
      if (existed) return 'again';
      throw lostKey(batch);
  }
}

/** Has the key's time come, by either clock, or was it deleted at the source? */
async function isOver({source, target}: Batch, {key, copy: {expireAtMs}}: Item): Promise<boolean> {
  const [[left], [time]] = await Promise.all([source.batch([['PEXPIRETIME', key]]), target.batch([['TIME']])]);
  if (asNumber(left) === -2) return true;
  if (expireAtMs < 0 || !Array.isArray(time)) return false;
  const targetMs = Number(String(time[0])) * 1000 + Number(String(time[1])) / 1000;
  return targetMs >= expireAtMs;
}

export function lostKey({target}: Batch): RtopoError {
  return new RtopoError({
    code: 'TARGET_LOST_KEY',
    exit: ExitCode.failed,
    message:
      `${addressText(target.address)} acknowledged a key and does not hold it: it was evicted, or deleted by somebody. ` +
      'The source still holds it.',
    remedy: `look at evicted_keys, maxmemory and maxmemory-policy: redis-cli ${dialFlags(target.address)} INFO`,
  });
}
