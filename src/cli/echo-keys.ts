/**
 * The hot loops of `locate -`: search the end of each key while it is copied to the output, four bytes at a time, and write
 * behind it the ending that its owner has.
 *
 * A word holds the separator when `word ^ separators` has a zero byte: the classic test sets the top bit of every zero byte,
 * and perhaps of bytes above it, so only its lowest bit is trusted. Words are little-endian whatever the machine.
 *
 * Neither loop allocates or computes anything behind its end: the compiler optimises them while they run, and what it has
 * not seen by then would make it start over. Arguments stand one by one, because out of an object they made it slower.
 */

/** A choice that takes the bytes of a key one after another: states are 32-bit integers. */
export interface Folded {
  readonly fold: {
    readonly initial: number;
    readonly step: (state: number, byte: number) => number;
    /** Four steps: the bytes of a little-endian word, its lowest byte first. */
    readonly step4: (state: number, word: number) => number;
    readonly finish: (state: number) => number;
  };
  /** Keys that hold this byte are for `choose` to judge, as is the empty key. */
  readonly opener: number | null;
  readonly ownerOfHash: (hash: number) => number;
}

/** Which ending the key `bytes[start, end)` gets; below 0: the last one. */
export type Choose = (bytes: Uint8Array, start: number, end: number) => number;

/** Four times the same byte. */
export function wordOf(byte: number): number {
  return Math.imul(byte, 0x01010101);
}

/** Endings as the loops write them: `stride` words each, of which `lengths` bytes count. What is too many, the next key overwrites. */
export class EndingWords {
  readonly words: Int32Array;
  readonly lengths: Int32Array;
  readonly stride: number;

  constructor(endings: readonly Uint8Array[]) {
    this.stride = Math.ceil(Math.max(...endings.map(({length}) => length)) / 4);
    this.words = new Int32Array(this.stride * endings.length);
    this.lengths = Int32Array.from(endings, ({length}) => length);
    for (const [i, ending] of endings.entries()) {
      const padded = Buffer.alloc(4 * this.stride);
      padded.set(ending);
      for (let j = 0; j < this.stride; j++) this.words[i * this.stride + j] = padded.readInt32LE(4 * j);
    }
  }

  /** The most bytes that a key of `length` bytes and its ending may write. */
  get slackBytes(): number {
    return 4 * this.stride + 4;
  }
}

/**
 * Every key of `bytes[from, to)`, each with its separator, to `output` at `at`; where the output ends. Three bytes behind
 * `to` must be readable through `input`, a view of the same bytes.
 */
export function echoChosen(
  bytes: Uint8Array,
  input: DataView,
  from: number,
  to: number,
  separators: number,
  output: DataView,
  at: number,
  choose: Choose,
  {words, lengths, stride}: EndingWords,
): number {
  let start = from;
  let i = from;
  while (i < to) {
    const word = input.getInt32(i, true);
    output.setInt32(at, word, true);
    const x = word ^ separators;
    const hit = (x - 0x01010101) & ~x & 0x80808080;
    if (hit === 0) {
      at += 4;
      i += 4;
      continue;
    }
    const left = (31 - Math.clz32(hit & -hit)) >>> 3;
    const owner = choose(bytes, start, i + left);
    const ending = owner < 0 ? lengths.length - 1 : owner;
    at += left;
    for (let j = 0; j < stride; j++) output.setInt32(at + 4 * j, words[ending * stride + j]!, true);
    at += lengths[ending]!;
    i += left + 1;
    start = i;
  }
  return at;
}

/**
 * The same, with the hash computed in the same pass. Keys that are empty, or hold a byte of `openers`, are for `choose` to
 * judge. Without an opener, `openers` is `separators`.
 */
export function echoFolded(
  bytes: Uint8Array,
  input: DataView,
  from: number,
  to: number,
  separators: number,
  openers: number,
  output: DataView,
  at: number,
  choose: Choose,
  {initial, step, step4, finish}: Folded['fold'],
  ownerOfHash: (hash: number) => number,
  {words, lengths, stride}: EndingWords,
): number {
  let start = from;
  let i = from;
  let state = initial;
  let opened = 0;
  while (i < to) {
    const word = input.getInt32(i, true);
    output.setInt32(at, word, true);
    const x = word ^ separators;
    const y = word ^ openers;
    const hit = (x - 0x01010101) & ~x & 0x80808080;
    const open = (y - 0x01010101) & ~y & 0x80808080;
    if (hit === 0) {
      opened |= open;
      state = step4(state, word);
      at += 4;
      i += 4;
      continue;
    }
    const lowest = hit & -hit;
    // Bits below the separator only; with the separator in the highest byte that is all of them but the sign.
    opened |= open & (lowest - 1);
    const left = (31 - Math.clz32(lowest)) >>> 3;
    if (left > 0) state = step(state, word & 0xff);
    if (left > 1) state = step(state, (word >>> 8) & 0xff);
    if (left > 2) state = step(state, (word >>> 16) & 0xff);
    const plain = opened === 0 && i + left > start;
    const owner = plain ? ownerOfHash(finish(state)) : choose(bytes, start, i + left);
    const ending = owner < 0 ? lengths.length - 1 : owner;
    at += left;
    for (let j = 0; j < stride; j++) output.setInt32(at + 4 * j, words[ending * stride + j]!, true);
    at += lengths[ending]!;
    i += left + 1;
    start = i;
    state = initial;
    opened = 0;
  }
  return at;
}
