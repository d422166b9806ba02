/** From the parts of a value to its digest, and on the way past whoever wants to see the parts. */
import {ByteFold, type Fold, OrderedFold, SumFold, scoreBytes, seal} from './digest.js';
import {ValueChanged} from './pace.js';
import {type Chunk, type Reading, readChunks, WIDTH} from './read.js';
import {type StreamPart, walkStream} from './stream.js';
import {factPieces, type StreamFacts} from './stream-facts.js';

/** What is done with each part before the next is read. */
export interface Sink {
  chunk(chunk: Chunk): Promise<void>;
  streamPart(part: StreamPart): Promise<void>;
}

/**
 * Reads the whole value once and gives its digest.
 * @param facts of a stream, else null
 * @throws ValueChanged when what was read cannot have been one value
 */
export function foldValue(reading: Reading, facts: StreamFacts | null, sink: Sink): Promise<string> {
  return facts === null ? foldElements(reading, sink) : foldStream(reading, facts, sink);
}

async function foldElements(reading: Reading, sink: Sink): Promise<string> {
  const {type, size} = reading.head;
  const fold = foldOf(type);
  let expiring = 0;
  for await (const chunk of readChunks(reading)) {
    expiring += chunk.expiries?.filter((ms) => ms !== -1).length ?? 0;
    if (type === 'hash') fold.add(hashPieces(chunk), 3);
    else if (type === 'zset') fold.add(scored(chunk.parts), 2);
    else fold.add(chunk.parts, WIDTH[type]);
    // Also ends the reading of a value that grows faster than it can be read.
    if (fold.count > size) throw new ValueChanged();
    await sink.chunk(chunk);
  }
  // Elements came twice, or not at all. Fields that have expired are still counted until the server removes them.
  if (fold.count !== size && !(expiring > 0 && fold.count < size)) throw new ValueChanged();
  return seal([type, fold.hex(), String(fold.count)]);
}

function foldOf(type: string): Fold {
  if (type === 'string') return new ByteFold();
  return type === 'list' || type === 'zset' ? new OrderedFold() : new SumFold();
}

/** Field, value, and expiry, which is empty where there is none: so that a server without such expiries gives the same. */
function hashPieces({parts, expiries}: Chunk): (Buffer | string)[] {
  const pieces: (Buffer | string)[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const expireAtMs = expiries?.[i / 2] ?? -1;
    pieces.push(parts[i]!, parts[i + 1]!, expireAtMs === -1 ? '' : String(expireAtMs));
  }
  return pieces;
}

function scored(parts: readonly Buffer[]): Buffer[] {
  return parts.map((part, i) => (i % 2 === 0 ? part : scoreBytes(part.toString('latin1'))));
}

async function foldStream(reading: Reading, facts: StreamFacts, sink: Sink): Promise<string> {
  const entries = new OrderedFold();
  const pending = facts.groups.map(() => new OrderedFold());
  const names = facts.groups.map(({name}) => name);
  for await (const part of walkStream(reading, names)) {
    for (const {id, fields} of part.entries) entries.add([id, String(fields.length), ...fields], fields.length + 2);
    for (const [i, list] of part.pending.entries()) {
      for (const {id, consumer, deliveredMs, deliveries} of list)
        pending[i]!.add([id, consumer, deliveredMs, deliveries], 4);
    }
    if (entries.count > facts.length) throw new ValueChanged();
    await sink.streamPart(part);
  }
  const isWhole = entries.count === facts.length && pending.every(({count}, i) => count === facts.groups[i]!.pending);
  if (!isWhole) throw new ValueChanged();
  return seal(['stream', entries.hex(), ...factPieces(facts), ...pending.map((fold) => fold.hex())]);
}
