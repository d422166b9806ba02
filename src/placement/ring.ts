/**
 * A ring of 32-bit points, each owned by a shard: what the ketama-like schemes share. A key's hash belongs to the first point
 * at or after it (SUCC), and past the last point to the first one.
 *
 * A table over the upper bits of the hash narrows the search to about one point before the binary search begins.
 */
export class Ring {
  /** Ascending; equal points keep the order in which they were given, so the earlier one wins. */
  readonly points: Uint32Array;
  /** `owners[i]` owns `points[i]`. */
  readonly owners: Uint32Array;
  readonly #shift: number;
  /** `#bucket[b]` is the index of the first point whose upper bits are at least b. One entry more than there are buckets. */
  readonly #bucket: Uint32Array;

  constructor(entries: readonly {readonly point: number; readonly owner: number}[]) {
    if (entries.length === 0) throw new Error('a ring needs at least one point');
    const sorted = [...entries].sort((a, b) => a.point - b.point);
    this.points = Uint32Array.from(sorted, (entry) => entry.point);
    this.owners = Uint32Array.from(sorted, (entry) => entry.owner);
    const bits = Math.min(20, 1 + Math.ceil(Math.log2(this.points.length + 1)));
    this.#shift = 32 - bits;
    this.#bucket = new Uint32Array((1 << bits) + 1);
    for (let bucket = 0, i = 0; bucket < this.#bucket.length; bucket++) {
      while (i < this.points.length && this.points[i]! >>> this.#shift < bucket) i++;
      this.#bucket[bucket] = i;
    }
  }

  /** Index of the first point at or after `hash` (an unsigned 32-bit number); past the last point, 0. */
  successor(hash: number): number {
    const bucket = hash >>> this.#shift;
    let low = this.#bucket[bucket]!;
    let high = this.#bucket[bucket + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === this.points.length ? 0 : low;
  }

  /** The owner of `hash`. */
  owner(hash: number): number {
    return this.owners[this.successor(hash)]!;
  }
}
