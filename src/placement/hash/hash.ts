/**
 * What every hash of this folder is: a function over the key `bytes[start, end)`, so that a batch of keys is hashed where it
 * lies. It returns an unsigned 32-bit number and allocates nothing (md5 excepted).
 */
export type HashFunction = (bytes: Uint8Array, start: number, end: number) => number;

/**
 * How the C code of a client reads a byte: `char` is signed on x86 and unsigned on ARM Linux, so some hashes of keys with
 * bytes from 0x80 differ from one machine to the next.
 */
export type Char = 'signed' | 'unsigned';

/** Left then arithmetic right by this many bits makes a byte the 32-bit number that C sees. */
export function charShift(char: Char): 0 | 24 {
  return char === 'signed' ? 24 : 0;
}
