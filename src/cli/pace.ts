/** How fast counts grow, of late: over a window, because an average over hours would hide what is going on now. */

const WINDOW_MS = 8000;
/** Before this the first batch would decide. */
const LEAST_MS = 1000;

interface Sample {
  readonly ms: number;
  readonly keys: number;
  readonly bytes: number;
}

export class Pace {
  #samples: Sample[] = [];

  /** Counts start anew, as with every phase. */
  restart(ms: number): void {
    this.#samples = [{ms, keys: 0, bytes: 0}];
  }

  /** Per second; null while it is too early to tell. */
  speed(sample: Sample): {keys: number; bytes: number} | null {
    const last = this.#samples.at(-1);
    // A resumed phase may begin anew by itself.
    if (last !== undefined && sample.keys < last.keys) this.#samples = [];
    this.#samples.push(sample);
    while (this.#samples.length > 2 && sample.ms - this.#samples[1]!.ms >= WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const seconds = (sample.ms - first.ms) / 1000;
    if (seconds * 1000 < LEAST_MS) return null;
    return {keys: (sample.keys - first.keys) / seconds, bytes: (sample.bytes - first.bytes) / seconds};
  }
}
