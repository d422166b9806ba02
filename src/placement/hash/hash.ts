/**
 * What every hash of this folder is: a function over the key `bytes[start, end)`, so that a batch of keys is hashed where it
 * lies. Nothing is allocated per key.
 */

/** A hash of at most 32 bits: an unsigned number. */
export type HashFunction = (bytes: Uint8Array, start: number, end: number) => number;

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

/** A 64-bit hash modulo `n`, for n up to 2^21: exact, because no product exceeds 2^53. */
export function modulo64(hash: Uint32Array, n: number): number {
  return ((hash[0]! % n) * (0x1_0000_0000 % n) + (hash[1]! % n)) % n;
}
