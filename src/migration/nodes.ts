/** The masters that take part, identified. Every new connection to one proves first that it is still the same process. */
import {ExitCode, RtopoError} from '../errors.js';
import {endpointOf} from '../redis/connect.js';
import type {ServerFacts} from '../redis/identity.js';
import {infoText, parseInfo} from '../redis/info.js';
import {RespSocket} from '../redis/resp/socket.js';
import {addressText} from '../topology/types.js';
import type {NodeSpec} from './plan.js';

export interface Node extends NodeSpec {
  readonly number: number;
  readonly at: string;
  /** As found by the preflight of this run. */
  readonly facts: ServerFacts;
}

/** Opens a data connection and checks the run id: a server that was restarted or replaced has other keys than we think. */
export async function openSocket(node: Node, timeoutMs: number): Promise<RespSocket> {
  const socket = await RespSocket.open(endpointOf(node.instance), timeoutMs, {readsKeys: true});
  try {
    await assertSameProcess(node, socket);
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

async function assertSameProcess(node: Node, socket: RespSocket): Promise<void> {
  const info = parseInfo(String(await socket.call(['INFO', 'server'])));
  if (infoText(info, 'run_id') === node.facts.runId) return;
  throw new RtopoError({
    code: 'SERVER_RESTARTED',
    exit: ExitCode.incomplete,
    message: `${node.at} was restarted or replaced while keys were moving (its run id changed). Nothing is deleted on the word of the old process.`,
  });
}

/** Waits before a batch is tried again, in milliseconds: a connection that broke for a moment, a server that is busy with a script. */
const PATIENCE_MS = [100, 300, 900];
const PASSING: ReadonlySet<string> = new Set(['CONNECTION_LOST', 'BUSY', 'LOADING']);

/** Connections of one worker: one per node, opened when first needed, closed together. */
export class Lane {
  readonly #timeoutMs: number;
  readonly #sockets = new Map<number, Promise<RespSocket>>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** The lane's connection to the node, in the given database. */
  async to(node: Node, db: number): Promise<RespSocket> {
    const pending = this.#sockets.get(node.number) ?? openSocket(node, this.#timeoutMs);
    this.#sockets.set(node.number, pending);
    const socket = await pending;
    await socket.select(db);
    return socket;
  }

  /**
   * Does the work again, over new connections that prove again whose they are, when a connection was lost: nobody knows then what became
   * of it, so it has to be such that doing it twice is doing it once.
   */
  async persist<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const waitMs = PATIENCE_MS[attempt];
        if (waitMs === undefined || !(error instanceof RtopoError) || !PASSING.has(error.code)) throw error;
        this.close();
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  close(): void {
    for (const pending of this.#sockets.values()) pending.then((socket) => socket.close()).catch(() => undefined);
    this.#sockets.clear();
  }
}

/** Opens a lane, hands it over, always closes it. */
export async function withLane<T>(timeoutMs: number, use: (lane: Lane) => Promise<T>): Promise<T> {
  const lane = new Lane(timeoutMs);
  try {
    return await use(lane);
  } finally {
    lane.close();
  }
}

export function nodesOf(specs: readonly NodeSpec[], facts: readonly ServerFacts[]): readonly Node[] {
  return specs.map((spec, number) => ({
    ...spec,
    number,
    at: addressText(spec.instance.address),
    facts: facts[number]!,
  }));
}
