/** What lies between the scan of a source and the lanes that carry its keys. */
import {Channel} from './flow.js';
import type {CopyBatch} from './route.js';

/** Batches between the scan of a source and its lanes. */
export class SourceQueue {
  readonly #channel: Channel<CopyBatch>;
  #isHalted = false;
  #open = 0;
  #idlers: (() => void)[] = [];

  /** @param onHalt calls what it is given when the run fails: nothing that lies here is taken then */
  constructor(room: number, onHalt: (act: () => void) => void) {
    this.#channel = new Channel<CopyBatch>(room);
    onHalt(() => {
      this.#isHalted = true;
      this.#channel.end();
      this.#wake();
    });
  }

  async put(batch: CopyBatch): Promise<void> {
    this.#open += 1;
    await this.#channel.put(batch);
  }

  take(): Promise<CopyBatch | null> {
    return this.#channel.take();
  }

  done(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#wake();
  }

  /** Resolves when everything that was put is copied, or when nothing will be any more. */
  async idle(): Promise<void> {
    if (this.#open > 0 && !this.#isHalted) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  end(): void {
    this.#channel.end();
  }

  #wake(): void {
    for (const wake of this.#idlers.splice(0)) wake();
  }
}
