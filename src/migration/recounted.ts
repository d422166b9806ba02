/** Pure: counts that a run which goes on with a copying pass has to take back, because it does that part once more. */
import type {Counts} from './operation.js';
import type {RebalanceRecord} from './records.js';

export type Recounted = Pick<
  Counts,
  'copied' | 'verified' | 'expired' | 'skipped' | 'byElements' | 'refooted' | 'bytes'
>;

export const NOTHING: Recounted = {
  copied: 0,
  verified: 0,
  expired: 0,
  skipped: 0,
  byElements: 0,
  refooted: 0,
  bytes: 0,
};

/** Batches that were copied since the cursor of their source was last written down: whoever goes on from there copies them once more. */
export class SinceCursor {
  readonly #counts = new Map<string, Recounted>();
  readonly #places = new Map<number, string>();

  copy({batch, source, db}: RebalanceRecord & {type: 'copy'}): void {
    this.#places.set(batch, `${source}/${db}`);
  }

  copied({batch}: RebalanceRecord & {type: 'copied'}, counted: Recounted): void {
    const place = this.#places.get(batch);
    this.#places.delete(batch);
    if (place === undefined) return;
    const sum = this.#counts.get(place) ?? {...NOTHING};
    takeOff(sum, counted, -1);
    this.#counts.set(place, sum);
  }

  cursor(place: string): void {
    this.#counts.delete(place);
  }

  clear(): void {
    this.#counts.clear();
    this.#places.clear();
  }

  get total(): Recounted {
    const total = {...NOTHING};
    for (const one of this.#counts.values()) takeOff(total, one, -1);
    return total;
  }
}

/** Takes `part` off `counts`; adds it with a sign of -1. */
export function takeOff(counts: Recounted, part: Recounted, sign = 1): void {
  counts.copied -= sign * part.copied;
  counts.verified -= sign * part.verified;
  counts.expired -= sign * part.expired;
  counts.skipped -= sign * part.skipped;
  counts.byElements -= sign * part.byElements;
  counts.refooted -= sign * part.refooted;
  counts.bytes -= sign * part.bytes;
}
