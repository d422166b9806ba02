/**
 * DUMP at the source, RESTORE at the target, through rtopo: works across ACLs, TLS, NAT and versions, and can be verified.
 *
 * RESTORE's OK is not believed. It is also given for a key whose expiry has passed by the target's clock, and for one that is evicted
 * a moment later; so every key is read back and compared while its payload is still in hand.
 * Expiry travels as an absolute time: a relative one would restart the clock, and a rounded 0 would make the key immortal.
 */
import {createHash} from 'node:crypto';
import {ExitCode, RtopoError} from '../../errors.js';
import {replyFault} from '../../redis/faults.js';
import {ReplyError, type RespReply} from '../../redis/resp/decode.js';
import type {Part} from '../../redis/resp/encode.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {addressText} from '../../topology/types.js';
import {asNumber, type Comparison, type Copy, compareCopies, readCopies} from '../compare.js';
import {ageCommand, carriesAge, restamp} from './age.js';
import type {Batch, Carried, Transport} from './transport.js';

/** A window is bounded by what it holds in memory and by how long it keeps a server busy. */
const WINDOW_BYTES = 1024 * 1024;
const WINDOW_KEYS = 256;
/** A name that was taken and is free a moment later is tried again; not for ever, should somebody create and delete it in a loop. */
const MAX_ATTEMPTS = 3;

export const dumpRestore: Transport = {
  name: 'dump-restore',
  async carry(batch) {
    const metas = await readMetas(batch);
    const carried: Carried[] = [];
    for (const window of windows(metas)) carried.push(...(await carryWindow(batch, window)));
    return carried;
  },
};

interface Meta {
  readonly key: Buffer;
  /** Seconds idle or the LFU counter; null when the source cannot tell or the target has no use for it. */
  readonly age: number | null;
  /** The same of what the target already holds under this name: reading it for the comparison would end it. */
  readonly targetAge: number | null;
  readonly bytes: number;
}

/** Ages before anything else: DUMP itself would reset them. */
async function readMetas(batch: Batch): Promise<Meta[]> {
  const {source, target, keys} = batch;
  const ask = ageCommand(batch.targetAge);
  const withAge = ask !== null && carriesAge(batch);
  const [sizes, ages, targetAges] = await Promise.all([
    source.batch(keys.map((key) => ['MEMORY', 'USAGE', key])),
    withAge ? source.batch(keys.map((key) => [...ask, key])) : [],
    ask !== null && !target.touchesNothing ? target.batch(keys.map((key) => [...ask, key])) : [],
  ]);
  return keys.map((key, i) => ({
    key,
    age: numberOrNull(ages[i]),
    targetAge: numberOrNull(targetAges[i]),
    bytes: numberOrNull(sizes[i]) ?? 0,
  }));
}

function numberOrNull(reply: RespReply | undefined): number | null {
  return typeof reply === 'number' ? reply : null;
}

function* windows(metas: readonly Meta[]): Generator<Meta[]> {
  let window: Meta[] = [];
  let bytes = 0;
  for (const meta of metas) {
    if (window.length >= WINDOW_KEYS || (window.length > 0 && bytes + meta.bytes > WINDOW_BYTES)) {
      yield window;
      [window, bytes] = [[], 0];
    }
    window.push(meta);
    bytes += meta.bytes;
  }
  if (window.length > 0) yield window;
}

async function carryWindow(batch: Batch, metas: readonly Meta[]): Promise<Carried[]> {
  const results = new Map<Meta, Carried>();
  let left = metas;
  for (let attempt = 1; left.length > 0; attempt++) {
    const again: Meta[] = [];
    for (const {meta, carried} of await tryWindow(batch, left)) {
      if (carried === 'again' && attempt < MAX_ATTEMPTS) again.push(meta);
      else if (carried === 'again') throw lostKey(batch);
      else results.set(meta, carried);
    }
    left = again;
  }
  return metas.map((meta) => results.get(meta)!);
}

interface Landing {
  readonly meta: Meta;
  /** As read at the source; its payload is not null. */
  readonly copy: Copy;
  readonly landed: Copy;
  readonly existed: boolean;
  readonly comparison: Comparison;
}

type Attempt = {readonly meta: Meta; readonly carried: Carried | 'again'};

async function tryWindow(batch: Batch, metas: readonly Meta[]): Promise<Attempt[]> {
  const {source, target} = batch;
  const keysOf = (list: readonly {meta: Meta}[]): Buffer[] => list.map(({meta}) => meta.key);
  const read = metas.map((meta) => ({meta}));
  const copies = await readCopies(source, keysOf(read));
  const all = read.map(({meta}, i) => ({meta, copy: copies[i]!}));
  const present = all.filter(({copy}) => copy.payload !== null);
  const restored = await target.batch(present.map(({meta, copy}) => restore(batch, meta, copy)));
  const existed = restored.map((reply) => isBusy(reply, target));
  const landed = await readCopies(target, keysOf(present));
  const landings: Landing[] = [];
  for (const [i, {meta, copy}] of present.entries()) {
    const sides = {source: {socket: source, copy}, target: {socket: target, copy: landed[i]!}};
    const comparison = await compareCopies({key: meta.key, ...sides});
    landings.push({meta, copy, landed: landed[i]!, existed: existed[i]!, comparison});
  }
  const restamped = await restamp(
    batch,
    landings
      .filter(({comparison}) => comparison === 'equal')
      .map((landing) => ({...landing, key: landing.meta.key, age: ageOf(landing)})),
  );
  const results = new Map<Meta, Carried | 'again'>();
  for (const landing of landings) results.set(landing.meta, await judge(batch, landing, restamped));
  return metas.map((meta) => ({meta, carried: results.get(meta) ?? GONE}));
}

/** What the target already held keeps the age that it had there. */
function ageOf({existed, meta}: Landing): number | null {
  return existed ? meta.targetAge : meta.age;
}

const GONE: Carried = {
  outcome: 'gone',
  sha: null,
  expireAtMs: -2,
  landedSha: null,
  bytes: 0,
  writes: 0,
  perhapsWrites: 0,
};

function restore({targetAge}: Batch, {key, age}: Meta, {payload, expireAtMs}: Copy): Part[] {
  const command: Part[] = ['RESTORE', key, expireAtMs < 0 ? 0 : expireAtMs, payload!];
  // With a time to live of 0 ABSTTL means nothing, without one it means 1970.
  if (expireAtMs >= 0) command.push('ABSTTL');
  if (age !== null) command.push(targetAge === 'frequency' ? 'FREQ' : 'IDLETIME', age);
  return command;
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
  const {comparison, existed, meta, copy, landed} = landing;
  const sha = sha1(copy.payload!);
  const landedSha = landed.payload === null ? null : sha1(landed.payload);
  const carried = {
    sha,
    expireAtMs: copy.expireAtMs,
    landedSha: landedSha === sha ? null : landedSha,
    bytes: copy.payload!.length,
    writes: (existed ? 0 : 1) + (restamped.has(meta.key) ? 1 : 0),
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
      if (await isOver(batch, meta.key, copy)) return {...GONE, perhapsWrites: existed ? 0 : 1};
      // What was in the way is gone since; otherwise the target has lost what it had acknowledged.
      if (existed) return 'again';
      throw lostKey(batch);
  }
}

/** Has the key's time come, by either clock, or was it deleted at the source? */
async function isOver({source, target}: Batch, key: Buffer, {expireAtMs}: Copy): Promise<boolean> {
  const [[left], [time]] = await Promise.all([source.batch([['PEXPIRETIME', key]]), target.batch([['TIME']])]);
  if (asNumber(left) === -2) return true;
  if (expireAtMs < 0 || !Array.isArray(time)) return false;
  const targetMs = Number(String(time[0])) * 1000 + Number(String(time[1])) / 1000;
  return targetMs >= expireAtMs;
}

function lostKey({target}: Batch): RtopoError {
  return new RtopoError({
    code: 'TARGET_LOST_KEY',
    exit: ExitCode.failed,
    message:
      `${addressText(target.address)} acknowledged a key and does not hold it: it was evicted, or deleted by somebody. ` +
      'The source still holds it.',
    remedy: `look at evicted_keys, maxmemory and maxmemory-policy: redis-cli -h ${target.address.host} -p ${target.address.port} INFO`,
  });
}

function sha1(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('base64');
}
