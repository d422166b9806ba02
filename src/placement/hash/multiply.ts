/**
 * 64-bit products from 32-bit halves, for hashes that JavaScript's numbers cannot hold: a BigInt per step would cost a
 * hundred times as much. The lower half of a product is `Math.imul(a, b)`.
 */

/** The upper half of the product of two 32-bit integers of either sign, read as unsigned: a 32-bit integer. */
export function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  // None of these sums exceeds 2^32 - 1.
  const middle = (Math.imul(a1, b0) >>> 0) + (Math.imul(a0, b0) >>> 16);
  const other = (Math.imul(a0, b1) >>> 0) + (middle & 0xffff);
  return (Math.imul(a1, b1) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** Four bytes as a little-endian 32-bit integer. */
export function word32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
