/**
 * FNV, true 64 bits: offset basis 0xcbf29ce484222325, prime 0x100000001b3; bytes unsigned. FNV-1 multiplies, then xors;
 * FNV-1a xors, then multiplies. Twemproxy's hashes of these names (fnv1_64.ts, fnv1a_64.ts) have 32 bits.
 * Source: RFC 9923; Go hash/fnv New64 and New64a; PHP fnv164 and fnv1a64.
 * Check values for "123456789": FNV-1 0xa72ffc362bf916d6, FNV-1a 0x06d5573923c6cdfc.
 */
import type {WideHash} from './hash.js';

const basisHigh = 0xcbf29ce4 | 0;
const basisLow = 0x84222325 | 0;

/** The upper half of (high, low) * 0x100000001b3. The lower product has up to 41 bits: halves of 16 keep it in integers. */
function primeHigh(high: number, low: number): number {
  const carry = (((low & 0xffff) * 0x1b3) >>> 16) + (low >>> 16) * 0x1b3;
  return (Math.imul(high, 0x1b3) + (low << 8) + (carry >>> 16)) | 0;
}

export const fnv164: WideHash = (bytes, start, end, into) => {
  let high = basisHigh;
  let low = basisLow;
  for (let i = start; i < end; i++) {
    high = primeHigh(high, low);
    low = Math.imul(low, 0x1b3) ^ bytes[i]!;
  }
  into[0] = high;
  into[1] = low;
};

export const fnv1a64: WideHash = (bytes, start, end, into) => {
  let high = basisHigh;
  let low = basisLow;
  for (let i = start; i < end; i++) {
    low ^= bytes[i]!;
    high = primeHigh(high, low);
    low = Math.imul(low, 0x1b3);
  }
  into[0] = high;
  into[1] = low;
};
