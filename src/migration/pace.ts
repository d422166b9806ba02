/**
 * How fast a move may go. Limits in keys and bytes per second are buckets that refill; batches shrink while another client of a server
 * would wait too long, and grow again slowly; what the replicas of a target have not taken yet holds everything up.
 */
import {Gate} from './flow.js';
import type {Node} from './nodes.js';
import type {Settings} from './records.js';

const MAX_BATCH_KEYS = 500;
/** A batch of so many keys holds a server up for about a millisecond: smaller ones cost more than they spare. */
const MIN_BATCH_KEYS = 100;
const GROWTH_KEYS = 50;
/** Batches under way to one target at once, whatever the number of sources. */
const BATCHES_PER_TARGET = 4;

/** How often whoever waits looks whether it still has to. */
const HELD_POLL_MS = 100;

/** What holds the move up most, for whoever watches it. */
export type Limit = 'rate' | 'latency' | 'replica';

export class Pace {
  readonly #settings: Pick<Settings, 'maxKeysPerSecond' | 'maxBytesPerSecond' | 'maxLatencyMs'>;
  readonly #doors: readonly Gate[];
  readonly #batchKeys: number[];
  /** When the next batch may leave, on the clock of `performance`; milliseconds. */
  #freeMs = 0;
  #limit: Limit | null = null;
  #limitUntilMs = 0;
  /** Targets that wait for their replicas. */
  readonly #held = new Set<number>();

  constructor(nodes: readonly Node[], settings: Settings) {
    this.#settings = settings;
    this.#doors = nodes.map(() => new Gate(BATCHES_PER_TARGET));
    this.#batchKeys = nodes.map(() => MAX_BATCH_KEYS);
  }

  /** Keys that the next batch between these two nodes may have. */
  batchKeys(source: number, target: number): number {
    return Math.min(this.#batchKeys[source] ?? MAX_BATCH_KEYS, this.#batchKeys[target] ?? MAX_BATCH_KEYS);
  }

  doorTo(target: number): Gate {
    return this.#doors[target]!;
  }

  get limit(): Limit | null {
    return performance.now() < this.#limitUntilMs ? this.#limit : null;
  }

  /**
   * Resolves when so much may be sent. What is sent is paid for afterwards: a batch larger than a second's worth waits once.
   * @param isOver nobody waits any more once it says so: a run that is to end ends with the batch at hand
   */
  async admit(
    {keys, bytes}: {readonly keys: number; readonly bytes: number},
    isOver: () => boolean = () => false,
  ): Promise<void> {
    while (this.#held.size > 0 && !isOver()) {
      this.#tell('replica');
      await sleep(HELD_POLL_MS);
    }
    const {maxKeysPerSecond, maxBytesPerSecond} = this.#settings;
    if (maxKeysPerSecond === null && maxBytesPerSecond === null) return;
    const costMs = Math.max(
      maxKeysPerSecond === null ? 0 : (1000 * keys) / maxKeysPerSecond,
      maxBytesPerSecond === null ? 0 : (1000 * bytes) / maxBytesPerSecond,
    );
    const nowMs = performance.now();
    const startMs = Math.max(nowMs, this.#freeMs);
    this.#freeMs = startMs + costMs;
    if (startMs <= nowMs) return;
    this.#tell('rate');
    for (let left = startMs - nowMs; left > 0 && !isOver(); left = startMs - performance.now()) {
      await sleep(Math.min(left, HELD_POLL_MS));
    }
  }

  /** Does a target wait for its replicas? */
  isHeld(node: number): boolean {
    return this.#held.has(node);
  }

  /** Another client of that node would have waited so long just now. */
  latencySeen(node: number, latencyMs: number): void {
    const keys = this.#batchKeys[node]!;
    if (latencyMs > this.#settings.maxLatencyMs) {
      this.#batchKeys[node] = Math.max(MIN_BATCH_KEYS, keys >> 1);
      this.#tell('latency');
    } else this.#batchKeys[node] = Math.min(MAX_BATCH_KEYS, keys + GROWTH_KEYS);
  }

  /** Whether the replicas of that target have fallen too far behind. */
  replicasBehind(node: number, isBehind: boolean): void {
    if (isBehind) this.#held.add(node);
    else this.#held.delete(node);
  }

  /** Nobody waits for replicas any more. */
  release(): void {
    this.#held.clear();
  }

  #tell(limit: Limit): void {
    this.#limit = limit;
    this.#limitUntilMs = performance.now() + 2000;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
