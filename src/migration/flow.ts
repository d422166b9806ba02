/** What keeps a move bounded: a queue that makes its writer wait, and a door that lets so many in at once. */

/** First in, first out, with room for `room` items: whoever puts more waits. */
export class Channel<T> {
  readonly #room: number;
  readonly #items: T[] = [];
  readonly #takers: ((item: T | null) => void)[] = [];
  readonly #putters: (() => void)[] = [];
  #ended = false;

  constructor(room: number) {
    this.#room = room;
  }

  /** Resolves when there was room. After `end` items are dropped: nobody will take them. */
  async put(item: T): Promise<void> {
    while (this.#items.length >= this.#room && !this.#ended) {
      await new Promise<void>((resolve) => this.#putters.push(resolve));
    }
    if (this.#ended) return;
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  /** The next item; null when there will be none. */
  take(): Promise<T | null> {
    const item = this.#items.shift();
    this.#putters.shift()?.();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** No more items: takers get what is left, then null. */
  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker(null);
    for (const putter of this.#putters.splice(0)) putter();
  }
}

/** At most `width` holders at once; the others wait in the order in which they came. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
