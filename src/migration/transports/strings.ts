/**
 * Strings go as text: GETRANGE at the source, SET NX at the target, MGET to read them back. A server answers that at a tenth of the cost of
 * DUMP, which tries to compress each value and computes a checksum over it, and no payload version stands between two servers. Values are
 * not taken out of the bytes that came: they are looked at there, and pasted from there into what is sent. What does not land as plainly as
 * nearly every key of a first copy does goes by DUMP and RESTORE, which know all the cases; so do strings whose age the target wants
 * to be told, for SET cannot tell it.
 */
import {replyFault} from '../../redis/faults.js';
import {commandOf, framedParts, type Request} from '../../redis/resp/encode.js';
import type {FlatReplies} from '../../redis/resp/flat.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {PEXPIRETIME} from '../compare.js';
import {textSum} from '../digest.js';
import {ageCommand} from './age.js';
import {dumpRestore} from './dump-restore.js';
import type {Announced, Batch, Carried, Transport} from './transport.js';

/** Keys that were asked for, by what the source says of them. */
export interface TextReading {
  readonly texts: readonly Text[];
  /** Where they lie. */
  readonly read: FlatReplies;
  /** Strings beyond the limit. */
  readonly longer: readonly Buffer[];
  /** Of another type, empty, or gone. */
  readonly others: readonly Buffer[];
}

/** A string as it lies in what the source said. */
interface Text {
  readonly key: Buffer;
  /** Number of its reply. */
  readonly at: number;
  readonly bytes: number;
  /** -1: none. */
  readonly expireAtMs: number;
}

/** Servers that refuse one of the commands are not asked again. */
const refusing = new WeakSet<RespSocket>();
/** Sources that were asked for strings and had few of them lately: so many batches go another way before they are asked again. */
const shy = new WeakMap<RespSocket, number>();
const SHY_BATCHES = 15;
/** Below this share of strings, asking for them costs more than it saves. */
const WORTH_SHARE = 1 / 8;

export function mayGoAsText({source, target, targetAge}: Pick<Batch, 'source' | 'target' | 'targetAge'>): boolean {
  if (ageCommand(targetAge) !== null || refusing.has(source) || refusing.has(target)) return false;
  const wait = shy.get(source) ?? 0;
  if (wait > 0) shy.set(source, wait - 1);
  return wait === 0;
}

const GETRANGE = commandOf(4, 'GETRANGE');
const SET = commandOf(4, 'SET');
const SET_EXPIRING = commandOf(6, 'SET');
const NX = framedParts('NX');
const NX_PXAT = framedParts('NX', 'PXAT');

/** Reads no more than `limitBytes` of any value; what it returns is good until the next reading from that source. */
export async function readTexts(
  source: RespSocket,
  keys: readonly Buffer[],
  limitBytes: number,
): Promise<TextReading | null> {
  const range = framedParts(0, limitBytes);
  const read = await source.flat((request) => {
    for (const key of keys) {
      request.open(GETRANGE);
      request.part(key);
      request.framed(range, 0, range.length);
    }
    for (const key of keys) request.with(PEXPIRETIME, key);
  });
  const [texts, longer, others]: [Text[], Buffer[], Buffer[]] = [[], [], []];
  for (const [at, key] of keys.entries()) {
    const bytes = read.isBulk(at) ? read.size(at) : 0;
    const expireAtMs = read.number(keys.length + at);
    if (bytes > limitBytes) longer.push(key);
    else if (bytes > 0 && expireAtMs >= -1) texts.push({key, at, bytes, expireAtMs});
    else if (isRefused(read, at) || isRefused(read, keys.length + at)) {
      // Not allowed, or renamed: no fault of the key.
      refusing.add(source);
      return null;
    } else others.push(key);
  }
  if (texts.length + longer.length < keys.length * WORTH_SHARE) shy.set(source, SHY_BATCHES);
  return {texts, read, longer, others};
}

const isRefused = (replies: FlatReplies, i: number): boolean => {
  const refusal = replies.refusal(i);
  return refusal !== null && refusal.word !== 'WRONGTYPE';
};

/** Carries what was just read; the keys of the batch are those of the texts, in that order. */
export function textTransport({texts, read}: TextReading): Transport {
  return {
    name: 'strings',
    async carry(batch) {
      await batch.announce(texts.map((text) => announced(read, text)));
      const results: Carried[] = new Array(texts.length);
      const odd = await land(batch, {read, texts, results});
      await carryOdd(batch, odd, results);
      return results;
    },
  };
}

function announced(read: FlatReplies, {at, bytes, expireAtMs}: Text): Announced {
  const sum = textSum(read.bytes.subarray(read.start(at), read.end(at)));
  return {sum, of: 'text', bytes, expireAtMs};
}

interface Landing {
  readonly read: FlatReplies;
  readonly texts: readonly Text[];
  readonly results: (Carried | undefined)[];
}

/** One that did not land plainly, and how many changes at the target it has made so far. */
interface Odd {
  readonly position: number;
  readonly writes: number;
}

/** Sends the texts and reads them back, in one pipeline. Fills in the results of those that landed plainly; returns the others. */
async function land({target}: Batch, {read, texts, results}: Landing): Promise<readonly Odd[]> {
  const replies = await target.flat((request) => {
    for (const text of texts) requestSet(request, read, text);
    request.begin(texts.length + 1);
    request.part('MGET');
    for (const {key} of texts) request.part(key);
    for (const {key, expireAtMs} of texts) if (expireAtMs >= 0) request.with(PEXPIRETIME, key);
  });
  const count = texts.length;
  const isReadBack = replies.isArray(count);
  if (!isReadBack) refusing.add(target);
  let expiry = count + 1 + (isReadBack ? count : 0);
  const odd: Odd[] = [];
  let last = created(0);
  for (const [i, {at, bytes, expireAtMs}] of texts.entries()) {
    // SET without an expiry has just made the key: it has none.
    const heldUntilMs = expireAtMs >= 0 ? replies.number(expiry++) : -1;
    const isMade = isSet(target, replies, i);
    if (isMade && isReadBack && heldUntilMs === expireAtMs && isSame({read, at}, {replies, at: count + 1 + i})) {
      if (last.bytes !== bytes) last = created(bytes);
      results[i] = last;
    } else odd.push({position: i, writes: isMade ? 1 : 0});
  }
  return odd;
}

function requestSet(request: Request, read: FlatReplies, {key, at, expireAtMs}: Text): void {
  request.open(expireAtMs < 0 ? SET : SET_EXPIRING);
  request.part(key);
  request.framed(read.bytes, read.head(at), read.tail(at));
  const tail = expireAtMs < 0 ? NX : NX_PXAT;
  request.framed(tail, 0, tail.length);
  if (expireAtMs >= 0) request.part(expireAtMs);
}

function isSame(
  {read, at: from}: {readonly read: FlatReplies; readonly at: number},
  {replies, at}: {readonly replies: FlatReplies; readonly at: number},
): boolean {
  if (!replies.isBulk(at)) return false;
  return replies.bytes.compare(read.bytes, read.start(from), read.end(from), replies.start(at), replies.end(at)) === 0;
}

const created = (bytes: number): Carried => ({
  ...{outcome: 'created', landedCrc: null, bytes, refooted: false},
  ...{writes: 1, perhapsWrites: 0},
});

/** False: the name was taken, or SET is not for us. @throws RtopoError for every other refusal */
function isSet(target: RespSocket, replies: FlatReplies, i: number): boolean {
  if (replies.isOk(i)) return true;
  const refusal = replies.refusal(i);
  if (refusal === null) return false;
  if (refusal.word !== 'NOPERM' && !/^ERR unknown command/i.test(refusal.text)) {
    throw replyFault(target.address, refusal.text, 'SET');
  }
  refusing.add(target);
  return false;
}

/** Those that had to be looked at more closely. What was announced of them still holds: they are announced once. */
async function carryOdd(batch: Batch, odd: readonly Odd[], results: Carried[]): Promise<void> {
  if (odd.length === 0) return;
  const keys = odd.map(({position}) => batch.keys[position]!);
  const all = await dumpRestore.carry({...batch, keys, announce: async () => undefined});
  for (const [i, {position, writes}] of odd.entries()) {
    const carried = all[i]!;
    results[position] = {...carried, writes: carried.writes + writes, ...(writes === 1 ? asOurs(carried) : {})};
  }
}

/** Equal to the source now, and made by us a moment ago. */
function asOurs({outcome}: Carried): Pick<Carried, 'outcome'> {
  return {outcome: outcome === 'equal' ? 'created' : outcome};
}
