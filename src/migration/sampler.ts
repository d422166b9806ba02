/**
 * Watches the servers while keys move: how long another client would wait, and how far the replicas of a target are behind. A server that
 * cannot be watched any more says so to whoever moves keys there; here it is only left out.
 */
import {endpointOf} from '../redis/connect.js';
import {infoNumber, infoReplicas, parseInfo} from '../redis/info.js';
import {RespSocket} from '../redis/resp/socket.js';
import type {Node} from './nodes.js';
import type {Operation} from './operation.js';

const SAMPLE_MS = 50;
/** Samples of one judgement: its median, so that one late answer halves nothing. */
const SAMPLES = 5;
const REPLICA_CHECK_MS = 1000;
/** Nodes beyond this are not asked for their latency, the asking itself would be felt; the replicas of all targets are watched. */
const MAX_TIMED = 64;
/** So many answers back a server was at its quickest, half a minute or so: clocks drift apart by less than a millisecond meanwhile. */
const QUICKEST_OF = 500;
/** The part of a replica's output buffer limit that may be in use. Above the limit its link is cut, and a full resync begins. */
const BUFFER_SHARE = 0.25;
const DEFAULT_BUFFER_BYTES = 256 * 1024 * 1024;

/** Runs the work with every node watched, and stops watching whatever happens. */
export async function whileSampling<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
  const over = {isOver: false};
  const watching = operation.nodes
    .filter((node, i) => i < MAX_TIMED || node.inTo)
    .map((node, i) => watch(operation, node, {over, isTimed: i < MAX_TIMED}).catch(() => undefined));
  try {
    return await work();
  } finally {
    over.isOver = true;
    operation.pace.release();
    await Promise.all(watching);
  }
}

interface Watch {
  readonly over: {readonly isOver: boolean};
  readonly isTimed: boolean;
}

async function watch(operation: Operation, node: Node, {over, isTimed}: Watch): Promise<void> {
  const socket = await RespSocket.open(endpointOf(node.instance), operation.timeoutMs);
  try {
    const bufferBytes = node.inTo ? await replicaBufferBytes(socket) : null;
    const queue = new Queue();
    let [waits, checkedMs]: [number[], number] = [[], 0];
    while (!over.isOver) {
      if (isTimed) waits.push(await waitMs(socket, queue));
      if (waits.length === SAMPLES) {
        operation.pace.latencySeen(node.number, median(waits));
        waits = [];
      }
      if (bufferBytes !== null && performance.now() - checkedMs > REPLICA_CHECK_MS) {
        checkedMs = performance.now();
        const behindBytes = await replicasBehindBytes(socket);
        // Once held up, a target is let go on when half of that is taken.
        const limit = operation.pace.isHeld(node.number) ? bufferBytes / 2 : bufferBytes;
        operation.pace.replicasBehind(node.number, behindBytes > limit);
      }
      await new Promise((resolve) => setTimeout(resolve, isTimed ? SAMPLE_MS : REPLICA_CHECK_MS));
    }
  } finally {
    operation.pace.replicasBehind(node.number, false);
    socket.close();
  }
}

/**
 * How long requests wait at a server, by its own clock: the moment at which TIME was carried out, less the moment at which it was sent, less
 * the same of the quickest one lately, which is the way there and the difference of the clocks. How long this process
 * took to look at the answer does not count: it is busier than any other client, and would slow itself down.
 */
export class Queue {
  readonly #differences: number[] = [];

  /** Milliseconds. Both moments are by the clock of whoever read them. */
  wait(sentMs: number, carriedOutMs: number): number {
    const difference = carriedOutMs - sentMs;
    this.#differences.push(difference);
    if (this.#differences.length > QUICKEST_OF) this.#differences.shift();
    return difference - Math.min(...this.#differences);
  }
}

async function waitMs(socket: RespSocket, queue: Queue): Promise<number> {
  const sentMs = performance.timeOrigin + performance.now();
  const [time] = await socket.batch([['TIME']]);
  // Who may not ask knows nothing, and slows nothing down.
  if (!Array.isArray(time)) return 0;
  return queue.wait(sentMs, Number(String(time[0])) * 1000 + Number(String(time[1])) / 1000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** What a replica of this server may leave untaken; bytes. */
async function replicaBufferBytes(socket: RespSocket): Promise<number> {
  const [reply] = await socket.batch([['CONFIG', 'GET', 'client-output-buffer-limit']]);
  const text = Array.isArray(reply) ? String(reply[1]) : '';
  const [, hard = 0, soft = 0] = /(?:slave|replica) (\d+) (\d+)/.exec(text)?.map(Number) ?? [];
  const limit = Math.min(hard || Number.POSITIVE_INFINITY, soft || Number.POSITIVE_INFINITY);
  return (Number.isFinite(limit) ? limit : DEFAULT_BUFFER_BYTES) * BUFFER_SHARE;
}

async function replicasBehindBytes(socket: RespSocket): Promise<number> {
  const info = parseInfo(String(await socket.call(['INFO', 'replication'])));
  const written = infoNumber(info, 'master_repl_offset') ?? 0;
  const behind = infoReplicas(info)
    .filter(({state}) => state === 'online')
    .map(({offset}) => written - offset);
  return Math.max(0, ...behind);
}
