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
import {asNumber, type Copy, compareCopies, firstRefusal, readCopies} from '../compare.js';
import type {AgeKind, Batch, Carried, Transport} from './transport.js';

/** A window is bounded by what it holds in memory and by how long it keeps a server busy. */
const WINDOW_BYTES = 1024 * 1024;
const WINDOW_KEYS = 256;

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
  readonly bytes: number;
}

/** Age before anything else: DUMP itself would reset it. */
async function readMetas({source, sourceAge, targetAge, keys}: Batch): Promise<Meta[]> {
  const askAge = targetAge !== 'none' && sourceAge === targetAge;
  const commands = keys.flatMap((key): Part[][] => [
    ['MEMORY', 'USAGE', key],
    ...(askAge ? [['OBJECT', sourceAge === 'idle' ? 'IDLETIME' : 'FREQ', key]] : []),
  ]);
  const replies = await source.batch(commands);
  const width = askAge ? 2 : 1;
  return keys.map((key, i) => {
    const [bytes, age] = [replies[width * i], askAge ? replies[width * i + 1] : null];
    return {key, age: typeof age === 'number' ? age : null, bytes: typeof bytes === 'number' ? bytes : 0};
  });
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
  const {source, target} = batch;
  const copies = await readCopies(
    source,
    metas.map(({key}) => key),
  );
  const present = metas.map((meta, i) => ({meta, copy: copies[i]!})).filter(({copy}) => copy.payload !== null);
  const restored = await target.batch(present.map(({meta, copy}) => restore(meta, copy, batch.targetAge, false)));
  const existed = restored.map((reply) => isBusy(reply, target));
  const landed = await readCopies(
    target,
    present.map(({meta}) => meta.key),
  );
  const results = new Map<Meta, Carried>();
  for (const [i, {meta, copy}] of present.entries()) {
    const comparison = await compareCopies({
      key: meta.key,
      source: {socket: source, copy},
      target: {socket: target, copy: landed[i]!},
    });
    results.set(meta, await judge({comparison, existed: existed[i]!, meta, copy, batch}));
  }
  const created = present.filter(({meta}) => results.get(meta)?.outcome === 'created');
  for (const meta of await restamp(batch, created)) results.set(meta, {...results.get(meta)!, writes: 2});
  return metas.map((meta) => results.get(meta) ?? GONE);
}

const GONE: Carried = {outcome: 'gone', sha: null, bytes: 0, writes: 0};

function restore({key, age}: Meta, {payload, expireAtMs}: Copy, targetAge: AgeKind, replace: boolean): Part[] {
  const command: Part[] = ['RESTORE', key, expireAtMs < 0 ? 0 : expireAtMs, payload!];
  if (replace) command.push('REPLACE');
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

async function judge(landing: {
  comparison: Awaited<ReturnType<typeof compareCopies>>;
  existed: boolean;
  meta: Meta;
  copy: Copy;
  batch: Batch;
}): Promise<Carried> {
  const {comparison, existed, meta, copy, batch} = landing;
  const sha = createHash('sha1').update(copy.payload!).digest('base64');
  const bytes = copy.payload!.length;
  const writes = existed ? 0 : 1;
  switch (comparison) {
    case 'equal':
      return {outcome: existed ? 'equal' : 'created', sha, bytes, writes};
    case 'no-source':
      return GONE;
    case 'different':
      // A value that changed between the two reads is a writer at work, and shows as a conflict too: it is never overwritten.
      return {outcome: 'conflict', sha, bytes, writes};
    case 'no-target': {
      const [left] = await batch.source.batch([['PEXPIRETIME', meta.key]]);
      if (asNumber(left) === -2) return GONE;
      throw new RtopoError({
        code: 'TARGET_LOST_KEY',
        exit: ExitCode.incomplete,
        message:
          `${addressText(batch.target.address)} acknowledged a key and does not hold it: it was evicted, deleted by somebody, ` +
          'or expired by a clock that is ahead. The source still holds it.',
        remedy:
          'rtopo rebalance status names the operation; look at evicted_keys, maxmemory-policy and the clock of the target',
      });
    }
  }
}

/**
 * Reading back has made the copies look freshly used. Where the target evicts by age and cannot read without touching (before Redis 7.2),
 * the payload that was just proved equal is put there once more, with its age. That it is there is checked again later, without touching.
 */
async function restamp(batch: Batch, created: readonly {meta: Meta; copy: Copy}[]): Promise<Meta[]> {
  const {target, targetAge} = batch;
  const aged = created.filter(({meta}) => meta.age !== null);
  if (targetAge === 'none' || target.touchesNothing || aged.length === 0) return [];
  const replies = await target.batch(aged.map(({meta, copy}) => restore(meta, copy, targetAge, true)));
  const refused = firstRefusal(replies);
  if (refused !== null) throw replyFault(target.address, refused.text, 'RESTORE with the age of the key');
  return aged.map(({meta}) => meta);
}
