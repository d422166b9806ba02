/**
 * Yann Collet's XXH32, seed 0.
 * Source: xxHash specification 0.1.1, section "XXH32 algorithm". Check value for "123456789": 0x937bad67.
 */
import {word32} from './multiply.js';

const p1 = 0x9e3779b1 | 0;
const p2 = 0x85ebca77 | 0;
const p3 = 0xc2b2ae3d | 0;
const p4 = 0x27d4eb2f;
const p5 = 0x165667b1;

export function xxh32(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let at = start;
  let hash = p5;
  if (length >= 16) {
    let [a, b, c, d] = [(p1 + p2) | 0, p2, 0, -p1 | 0];
    for (; end - at >= 16; at += 16) {
      a = round(a, word32(bytes, at));
      b = round(b, word32(bytes, at + 4));
      c = round(c, word32(bytes, at + 8));
      d = round(d, word32(bytes, at + 12));
    }
    hash = (turn(a, 1) + turn(b, 7) + turn(c, 12) + turn(d, 18)) | 0;
  }
  hash = (hash + length) | 0;
  for (; end - at >= 4; at += 4) hash = Math.imul(turn((hash + Math.imul(word32(bytes, at), p3)) | 0, 17), p4);
  for (; at < end; at++) hash = Math.imul(turn((hash + Math.imul(bytes[at]!, p5)) | 0, 11), p1);
  hash = Math.imul(hash ^ (hash >>> 15), p2);
  hash = Math.imul(hash ^ (hash >>> 13), p3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function turn(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function round(lane: number, word: number): number {
  return Math.imul(turn((lane + Math.imul(word, p2)) | 0, 13), p1);
}
