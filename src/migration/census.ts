/**
 * Counts every key by the node it is on and the node that will own it, and finds conflicts before anything is written; or estimates
 * from the beginning of a SCAN: its order is that of a seeded hash, so that what comes first is a sample by chance.
 */
import {RESERVED_PREFIX} from '../journal/lock.js';
import type {ScanPage} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {type Conflict, ConflictSearch} from './conflicts.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {type Change, formerOwnerInRange, ownerInRange} from './plan.js';
import type {MatrixCell} from './records.js';
import {PlacedKeys, type StrayExample, Tally} from './tally.js';

/** A cell of the matrix; `plusMinus` keys where it was estimated, at 95 % confidence. */
export interface CensusCell extends MatrixCell {
  readonly plusMinus?: number;
}

export interface Census {
  /** Every key was read, or the first so many of each server. */
  readonly method: 'exact' | 'sample';
  /** Keys on all nodes. */
  readonly scanned: number;
  /** Keys that were looked at. */
  readonly sampled: number;
  readonly moving: number;
  /** Half of the interval that holds the true number of moving keys with 95 % probability; 0 when all were read. */
  readonly movingPlusMinus: number;
  /** Keys found where the present placement does not put them. */
  readonly strays: number;
  readonly straysAt: readonly {readonly at: string; readonly keys: number}[];
  /** At most 20 of them. */
  readonly strayExamples: readonly StrayExample[];
  readonly matrix: readonly CensusCell[];
  /** Keys per node: now, and after the change. */
  readonly loads: readonly {
    readonly name: string;
    readonly at: string;
    readonly keys: number;
    readonly keysAfter: number;
    readonly bytesIn: number;
  }[];
  /** Names that two servers hold with different values. Not looked for in a sample. */
  readonly conflicts: number;
  /** Of these, the ones of which two copies would move to one target: neither `skip` nor `replace` could know the right one. */
  readonly rivals: number;
  /** The others, by the target that already holds the name. */
  readonly conflictsAt: readonly {readonly at: string; readonly keys: number}[];
  /** At most 20 of them. */
  readonly conflictExamples: readonly Conflict[];
  /** Servers that did not say how large keys are: their share of `bytes` is missing. */
  readonly unmeasured: readonly string[];
}

export interface CensusOptions {
  readonly method: Census['method'];
  /** Strays stay where they are: they are counted, and do not move. */
  readonly keepStrays: boolean;
  readonly timeoutMs: number;
  readonly onProgress?: ((keys: number, totalKeys: number) => void) | undefined;
}

const SCAN_COUNT = 1000;
/** Keys of a server that an estimate looks at, shared by its databases: enough for an interval of one in a hundred. */
export const SAMPLE_KEYS = 10_000;
/** However small its share of them is, a database is not judged by less than this. */
const SAMPLE_LEAST = 500;
/** MEMORY USAGE is asked for this many moving keys per source and database; the rest is extrapolated. */
const SIZE_SAMPLE = 1000;

export async function takeCensus(change: Change, nodes: readonly Node[], options: CensusOptions): Promise<Census> {
  const tally = new Tally(nodes.length);
  const totalKeys = nodes.reduce((sum, {facts}) => sum + facts.keys, 0);
  const counted = (keys: number): void => {
    tally.sampled += keys;
    options.onProgress?.(tally.sampled, totalKeys);
  };
  await Promise.all(
    nodes.map((node) =>
      withLane(options.timeoutMs, async (lane) => {
        for (const space of node.facts.keyspace) {
          await countDatabase({change, nodes, node, lane, tally, options, counted}, space);
        }
      }),
    ),
  );
  return tally.census(nodes, options.method);
}

interface Counting {
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly node: Node;
  readonly lane: Lane;
  readonly tally: Tally;
  readonly options: CensusOptions;
  readonly counted: (keys: number) => void;
}

async function countDatabase(
  counting: Counting,
  {db, keys}: {readonly db: number; readonly keys: number},
): Promise<void> {
  const {node, lane, tally, options} = counting;
  const isSample = options.method === 'sample';
  const wanted = Math.max(SAMPLE_LEAST, Math.ceil((SAMPLE_KEYS * keys) / Math.max(1, node.facts.keys)));
  const socket = await lane.to(node, db);
  const placed = new PlacedKeys(counting.nodes.length, node.number);
  const search = isSample ? null : new ConflictSearch({...counting, db});
  const sizes = new SizeSample(socket, node.number, tally);
  let isWhole = true;
  for await (const page of pagesOf(socket)) {
    const before = placed.looked;
    placePage(counting, page, placed);
    counting.counted(placed.looked - before);
    for (const [owner, moving] of placed.moving.entries()) {
      if (moving.length === 0) continue;
      sizes.add(owner, moving);
      await search?.add(owner, moving);
    }
    if (placed.strays.length > 0 && !options.keepStrays) await search?.addStrays(placed.strays);
    tally.strayExample(node, db, placed.strays);
    placed.nextPage();
    isWhole = page.cursor === '0';
    if (isSample && placed.looked >= wanted) break;
  }
  await search?.end();
  await sizes.end();
  tally.add(node.number, placed, isWhole ? placed.looked : Math.max(keys, placed.looked));
}

/** The hot loop: nothing is allocated for a key that stays. */
function placePage({change, node, options}: Counting, {bytes, ranges}: ScanPage, placed: PlacedKeys): void {
  const self = node.number;
  for (let i = 0; i < ranges.length; i += 2) {
    const [start, end] = [ranges[i]!, ranges[i + 1]!];
    if (isReservedAt(bytes, start, end)) continue;
    const isStray = node.inFrom && formerOwnerInRange(change, node, bytes, start, end) !== self;
    const owner = isStray && options.keepStrays ? self : ownerInRange(change, node, bytes, start, end);
    const key = isStray || owner !== self ? bytes.subarray(start, end) : null;
    placed.place(owner, key, isStray);
  }
}

const RESERVED = Buffer.from(RESERVED_PREFIX);

function isReservedAt(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < RESERVED.length || bytes[start] !== RESERVED[0]) return false;
  return bytes.compare(RESERVED, 0, RESERVED.length, start, start + RESERVED.length) === 0;
}

/** Pages of SCAN, each one asked for while the one before it is worked on. */
async function* pagesOf(socket: RespSocket): AsyncGenerator<ScanPage> {
  let pending = socket.scan('0', SCAN_COUNT);
  for (;;) {
    const page = await pending;
    const isLast = page.cursor === '0';
    if (!isLast) {
      pending = socket.scan(page.cursor, SCAN_COUNT);
      // Whoever stops early leaves a page that nobody waits for.
      pending.catch(() => undefined);
    }
    yield page;
    if (isLast) return;
  }
}

/** How large moving keys are, by the first of them. */
class SizeSample {
  readonly #socket: RespSocket;
  readonly #from: number;
  readonly #tally: Tally;
  #asked = 0;
  #pending: Promise<void> = Promise.resolve();

  constructor(socket: RespSocket, from: number, tally: Tally) {
    [this.#socket, this.#from, this.#tally] = [socket, from, tally];
  }

  add(to: number, keys: readonly Buffer[]): void {
    const sample = keys.slice(0, Math.max(0, SIZE_SAMPLE - this.#asked));
    if (sample.length === 0) return;
    this.#asked += sample.length;
    // Without SAMPLES 0, which would walk through every element of a large value.
    const asking = this.#socket.batch(sample.map((key) => ['MEMORY', 'USAGE', key]));
    const noted = asking.then((replies) => this.#tally.addSizes(this.#from, to, replies));
    noted.catch(() => undefined);
    this.#pending = this.#pending.then(() => noted);
  }

  end(): Promise<void> {
    return this.#pending;
  }
}
