/**
 * CRC-64, reflected, init and final xor all ones, as Go's hash/crc64 has it: ISO (polynomial 0xD800000000000000) and
 * ECMA (0xC96C5795D7870F42, which is CRC-64/XZ).
 * Source: Go src/hash/crc64/crc64.go. Check values for "123456789": ISO 0xb90956c775a41001, ECMA 0x995dc9bbdf1939fa.
 */
import type {WideHash} from './hash.js';

function crc64With(polynomialHigh: number, polynomialLow: number): WideHash {
  const highs = new Int32Array(256);
  const lows = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let high = 0;
    let low = byte;
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (isOdd) {
        high ^= polynomialHigh;
        low ^= polynomialLow;
      }
    }
    highs[byte] = high;
    lows[byte] = low;
  }
  return (bytes, start, end, into) => {
    let high = -1;
    let low = -1;
    for (let i = start; i < end; i++) {
      const index = (low ^ bytes[i]!) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ lows[index]!;
      high = (high >>> 8) ^ highs[index]!;
    }
    into[0] = ~high;
    into[1] = ~low;
  };
}

export const crc64_iso = crc64With(0xd8000000, 0);
export const crc64_ecma = crc64With(0xc96c5795, 0xd7870f42);
