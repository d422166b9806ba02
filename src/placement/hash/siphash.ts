/**
 * Aumasson and Bernstein's SipHash-2-4, 64 bits, with a key of 128 bits.
 * Source: "SipHash: a fast short-input PRF", appendix A; Go dchest/siphash, Guava Hashing.sipHash24.
 * Check value: with the key 00 01 … 0f, the bytes 00 01 … 0e give 0xa129ca6149be45e5.
 */
import type {WideHash} from './hash.js';
import {word32} from './multiply.js';

/** v0 to v3, each high word first. */
const v = new Int32Array(8);

function add(a: number, b: number): void {
  const low = (v[a + 1]! + v[b + 1]!) | 0;
  v[a] = v[a]! + v[b]! + (low >>> 0 < v[b + 1]! >>> 0 ? 1 : 0);
  v[a + 1] = low;
}

/** v[a] = rotl(v[a], bits) xor v[b], for fewer than 32 bits. */
function turnAndMix(a: number, bits: number, b: number): void {
  const high = v[a]!;
  const low = v[a + 1]!;
  v[a] = ((high << bits) | (low >>> (32 - bits))) ^ v[b]!;
  v[a + 1] = ((low << bits) | (high >>> (32 - bits))) ^ v[b + 1]!;
}

/** rotl by 32. */
function swap(a: number): void {
  const high = v[a]!;
  v[a] = v[a + 1]!;
  v[a + 1] = high;
}

function rounds(count: number): void {
  for (let i = 0; i < count; i++) {
    add(0, 2);
    turnAndMix(2, 13, 0);
    swap(0);
    add(4, 6);
    turnAndMix(6, 16, 4);
    add(0, 6);
    turnAndMix(6, 21, 0);
    add(4, 2);
    turnAndMix(2, 17, 4);
    swap(4);
  }
}

/** The two halves of the key as four words: k0 high, k0 low, k1 high, k1 low. */
export function siphash24With(key: readonly [number, number, number, number]): WideHash {
  const initial = [
    ...[key[0] ^ 0x736f6d65, key[1] ^ 0x70736575, key[2] ^ 0x646f7261, key[3] ^ 0x6e646f6d],
    ...[key[0] ^ 0x6c796765, key[1] ^ 0x6e657261, key[2] ^ 0x74656462, key[3] ^ 0x79746573],
  ];
  return (bytes, start, end, into) => {
    for (let i = 0; i < 8; i++) v[i] = initial[i]!;
    let at = start;
    for (; end - at >= 8; at += 8) takeWord(word32(bytes, at + 4), word32(bytes, at));
    let high = (end - start) << 24;
    let low = 0;
    for (let i = 0; at + i < end; i++)
      if (i < 4) low |= bytes[at + i]! << (8 * i);
      else high |= bytes[at + i]! << (8 * i - 32);
    takeWord(high, low);
    v[5]! ^= 0xff;
    rounds(4);
    into[0] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    into[1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  };
}

function takeWord(high: number, low: number): void {
  v[6]! ^= high;
  v[7]! ^= low;
  rounds(2);
  v[0]! ^= high;
  v[1]! ^= low;
}
