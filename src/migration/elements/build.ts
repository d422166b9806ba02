/** Builds the copy of a value under its temporary name, and proves both sides: that the copy is what was read, and that it is still so. */
import type {RespSocket} from '../../redis/resp/socket.js';
import type {AgeKind} from '../transports/transport.js';
import {boundsOf, tryDigest} from './compare.js';
import {foldValue, type Sink} from './fold.js';
import type {Bounds, Meter, Pace} from './pace.js';
import type {Head} from './read.js';
import {readSettledFacts, readStreamFacts, type StreamFacts} from './stream-facts.js';
import {StreamWriter} from './stream-write.js';
import {ElementWriter, type GuardedWriter} from './write.js';

export interface BuildOrder extends Partial<Bounds> {
  readonly target: RespSocket;
  readonly key: Buffer;
  /** Which servers have expiries of single hash fields; found out by asking when it is not said. */
  readonly knowsFieldTtl?: {readonly source: boolean; readonly target: boolean};
  /** What the target would make use of. It cannot be kept, which is then noted. */
  readonly targetAge?: AgeKind;
  /** Awaited after each part that was read, from either side: the place for progress and for a limit of speed. */
  readonly onChunk?: (bytes: number) => void | Promise<void>;
}

export interface Site {
  readonly head: Head;
  readonly writer: GuardedWriter;
  readonly meter: Meter;
  readonly pace: Pace;
}

export interface Copied {
  /** Of what was read from the source, and written. */
  readonly digest: string;
  readonly bytes: number;
  readonly facts: StreamFacts | null;
  readonly notes: readonly string[];
}

/** Reads each part once, takes it into the digest, and writes it. */
export async function copyParts(order: BuildOrder, {head, writer, meter, pace}: Site): Promise<Copied> {
  const {key, knowsFieldTtl, onChunk} = order;
  const facts = head.type === 'stream' ? await readSettledFacts(meter, key) : null;
  const elements = new ElementWriter(writer, key, head, knowsFieldTtl?.target ?? null);
  const stream = facts === null ? null : new StreamWriter(writer, key, facts);
  let bytes = 0;
  const count = async (part: {readonly bytes: number}) => {
    bytes += part.bytes;
    await onChunk?.(part.bytes);
  };
  const sink: Sink = {
    chunk: async (chunk) => {
      await elements.write(chunk);
      await count(chunk);
    },
    streamPart: async (part) => {
      await stream!.write(part);
      await count(part);
    },
  };
  await stream?.begin();
  const digest = await foldValue({meter, key, head, pace, knowsFieldTtl: knowsFieldTtl?.source ?? null}, facts, sink);
  await (stream ?? elements).finish();
  return {digest, bytes, facts, notes: notesOf(order, stream)};
}

function notesOf({targetAge = 'none'}: BuildOrder, stream: StreamWriter | null): string[] {
  const notes: string[] = [];
  if (stream !== null) notes.push('when each consumer was last seen is not kept');
  if (stream !== null && stream.ghosts > 0)
    notes.push(`${stream.ghosts} pending entries that were deleted before are pending again`);
  if (targetAge !== 'none')
    notes.push(`${targetAge === 'idle' ? 'idle time' : 'access frequency'} is not kept: only RESTORE could set it`);
  return notes;
}

/** Null when the copy, read back, is what was read from the source. */
export async function proveCopy(
  {target, knowsFieldTtl, onChunk, ...bounds}: BuildOrder,
  writer: GuardedWriter,
  {digest}: Copied,
): Promise<string | null> {
  const onPart = async (bytes: number) => {
    await writer.keepGuard();
    await onChunk?.(bytes);
  };
  const landed = await tryDigest(target, writer.temporary, {
    ...boundsOf(bounds),
    onChunk: onPart,
    ...(knowsFieldTtl === undefined ? {} : {hasFieldTtl: knowsFieldTtl.target}),
  });
  if (landed === null) return 'the copy vanished while it was built: it was evicted, or its guard ran out';
  if (landed === 'changed' || landed.digest !== digest) return 'the copy is not what was read from the source';
  return null;
}

/** Null when nobody touched the source since before its first part was read: neither value, nor expiry, nor groups. */
export async function proveSource(meter: Meter, key: Buffer, facts: StreamFacts | null): Promise<string | null> {
  // WATCH is blind to consumer groups.
  const activity = facts === null ? null : (await readStreamFacts(meter, key)).activity;
  const replies = await meter.batch([['MULTI'], ['EXISTS', key], ['EXEC']], 'looking whether a key was changed');
  if (replies[2] === null) {
    const isThere = await meter.call(['EXISTS', key], 'looking for a key');
    return isThere === 1 ? 'the source changed while it was read' : 'gone';
  }
  return activity === (facts?.activity ?? null) ? null : 'a consumer group changed while the stream was read';
}
