/**
 * Strings go as text: MGET at the source, SET NX at the target, MGET to read them back. A server answers that at a tenth of the cost of DUMP,
 * which tries to compress each value and computes a checksum over it, and no payload version stands between two servers. What
 * is no string, or does not land as plainly as nearly every key of a first copy does, goes by DUMP and RESTORE, which know all
 * the cases; so do strings whose age the target wants to be told, for SET cannot tell it.
 */
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import {Request} from '../../redis/resp/encode.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {PEXPIRETIME} from '../compare.js';
import {textSum} from '../digest.js';
import {ageCommand} from './age.js';
import {dumpRestore} from './dump-restore.js';
import type {Announced, Batch, Carried, Transport} from './transport.js';

export const strings: Transport = {
  name: 'strings',
  async carry(batch) {
    const texts = mayGoAsText(batch) ? await readSource(batch) : [];
    if (texts.length === 0) return dumpRestore.carry(batch);
    const isText = new Uint8Array(batch.keys.length);
    for (const {position} of texts) isText[position] = 1;
    const results: Carried[] = new Array(batch.keys.length);
    let odd: readonly Text[] = [];
    const send = async (others: readonly Announced[]): Promise<void> => {
      await batch.announce(merged(batch, texts, others));
      odd = await land(batch, texts, results);
    };
    const rest = positionsWhere(isText, 0);
    if (rest.length === 0) await send([]);
    else await carryBy(batch, rest, results, send);
    await carryOdd(batch, odd, results);
    return results;
  },
};

/** Servers that refuse one of the commands are not asked again. */
const refusing = new WeakSet<RespSocket>();

function mayGoAsText({source, target, targetAge}: Batch): boolean {
  return ageCommand(targetAge) === null && !refusing.has(source) && !refusing.has(target);
}

interface Text {
  readonly position: number;
  readonly key: Buffer;
  readonly text: Buffer;
  /** -1: none. */
  readonly expireAtMs: number;
  /** Changes made at the target so far. */
  writes: number;
}

async function readSource({source, keys, maxPayloadBytes}: Batch): Promise<Text[]> {
  const request = new Request().add(['MGET', ...keys]);
  for (const key of keys) request.with(PEXPIRETIME, key);
  const [values, ...expiries] = await source.send(request);
  if (!Array.isArray(values)) {
    // Not allowed, or renamed: no fault of the key.
    refusing.add(source);
    return [];
  }
  const texts: Text[] = [];
  for (const [position, key] of keys.entries()) {
    const [text, expireAtMs] = [values[position], expiries[position]];
    // A key that is gone by the second question, and one that is too long, are for those who know such cases.
    if (!Buffer.isBuffer(text) || text.length > maxPayloadBytes) continue;
    if (typeof expireAtMs === 'number' && expireAtMs !== -2) texts.push({position, key, text, expireAtMs, writes: 0});
  }
  return texts;
}

/** Sends the texts and reads them back, in one pipeline. Fills in the results of those that landed plainly; returns the others. */
async function land(
  {target}: Batch,
  texts: readonly Text[],
  results: (Carried | undefined)[],
): Promise<readonly Text[]> {
  const request = new Request();
  for (const one of texts) requestSet(request, one);
  request.add(['MGET', ...texts.map(({key}) => key)]);
  for (const {key, expireAtMs} of texts) if (expireAtMs >= 0) request.with(PEXPIRETIME, key);
  const replies = await target.send(request);
  const held = replies[texts.length];
  if (!Array.isArray(held)) refusing.add(target);
  let at = texts.length + 1;
  return texts.filter((one, i) => {
    // SET without an expiry has just made the key: it has none.
    const expireAtMs = one.expireAtMs >= 0 ? replies[at++] : -1;
    if (!isSet(target, replies[i])) return true;
    one.writes = 1;
    const found = Array.isArray(held) ? held[i] : null;
    if (!Buffer.isBuffer(found) || !found.equals(one.text) || expireAtMs !== one.expireAtMs) return true;
    results[one.position] = {outcome: 'created', ...PLAIN, bytes: one.text.length};
    return false;
  });
}

const PLAIN = {landedCrc: null, refooted: false, writes: 1, perhapsWrites: 0} as const;

function requestSet(request: Request, {key, text, expireAtMs}: Text): void {
  request.begin(expireAtMs < 0 ? 4 : 6);
  request.part('SET');
  request.part(key);
  request.part(text);
  request.part('NX');
  if (expireAtMs < 0) return;
  request.part('PXAT');
  request.part(expireAtMs);
}

/** False: the name was taken, or SET is not for us. @throws RtopoError for every other refusal */
function isSet(target: RespSocket, reply: RespReply | undefined): boolean {
  if (reply === 'OK') return true;
  if (!(reply instanceof ReplyError)) return false;
  if (reply.word !== 'NOPERM' && !/^ERR unknown command/i.test(reply.text)) {
    throw replyFault(target.address, reply.text, 'SET');
  }
  refusing.add(target);
  return false;
}

/** Those that had to be looked at more closely. What was announced of them still holds: they are announced once. */
async function carryOdd(batch: Batch, odd: readonly Text[], results: Carried[]): Promise<void> {
  if (odd.length === 0) return;
  const positions = odd.map(({position}) => position);
  await carryBy(batch, positions, results, async () => undefined);
  for (const {position, writes} of odd) {
    const carried = results[position]!;
    results[position] = {...carried, writes: carried.writes + writes, ...(writes === 1 ? asOurs(carried) : {})};
  }
}

/** Equal to the source now, and made by us a moment ago. */
function asOurs({outcome}: Carried): Pick<Carried, 'outcome'> {
  return {outcome: outcome === 'equal' ? 'created' : outcome};
}

async function carryBy(
  batch: Batch,
  positions: readonly number[],
  results: Carried[],
  announce: Batch['announce'],
): Promise<void> {
  const carried = await dumpRestore.carry({...batch, keys: positions.map((i) => batch.keys[i]!), announce});
  for (const [i, position] of positions.entries()) results[position] = carried[i]!;
}

function merged({keys}: Batch, texts: readonly Text[], others: readonly Announced[]): Announced[] {
  const all: Announced[] = new Array(keys.length);
  for (const {position, text, expireAtMs} of texts) {
    all[position] = {sum: textSum(text), of: 'text', bytes: text.length, expireAtMs};
  }
  let other = 0;
  for (let i = 0; i < keys.length; i++) all[i] ??= others[other++]!;
  return all;
}

function positionsWhere(flags: Uint8Array, value: number): number[] {
  return [...flags.keys()].filter((i) => flags[i] === value);
}
