/**
 * One key, element by element: for values too large to travel as one payload, and for those whose payload the target cannot read.
 *
 * The copy grows under a temporary name that always expires by itself. It gets its own name only after both sides were read and found equal,
 * and after the source was found unchanged since the first element was read. A name that is taken is compared, never overwritten.
 */
import {ExitCode, RtopoError} from '../../errors.js';
import type {RespSocket} from '../../redis/resp/socket.js';
import {addressText, dialFlags} from '../../topology/types.js';
import {type BuildOrder, type Copied, copyParts, proveCopy, proveSource} from '../elements/build.js';
import {boundsOf, compareValues} from '../elements/compare.js';
import {Meter, Pace, ValueChanged} from '../elements/pace.js';
import {discard, publish} from '../elements/publish.js';
import {type Head, keyText, readHead} from '../elements/read.js';
import {timeMs} from '../elements/stream.js';
import {GuardedWriter, temporaryName} from '../elements/write.js';

export interface ElementOrder extends BuildOrder {
  /** Like the target used by nobody else meanwhile: it is under WATCH. */
  readonly source: RespSocket;
  readonly db: number;
  /** Id of the operation, which the temporary name carries. */
  readonly operation: string;
}

/** What became of the key. */
export interface CarriedByElements {
  readonly outcome: /** Copied, read back, found equal, and published. */
    | 'created'
    /** The target already held an equal value. */
    | 'equal'
    /** No longer at the source. */
    | 'gone'
    /** The target holds another value under this name. It was not touched. */
    | 'conflict'
    /** The source changed while it was read, or the copy vanished while it was built. Nothing was published. */
    | 'again';
  /** Hex, of the source's value: what `deleteIfEqual` compares before the source's copy is deleted. Empty when gone or to be done again. */
  readonly digest: string;
  /** Epoch milliseconds; -1 without expiry, -2 when gone. */
  readonly expireAtMs: number;
  /** Of the value, read once. */
  readonly bytes: number;
  /** Changes that the target counts for what was done there. */
  readonly writes: number;
  /** What a person should know of how faithful the copy is. */
  readonly notes: readonly string[];
}

export async function carryByElements(order: ElementOrder): Promise<CarriedByElements> {
  const {source, target, db, key} = order;
  await Promise.all([source.select(db), target.select(db)]);
  await source.call(['WATCH', key], 'watching a key');
  try {
    const head = await readHead(source, key);
    if (head === null) return ended('gone');
    if ((await target.call(['EXISTS', key], 'looking for a key')) === 1) return await compareTaken(order);
    return await build(order, head);
  } catch (error) {
    if (error instanceof ValueChanged) return ended('again', {notes: [CHANGED]});
    throw error;
  } finally {
    await source.batch([['UNWATCH']]).catch(() => undefined);
  }
}

const CHANGED = 'the source changed while it was read';

function ended(
  outcome: 'gone' | 'again',
  rest: {readonly writes?: number; readonly notes?: readonly string[]} = {},
): CarriedByElements {
  return {outcome, digest: '', expireAtMs: -2, bytes: 0, writes: 0, notes: [], ...rest};
}

/** The name is taken: by an equal value, which is as good as a copy, or by another. */
async function compareTaken(order: ElementOrder, writes = 0): Promise<CarriedByElements> {
  const {source, target, key} = order;
  const {comparison, value} = await compareValues(source, target, key, order);
  if (comparison === 'no-source') return ended('gone', {writes});
  // Whoever took the name has left it again.
  if (comparison === 'no-target') return ended('again', {writes});
  if (value === null) return ended('again', {writes, notes: [CHANGED]});
  const {digest, expireAtMs, bytes} = value;
  return {outcome: comparison === 'equal' ? 'equal' : 'conflict', digest, expireAtMs, bytes, writes, notes: []};
}

async function build(order: ElementOrder, head: Head): Promise<CarriedByElements> {
  const {source, target, db, key, operation} = order;
  const pace = new Pace(boundsOf(order), head.averageBytes);
  const valueBytes = head.size * head.averageBytes;
  const meterOf = (socket: RespSocket) => Meter.of(socket, valueBytes);
  const writer = new GuardedWriter(await meterOf(target), temporaryName(operation, db, key), pace);
  await discard(writer);
  try {
    const meter = await meterOf(source);
    const copy = await copyParts(order, {head, writer, meter, pace});
    const fault = (await proveCopy(order, writer, copy)) ?? (await proveSource(meter, key, copy.facts));
    if (fault === 'gone') return ended('gone', {writes: await undone(writer)});
    if (fault !== null) return ended('again', {writes: await undone(writer), notes: [fault]});
    return await publishCopy(order, writer, {head, ...copy});
  } catch (error) {
    await discard(writer);
    if (error instanceof ValueChanged) return ended('again', {writes: writer.changes, notes: [CHANGED]});
    throw error;
  }
}

async function undone(writer: GuardedWriter): Promise<number> {
  await discard(writer);
  return writer.changes;
}

async function publishCopy(
  order: ElementOrder,
  writer: GuardedWriter,
  {head, digest, bytes, notes}: Copied & {readonly head: Head},
): Promise<CarriedByElements> {
  const {target, key} = order;
  const {expireAtMs} = head;
  switch (await publish(writer, key, expireAtMs)) {
    case 'taken':
      return compareTaken(order, await undone(writer));
    case 'vanished':
      return ended('again', {writes: writer.changes, notes: ['the copy vanished before it was published']});
    case 'expired':
      return ended('gone', {writes: writer.changes});
    case 'published': {
      const landed = await readHead(target, key);
      const carried = {digest, expireAtMs, bytes, writes: writer.changes, notes};
      if (landed?.expireAtMs === expireAtMs && landed.type === head.type) return {outcome: 'created', ...carried};
      return (await isOver(target, expireAtMs)) ? ended('gone', {writes: writer.changes}) : Promise.reject(lost(order));
    }
  }
}

async function isOver(target: RespSocket, expireAtMs: number): Promise<boolean> {
  return expireAtMs >= 0 && timeMs(await target.call(['TIME'], 'reading the time')) >= expireAtMs;
}

function lost({target, key}: ElementOrder): RtopoError {
  const {address} = target;
  return new RtopoError({
    code: 'TARGET_LOST_KEY',
    exit: ExitCode.failed,
    message:
      `${keyText(key)} was published on ${addressText(address)} and is not there as it was: it was evicted, or changed by somebody. ` +
      'The source still holds it.',
    remedy: `look at evicted_keys, maxmemory and maxmemory-policy: redis-cli ${dialFlags(address)} INFO`,
  });
}
