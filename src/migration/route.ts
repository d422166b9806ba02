/** From the pages of a scan to batches of names, each for one target. What the values take is asked by whoever reads them. */
import type {RespSocket} from '../redis/resp/socket.js';
import type {Node} from './nodes.js';
import type {Operation} from './operation.js';
import {formerOwnerOf, ownerOf} from './plan.js';
import {isReservedAt, scanPages} from './scan.js';

export interface CopyBatch {
  readonly db: number;
  /** Node number of the target. */
  readonly owner: number;
  readonly keys: readonly Buffer[];
}

/** Names of one journal record. */
const BATCH_NAME_BYTES = 1024 * 1024;
/** So many pages, and the place is written down from which a later run may go on. */
const PAGES_PER_CURSOR = 64;

export interface Route {
  readonly operation: Operation;
  readonly node: Node;
  readonly db: number;
  /** In that database; used for nothing else. */
  readonly socket: RespSocket;
  readonly cursor: string;
  readonly isHalted: () => boolean;
  /** Takes a batch when there is room for it. */
  readonly emit: (batch: CopyBatch) => Promise<void>;
  /** Everything emitted so far belongs to pages before this cursor; null: that was all. */
  readonly reached: (cursor: string | null) => Promise<void>;
}

/** Routes one database of one source to its end, or until the run is halted. */
export async function routeKeys(route: Route): Promise<void> {
  const {operation, node, socket} = route;
  const waiting = new Map<number, Buffer[]>();
  let pages = 0;
  for await (const {bytes, ranges, cursor} of scanPages(socket, {cursor: route.cursor})) {
    if (route.isHalted()) return;
    for (let i = 0; i < ranges.length; i += 2) {
      const owner = targetOf(route, bytes, ranges[i]!, ranges[i + 1]!);
      if (owner === node.number) continue;
      // A copy of its own: a slice would keep the whole page alive while the key waits for company.
      const key = Buffer.from(bytes.subarray(ranges[i], ranges[i + 1]));
      const queue = waiting.get(owner);
      if (queue === undefined) waiting.set(owner, [key]);
      else queue.push(key);
    }
    for (const [owner, queue] of waiting) {
      const limit = operation.pace.batchKeys(node.number, owner);
      while (queue.length >= limit && !route.isHalted()) await emit(route, owner, nextNames(queue, limit));
    }
    pages += 1;
    if (pages % PAGES_PER_CURSOR !== 0) continue;
    await flush(route, waiting);
    await route.reached(cursor);
  }
  await flush(route, waiting);
  if (!route.isHalted()) await route.reached(null);
}

async function flush(route: Route, waiting: Map<number, Buffer[]>): Promise<void> {
  for (const [owner, queue] of waiting) {
    const limit = route.operation.pace.batchKeys(route.node.number, owner);
    while (queue.length > 0 && !route.isHalted()) await emit(route, owner, nextNames(queue, limit));
  }
}

/** Node number of where the key belongs; the node's own where it stays. */
function targetOf({operation: {change, settings}, node}: Route, bytes: Buffer, start: number, end: number): number {
  const index = change.to.placement.ownerIndex(bytes, start, end);
  const owner = change.ownerNode[index];
  if (owner === node.number || isReservedAt(bytes, start, end)) return node.number;
  const key = bytes.subarray(start, end);
  if (settings.strays === 'keep' && node.inFrom && formerOwnerOf(change, key, node) !== node.number) return node.number;
  return owner ?? ownerOf(change, key, node);
}

/** Takes the first keys off the queue, as many as one journal record may name. */
function nextNames(queue: Buffer[], limit: number): Buffer[] {
  let [keys, bytes] = [0, 0];
  while (keys < queue.length && keys < limit && (keys === 0 || bytes + queue[keys]!.length <= BATCH_NAME_BYTES)) {
    bytes += queue[keys]!.length;
    keys += 1;
  }
  return queue.splice(0, keys);
}

const emit = ({emit: put, db}: Route, owner: number, keys: readonly Buffer[]): Promise<void> => put({db, owner, keys});
