/**
 * What every hash of this folder is: a function over the key `bytes[start, end)`, so that a batch of keys is hashed where it
 * lies. Nothing is allocated per key.
 */

/** A hash of at most 32 bits: an unsigned number. */
export type HashFunction = (bytes: Uint8Array, start: number, end: number) => number;

/**
 * A hash that takes its bytes one after another, so that it can be computed in the same pass that searches the end of a
 * key. States are 32-bit integers of either sign.
 */
export interface Fold {
  readonly initial: number;
  step(state: number, byte: number): number;
  /** Four steps at once: the bytes of a little-endian word, its lowest byte first. */
  step4(state: number, word: number): number;
  /** The hash: an unsigned number. */
  finish(state: number): number;
}

/** A hash function that also says how it folds. */
export interface FoldedHash extends HashFunction {
  readonly fold: Fold;
}

/** The hash function of a fold. Without `step4` it is four times `step`. */
export function folded(parts: Omit<Fold, 'step4'> & Partial<Pick<Fold, 'step4'>>): FoldedHash {
  const {initial, step, finish} = parts;
  const step4 = (state: number, word: number): number =>
    step(step(step(step(state, word & 0xff), (word >>> 8) & 0xff), (word >>> 16) & 0xff), word >>> 24);
  const hash: HashFunction = (bytes, start, end) => {
    let state = initial;
    for (let i = start; i < end; i++) state = step(state, bytes[i]!);
    return finish(state);
  };
  return Object.assign(hash, {fold: {step4, ...parts}});
}

/** The fold of a hash, or null where it needs to see more than one byte at a time. */
export function foldOf(hash: HashFunction): Fold | null {
  return 'fold' in hash ? (hash as FoldedHash).fold : null;
}

/** An unsigned 32-bit number: what most folds finish with. */
export function unsigned(state: number): number {
  return state >>> 0;
}

/**
 * A hash wider than 32 bits, written to `into` in words of 32 bits, the most significant word first: of a 64-bit hash
 * `into[0]` is the upper half and `into[1]` the lower. `into` may be longer than the hash.
 */
export type WideHash = (bytes: Uint8Array, start: number, end: number, into: Uint32Array) => void;

/**
 * How the C code of a client reads a byte: `char` is signed on x86 and unsigned on ARM Linux, so some hashes of keys with
 * bytes from 0x80 differ from one machine to the next.
 */
export type Char = 'signed' | 'unsigned';

/** Left then arithmetic right by this many bits makes a byte the 32-bit number that C sees. */
export function charShift(char: Char): 0 | 24 {
  return char === 'signed' ? 24 : 0;
}

/** A 32-bit hash modulo `n`. Said to be unsigned on both sides, so that the compiler divides integers. */
export function modulo32(hash: number, n: number): number {
  return (hash >>> 0) % (n >>> 0);
}

/** A 64-bit hash modulo `n`, for n up to 2^21: exact, because no product exceeds 2^53. */
export function modulo64(hash: Uint32Array, n: number): number {
  return ((hash[0]! % n) * (0x1_0000_0000 % n) + (hash[1]! % n)) % n;
}
