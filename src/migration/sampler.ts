/**
 * Watches the servers while keys move: how long another client would wait, and how far the replicas of a target are behind. A server that
 * cannot be watched any more says so to whoever moves keys there; here it is only left out.
 */
import {type IntervalHistogram, monitorEventLoopDelay} from 'node:perf_hooks';
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
const DELAY_RESOLUTION_MS = 5;
/** The part of a replica's output buffer limit that may be in use. Above the limit its link is cut, and a full resync begins. */
const BUFFER_SHARE = 0.25;
const DEFAULT_BUFFER_BYTES = 256 * 1024 * 1024;

/** Runs the work with every node watched, and stops watching whatever happens. */
export async function whileSampling<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
  const over = {isOver: false};
  const delay = monitorEventLoopDelay({resolution: DELAY_RESOLUTION_MS});
  delay.enable();
  const watching = operation.nodes
    .filter((node, i) => i < MAX_TIMED || node.inTo)
    .map((node, i) => watch(operation, node, {over, delay, isTimed: i < MAX_TIMED}).catch(() => undefined));
  try {
    return await work();
  } finally {
    over.isOver = true;
    operation.pace.release();
    await Promise.all(watching);
    delay.disable();
  }
}

interface Watch {
  readonly over: {readonly isOver: boolean};
  readonly delay: IntervalHistogram;
  readonly isTimed: boolean;
}

async function watch(operation: Operation, node: Node, {over, delay, isTimed}: Watch): Promise<void> {
  const socket = await RespSocket.open(endpointOf(node.instance), operation.timeoutMs);
  try {
    const bufferBytes = node.inTo ? await replicaBufferBytes(socket) : null;
    let [latencies, checkedMs]: [number[], number] = [[], 0];
    while (!over.isOver) {
      if (isTimed) latencies.push(await latencyMs(socket, delay));
      if (latencies.length === SAMPLES) {
        operation.pace.latencySeen(node.number, median(latencies));
        latencies = [];
        delay.reset();
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

async function latencyMs(socket: RespSocket, delay: IntervalHistogram): Promise<number> {
  const sentMs = performance.now();
  await socket.batch([['PING']]);
  // What this process itself was too busy to notice is no latency of the server.
  const ownMs = Math.max(0, delay.mean / 1e6 - DELAY_RESOLUTION_MS);
  return Math.max(0, performance.now() - sentMs - ownMs);
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
