/**
 * Adler-32. Source: RFC 1950, section 8.2. Check value for "123456789": 0x091e01de.
 */
export function adler32(bytes: Uint8Array, start: number, end: number): number {
  let a = 1;
  let b = 0;
  for (let i = start; i < end; ) {
    // So many sums fit into 32 bits before the remainder must be taken.
    const stop = Math.min(end, i + 5552);
    for (; i < stop; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
