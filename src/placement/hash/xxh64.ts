/**
 * Yann Collet's XXH64.
 * Source: xxHash specification 0.1.1, section "XXH64 algorithm"; go-redis and Envoy use it with seed 0.
 * Check value for "123456789" with seed 0: 0x8cb841db40e6ae83.
 */
import type {WideHash} from './hash.js';
import {multiplyHigh, word32} from './multiply.js';

const p1h = 0x9e3779b1 | 0;
const p1l = 0x85ebca87 | 0;
const p2h = 0xc2b2ae3d | 0;
const p2l = 0x27d4eb4f | 0;
const p3h = 0x165667b1 | 0;
const p3l = 0x9e3779f9 | 0;
const p4h = 0x85ebca77 | 0;
const p4l = 0xc2b2ae63 | 0;
const p5h = 0x27d4eb2f | 0;
const p5l = 0x165667c5 | 0;

/** The four accumulators of long inputs, and the result of `roundInto`. */
const lanes = new Int32Array(8);
const turned = new Int32Array(2);

/** `turned` = rotl(accumulator + lane * prime2, 31) * prime1. */
function roundInto(accHigh: number, accLow: number, kh: number, kl: number): void {
  const ph = (multiplyHigh(kl, p2l) + Math.imul(kh, p2l) + Math.imul(kl, p2h)) | 0;
  const pl = Math.imul(kl, p2l);
  const low = (accLow + pl) | 0;
  const high = (accHigh + ph + (low >>> 0 < pl >>> 0 ? 1 : 0)) | 0;
  const rh = (high << 31) | (low >>> 1);
  const rl = (low << 31) | (high >>> 1);
  turned[0] = multiplyHigh(rl, p1l) + Math.imul(rh, p1l) + Math.imul(rl, p1h);
  turned[1] = Math.imul(rl, p1l);
}

/** XXH64 with a seed of at most 32 bits. */
export function xxh64With(seed: number): WideHash {
  return (bytes, start, end, into) => {
    const length = end - start;
    let at = start;
    if (length >= 32) at = takeStripes(bytes, start, end, seed, into);
    else {
      into[1] = p5l + seed;
      into[0] = p5h + (into[1]! < seed ? 1 : 0);
    }
    let low = (into[1]! + length) | 0;
    let high = (into[0]! + (low >>> 0 < length ? 1 : 0)) | 0;
    for (; end - at >= 8; at += 8) {
      roundInto(0, 0, word32(bytes, at + 4), word32(bytes, at));
      const h = high ^ turned[0]!;
      const l = low ^ turned[1]!;
      const rh = (h << 27) | (l >>> 5);
      const rl = (l << 27) | (h >>> 5);
      low = (Math.imul(rl, p1l) + p4l) | 0;
      high = multiplyHigh(rl, p1l) + Math.imul(rh, p1l) + Math.imul(rl, p1h) + p4h + (low >>> 0 < p4l >>> 0 ? 1 : 0);
    }
    if (end - at >= 4) {
      const k = word32(bytes, at);
      const h = high ^ (multiplyHigh(k, p1l) + Math.imul(k, p1h));
      const l = low ^ Math.imul(k, p1l);
      const rh = (h << 23) | (l >>> 9);
      const rl = (l << 23) | (h >>> 9);
      low = (Math.imul(rl, p2l) + p3l) | 0;
      high = multiplyHigh(rl, p2l) + Math.imul(rh, p2l) + Math.imul(rl, p2h) + p3h + (low >>> 0 < p3l >>> 0 ? 1 : 0);
      at += 4;
    }
    for (; at < end; at++) {
      const k = bytes[at]!;
      const h = high ^ (multiplyHigh(k, p5l) + Math.imul(k, p5h));
      const l = low ^ Math.imul(k, p5l);
      const rh = (h << 11) | (l >>> 21);
      const rl = (l << 11) | (h >>> 21);
      low = Math.imul(rl, p1l);
      high = multiplyHigh(rl, p1l) + Math.imul(rh, p1l) + Math.imul(rl, p1h);
    }
    avalanche(high | 0, low, into);
  };
}

export const xxh64 = xxh64With(0);

function avalanche(h: number, l: number, into: Uint32Array): void {
  // h ^= h >>> 33; h *= prime2; h ^= h >>> 29; h *= prime3; h ^= h >>> 32
  let low = l ^ (h >>> 1);
  let high = (multiplyHigh(low, p2l) + Math.imul(h, p2l) + Math.imul(low, p2h)) | 0;
  low = Math.imul(low, p2l);
  low ^= (low >>> 29) | (high << 3);
  high ^= high >>> 29;
  high = (multiplyHigh(low, p3l) + Math.imul(high, p3l) + Math.imul(low, p3h)) | 0;
  low = Math.imul(low, p3l);
  into[0] = high;
  into[1] = low ^ high;
}

/** Consumes all stripes of 32 bytes; leaves the converged state in `into`, and returns where the rest begins. */
function takeStripes(bytes: Uint8Array, start: number, end: number, seed: number, into: Uint32Array): number {
  const wide = (high: number, low: number, lane: number): void => {
    lanes[2 * lane] = high;
    lanes[2 * lane + 1] = low;
  };
  const add = (ah: number, al: number, bh: number, bl: number, lane: number): void => {
    const low = (al + bl) | 0;
    wide((ah + bh + (low >>> 0 < bl >>> 0 ? 1 : 0)) | 0, low, lane);
  };
  // seed + prime1 + prime2, seed + prime2, seed, seed - prime1
  add(0, seed, p1h, p1l, 0);
  add(lanes[0]!, lanes[1]!, p2h, p2l, 0);
  add(0, seed, p2h, p2l, 1);
  wide(0, seed, 2);
  wide((-p1h - (seed >>> 0 < p1l >>> 0 ? 1 : 0)) | 0, (seed - p1l) | 0, 3);
  let at = start;
  for (; end - at >= 32; at += 32)
    for (let lane = 0; lane < 4; lane++) {
      const k = at + 8 * lane;
      roundInto(lanes[2 * lane]!, lanes[2 * lane + 1]!, word32(bytes, k + 4), word32(bytes, k));
      wide(turned[0]!, turned[1]!, lane);
    }
  let high = 0;
  let low = 0;
  for (const [lane, turn] of [1, 7, 12, 18].entries()) {
    const h = lanes[2 * lane]!;
    const l = lanes[2 * lane + 1]!;
    const rl = (l << turn) | (h >>> (32 - turn));
    low = (low + rl) | 0;
    high = (high + ((h << turn) | (l >>> (32 - turn))) + (low >>> 0 < rl >>> 0 ? 1 : 0)) | 0;
  }
  for (let lane = 0; lane < 4; lane++) {
    roundInto(0, 0, lanes[2 * lane]!, lanes[2 * lane + 1]!);
    const h = high ^ turned[0]!;
    const l = low ^ turned[1]!;
    low = (Math.imul(l, p1l) + p4l) | 0;
    high = multiplyHigh(l, p1l) + Math.imul(h, p1l) + Math.imul(l, p1h) + p4h + (low >>> 0 < p4l >>> 0 ? 1 : 0);
    high |= 0;
  }
  into[0] = high;
  into[1] = low;
  return at;
}
