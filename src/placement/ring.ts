/**
 * Rings of points, each owned by a shard: what consistent hashing with points shares. How a key's hash finds its point, and
 * who owns a point that two shards claim, differs from client to client: that is `RingRule`.
 *
 * A table over the upper bits of the hash narrows the search to about one point before the binary search begins.
 */

export interface RingRule {
  /** The owner of a hash is the first point at or after it, the first one strictly after it, or the last one at or before it. */
  readonly search: 'at-or-after' | 'after' | 'at-or-before';
  /** Which of several equal points counts: the one that was given earlier, or the one given later. */
  readonly ties: 'earlier' | 'later';
  /** What a hash finds beyond the end of the ring: the point at the other end, or, in one client, the last point. */
  readonly beyond?: 'wrap' | 'last';
}

/** Twemproxy's and libmemcached's. */
const ketamaRule: RingRule = {search: 'at-or-after', ties: 'earlier'};

/** A ring of unsigned 32-bit points. */
export class Ring {
  /** Ascending and distinct. */
  readonly points: Uint32Array;
  /** `owners[i]` owns `points[i]`. */
  readonly owners: Uint32Array;
  readonly #shift: number;
  readonly #bucket: Uint32Array;
  /** A point that equals the hash lies before the one searched. */
  readonly #strict: boolean;
  /** What is added to the index found: -1 where the point before is meant. */
  readonly #offset: 0 | -1;
  readonly #beyond: number;

  constructor(entries: readonly {readonly point: number; readonly owner: number}[], rule: RingRule = ketamaRule) {
    const sorted = distinct(
      [...entries].sort((a, b) => a.point - b.point),
      (a, b) => a.point === b.point,
      rule.ties,
    );
    this.points = Uint32Array.from(sorted, (entry) => entry.point);
    this.owners = Uint32Array.from(sorted, (entry) => entry.owner);
    const bits = bucketBits(this.points.length);
    this.#shift = 32 - bits;
    this.#bucket = bucketTable(this.points, bits);
    this.#strict = rule.search !== 'at-or-after';
    this.#offset = rule.search === 'at-or-before' ? -1 : 0;
    this.#beyond = beyondOf(rule, this.points.length);
  }

  /** Index of the point that `hash` (an unsigned 32-bit number) finds. */
  find(hash: number): number {
    const bucket = hash >>> this.#shift;
    let low = this.#bucket[bucket]!;
    let high = this.#bucket[bucket + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const point = this.points[middle]!;
      if (point < hash || (this.#strict && point === hash)) low = middle + 1;
      else high = middle;
    }
    const at = low + this.#offset;
    return at < 0 || at === this.points.length ? this.#beyond : at;
  }

  /** The owner of `hash`. */
  owner(hash: number): number {
    return this.owners[this.find(hash)]!;
  }
}

/**
 * A ring of points wider than 32 bits: `width` words of 32 bits each, the most significant word first, compared as one
 * unsigned number. Signed 64-bit rings are this one with the sign bit flipped in points and hashes.
 */
export class WideRing {
  /** The words of all points, `width` for each: ascending and distinct. */
  readonly words: Uint32Array;
  readonly owners: Uint32Array;
  readonly width: number;
  readonly #shift: number;
  readonly #bucket: Uint32Array;
  /** A point that equals the hash lies before the one searched. */
  readonly #strict: boolean;
  readonly #offset: 0 | -1;
  readonly #beyond: number;

  constructor(
    entries: readonly {readonly point: ArrayLike<number>; readonly owner: number}[],
    width: number,
    rule: RingRule = ketamaRule,
  ) {
    const order = (a: {point: ArrayLike<number>}, b: {point: ArrayLike<number>}) =>
      compareWords(a.point, b.point, width);
    const sorted = distinct([...entries].sort(order), (a, b) => order(a, b) === 0, rule.ties);
    this.width = width;
    this.words = new Uint32Array(sorted.length * width);
    for (const [i, {point}] of sorted.entries()) for (let w = 0; w < width; w++) this.words[i * width + w] = point[w]!;
    this.owners = Uint32Array.from(sorted, (entry) => entry.owner);
    const bits = bucketBits(sorted.length);
    this.#shift = 32 - bits;
    this.#bucket = bucketTable(
      Uint32Array.from(sorted, (entry) => entry.point[0]!),
      bits,
    );
    this.#strict = rule.search !== 'at-or-after';
    this.#offset = rule.search === 'at-or-before' ? -1 : 0;
    this.#beyond = beyondOf(rule, sorted.length);
  }

  /** Index of the point that the hash in the first `width` words of `hash` finds. */
  find(hash: Uint32Array): number {
    const bucket = hash[0]! >>> this.#shift;
    let low = this.#bucket[bucket]!;
    let high = this.#bucket[bucket + 1]!;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(middle, hash)) low = middle + 1;
      else high = middle;
    }
    const at = low + this.#offset;
    return at < 0 || at === this.owners.length ? this.#beyond : at;
  }

  /** The owner of the hash in the first `width` words of `hash`. */
  owner(hash: Uint32Array): number {
    return this.owners[this.find(hash)]!;
  }

  /** The words of one point. */
  point(index: number): Uint32Array {
    return this.words.subarray(index * this.width, (index + 1) * this.width);
  }

  #isBefore(index: number, hash: Uint32Array): boolean {
    const at = index * this.width;
    for (let w = 0; w < this.width; w++) {
      const word = this.words[at + w]!;
      if (word !== hash[w]!) return word < hash[w]!;
    }
    return this.#strict;
  }
}

/** Below 0, 0 or above 0, as two unsigned numbers of `width` words compare. */
function compareWords(a: ArrayLike<number>, b: ArrayLike<number>, width: number): number {
  for (let w = 0; w < width; w++) if (a[w] !== b[w]) return a[w]! - b[w]!;
  return 0;
}

/** Of each run of equal points, the one that counts. `sorted` keeps the order in which equal points were given. */
function distinct<Entry>(
  sorted: readonly Entry[],
  equal: (a: Entry, b: Entry) => boolean,
  ties: RingRule['ties'],
): Entry[] {
  if (sorted.length === 0) throw new Error('a ring needs at least one point');
  return sorted.filter((entry, i) => {
    const neighbour = sorted[ties === 'earlier' ? i - 1 : i + 1];
    return neighbour === undefined || !equal(entry, neighbour);
  });
}

/** Where a hash ends up that no point answers. */
function beyondOf({search, beyond = 'wrap'}: RingRule, count: number): number {
  return search === 'at-or-before' || beyond === 'last' ? count - 1 : 0;
}

function bucketBits(count: number): number {
  return Math.min(20, 1 + Math.ceil(Math.log2(count + 1)));
}

/** `table[b]` is the index of the first point whose upper bits are at least b. One entry more than there are buckets. */
function bucketTable(tops: Uint32Array, bits: number): Uint32Array {
  const table = new Uint32Array((1 << bits) + 1);
  for (let bucket = 0, i = 0; bucket < table.length; bucket++) {
    while (i < tops.length && tops[i]! >>> (32 - bits) < bucket) i++;
    table[bucket] = i;
  }
  return table;
}
