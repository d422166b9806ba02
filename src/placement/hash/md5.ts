/**
 * MD5 where the key lies: no copy of the key, and no call into OpenSSL per key, which costs several times as much as the digest
 * of a short key.
 * Source: RFC 1321, sections 3.3 and 3.4; twemproxy src/hashkit/nc_md5.c takes the first four bytes, little-endian.
 * Check value for "123456789": digest 25f9e794323b453885f5181f1b624d0b, `md5` 0x94e7f925.
 */
import {hash} from 'node:crypto';
import type {WideHash} from './hash.js';
import {word32} from './multiply.js';

/** The buffers A, B, C and D. */
const state = new Int32Array(4);
/** The sixteen words of the block at hand. */
const block = new Int32Array(16);

/** The first four bytes of MD5, little-endian: what ketama rings and their clients take from the digest. */
export function md5(bytes: Uint8Array, start: number, end: number): number {
  digest(bytes, start, end);
  return state[0]! >>> 0;
}

/** All of MD5: four words. Word 0 is the first four bytes, big-endian. */
export const md5Wide: WideHash = (bytes, start, end, into) => {
  digest(bytes, start, end);
  for (let i = 0; i < 4; i++) {
    const word = state[i]!;
    into[i] = (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
  }
};

/** All sixteen bytes, for rings that take several points from one label. */
export function md5Digest(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer');
}

function digest(bytes: Uint8Array, start: number, end: number): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  let at = start;
  for (; end - at >= 64; at += 64) {
    for (let i = 0; i < 16; i++) block[i] = word32(bytes, at + 4 * i);
    takeBlock();
  }
  takeRest(bytes, at, end, end - start);
}

/** The last bytes, the bit 1 behind them, and the length in bits: one block, or two. */
function takeRest(bytes: Uint8Array, start: number, end: number, length: number): void {
  const words = (end - start) >>> 2;
  for (let i = 0; i < words; i++) block[i] = word32(bytes, start + 4 * i);
  let last = 0x80;
  for (let at = end; at > start + 4 * words; at--) last = (last << 8) | bytes[at - 1]!;
  block[words] = last;
  for (let i = words + 1; i < 16; i++) block[i] = 0;
  if (words > 13) {
    takeBlock();
    block.fill(0);
  }
  block[14] = length << 3;
  block[15] = length >>> 29;
  takeBlock();
}

function takeBlock(): void {
  const a = state[0]!;
  const b = state[1]!;
  const c = state[2]!;
  const d = state[3]!;
  round1();
  round2();
  round3();
  round4();
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
}

function f(a: number, b: number, c: number, d: number, x: number, turn: number, sine: number): number {
  const sum = (a + (d ^ (b & (c ^ d))) + x + sine) | 0;
  return (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
}

function g(a: number, b: number, c: number, d: number, x: number, turn: number, sine: number): number {
  const sum = (a + (c ^ (d & (b ^ c))) + x + sine) | 0;
  return (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
}

function h(a: number, b: number, c: number, d: number, x: number, turn: number, sine: number): number {
  const sum = (a + (b ^ c ^ d) + x + sine) | 0;
  return (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
}

function i(a: number, b: number, c: number, d: number, x: number, turn: number, sine: number): number {
  const sum = (a + (c ^ (b | ~d)) + x + sine) | 0;
  return (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
}

function round1(): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = f(a, b, c, d, block[0]!, 7, -0x28955b88);
  d = f(d, a, b, c, block[1]!, 12, -0x173848aa);
  c = f(c, d, a, b, block[2]!, 17, 0x242070db);
  b = f(b, c, d, a, block[3]!, 22, -0x3e423112);
  a = f(a, b, c, d, block[4]!, 7, -0xa83f051);
  d = f(d, a, b, c, block[5]!, 12, 0x4787c62a);
  c = f(c, d, a, b, block[6]!, 17, -0x57cfb9ed);
  b = f(b, c, d, a, block[7]!, 22, -0x2b96aff);
  a = f(a, b, c, d, block[8]!, 7, 0x698098d8);
  d = f(d, a, b, c, block[9]!, 12, -0x74bb0851);
  c = f(c, d, a, b, block[10]!, 17, -0xa44f);
  b = f(b, c, d, a, block[11]!, 22, -0x76a32842);
  a = f(a, b, c, d, block[12]!, 7, 0x6b901122);
  d = f(d, a, b, c, block[13]!, 12, -0x2678e6d);
  c = f(c, d, a, b, block[14]!, 17, -0x5986bc72);
  b = f(b, c, d, a, block[15]!, 22, 0x49b40821);
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}

function round2(): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = g(a, b, c, d, block[1]!, 5, -0x9e1da9e);
  d = g(d, a, b, c, block[6]!, 9, -0x3fbf4cc0);
  c = g(c, d, a, b, block[11]!, 14, 0x265e5a51);
  b = g(b, c, d, a, block[0]!, 20, -0x16493856);
  a = g(a, b, c, d, block[5]!, 5, -0x29d0efa3);
  d = g(d, a, b, c, block[10]!, 9, 0x2441453);
  c = g(c, d, a, b, block[15]!, 14, -0x275e197f);
  b = g(b, c, d, a, block[4]!, 20, -0x182c0438);
  a = g(a, b, c, d, block[9]!, 5, 0x21e1cde6);
  d = g(d, a, b, c, block[14]!, 9, -0x3cc8f82a);
  c = g(c, d, a, b, block[3]!, 14, -0xb2af279);
  b = g(b, c, d, a, block[8]!, 20, 0x455a14ed);
  a = g(a, b, c, d, block[13]!, 5, -0x561c16fb);
  d = g(d, a, b, c, block[2]!, 9, -0x3105c08);
  c = g(c, d, a, b, block[7]!, 14, 0x676f02d9);
  b = g(b, c, d, a, block[12]!, 20, -0x72d5b376);
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}

function round3(): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = h(a, b, c, d, block[5]!, 4, -0x5c6be);
  d = h(d, a, b, c, block[8]!, 11, -0x788e097f);
  c = h(c, d, a, b, block[11]!, 16, 0x6d9d6122);
  b = h(b, c, d, a, block[14]!, 23, -0x21ac7f4);
  a = h(a, b, c, d, block[1]!, 4, -0x5b4115bc);
  d = h(d, a, b, c, block[4]!, 11, 0x4bdecfa9);
  c = h(c, d, a, b, block[7]!, 16, -0x944b4a0);
  b = h(b, c, d, a, block[10]!, 23, -0x41404390);
  a = h(a, b, c, d, block[13]!, 4, 0x289b7ec6);
  d = h(d, a, b, c, block[0]!, 11, -0x155ed806);
  c = h(c, d, a, b, block[3]!, 16, -0x2b10cf7b);
  b = h(b, c, d, a, block[6]!, 23, 0x4881d05);
  a = h(a, b, c, d, block[9]!, 4, -0x262b2fc7);
  d = h(d, a, b, c, block[12]!, 11, -0x1924661b);
  c = h(c, d, a, b, block[15]!, 16, 0x1fa27cf8);
  b = h(b, c, d, a, block[2]!, 23, -0x3b53a99b);
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}

function round4(): void {
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  a = i(a, b, c, d, block[0]!, 6, -0xbd6ddbc);
  d = i(d, a, b, c, block[7]!, 10, 0x432aff97);
  c = i(c, d, a, b, block[14]!, 15, -0x546bdc59);
  b = i(b, c, d, a, block[5]!, 21, -0x36c5fc7);
  a = i(a, b, c, d, block[12]!, 6, 0x655b59c3);
  d = i(d, a, b, c, block[3]!, 10, -0x70f3336e);
  c = i(c, d, a, b, block[10]!, 15, -0x100b83);
  b = i(b, c, d, a, block[1]!, 21, -0x7a7ba22f);
  a = i(a, b, c, d, block[8]!, 6, 0x6fa87e4f);
  d = i(d, a, b, c, block[15]!, 10, -0x1d31920);
  c = i(c, d, a, b, block[6]!, 15, -0x5cfebcec);
  b = i(b, c, d, a, block[13]!, 21, 0x4e0811a1);
  a = i(a, b, c, d, block[4]!, 6, -0x8ac817e);
  d = i(d, a, b, c, block[11]!, 10, -0x42c50dcb);
  c = i(c, d, a, b, block[2]!, 15, 0x2ad7d2bb);
  b = i(b, c, d, a, block[9]!, 21, -0x14792c6f);
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
}
