/**
 * Predixy over standalone groups (`StandaloneServerPool`): hash of the key modulo the number of groups, in the order of the file.
 * Source: predixy src/Hash.h, src/Distribution.cpp, src/ResponseParser and Request.
 *
 * `atol` reads a decimal number as C does, up to the first other character, in 64 bits; a negative one counts as 2^64 minus it.
 * Keys of more than 512 bytes are hashed by their first 512 bytes when they happen to cross the end of a read buffer: predixy
 * does not determine where they are.
 */
import * as v from 'valibot';
import {crc16} from '../hash/crc16.js';
import {modulo32} from '../hash/hash.js';
import {choice} from '../options.js';
import {type Fact, placementFrom, type Scheme, type SchemeTraits} from '../placement.js';
import {notThese, quoted} from '../problems.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** `Hash` of the pool. */
    hash: choice('Hash', ['crc16', 'atol']),
  },
  notThese('Scheme predixy', ['hash', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'reshuffling', weights: 'ignored'};
const longestKey = 512;

export const predixy: Scheme<v.InferOutput<typeof options>> = {
  name: 'predixy',
  summary: 'predixy over standalone groups: crc16 or atol modulo the number of groups',
  movement: 'Nearly all keys.',
  options,
  tag: () => wholeKey,
  variants: [{}, {hash: 'atol'}],
  traits: () => traits,
  build(shards, {hash}, tag) {
    const size = shards.length;
    const remainderOf =
      hash === 'crc16'
        ? (bytes: Uint8Array, start: number, end: number) => modulo32(crc16(bytes, start, end), size)
        : (bytes: Uint8Array, start: number, end: number) => numberModulo(bytes, start, end, size);
    const facts = (hashed: Buffer): Fact[] => {
      const at = size === 1 ? 0 : remainderOf(hashed, 0, hashed.length);
      const value = hash === 'crc16' ? `crc16 = ${crc16(hashed, 0, hashed.length)}` : 'atol, the number it begins with';
      const remainder = `% ${size} = ${at}, the place of ${quoted(shards[at]!.name)}`;
      return [
        {label: 'hash', value},
        {label: 'remainder', value: remainder},
      ];
    };
    const warnings = idleWeights('predixy has no weights', shards);
    const unplaced = {
      // The length of the whole key counts, not that of its tag.
      test: (key: Uint8Array) => key.length > longestKey,
      reason: `keys of more than ${longestKey} bytes are hashed by a part of them when they cross the end of a read buffer`,
    };
    return placementFrom({
      ...{scheme: 'predixy', shards, traits, tag, warnings, facts, ...(size === 1 ? {} : {unplaced})},
      owner: (bytes, start, end) => (size === 1 ? 0 : remainderOf(bytes, start, end)),
    });
  },
};

/** The number that a key begins with, 0 when there is none, in 64 bits, as an unsigned number modulo `n`. Digits are taken modulo 2^64 in two halves. */
function numberModulo(bytes: Uint8Array, start: number, end: number, n: number): number {
  let at = start;
  const isNegative = bytes[at] === 0x2d && at < end;
  if (at < end && (isNegative || bytes[at] === 0x2b)) at++;
  let high = 0;
  let low = 0;
  for (; at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at++) {
    const sum = low * 10 + bytes[at]! - 0x30;
    low = sum >>> 0;
    high = (Math.imul(high, 10) + Math.floor(sum / 0x1_0000_0000)) >>> 0;
  }
  if (isNegative) {
    low = -low >>> 0;
    high = (~high + (low === 0 ? 1 : 0)) >>> 0;
  }
  return ((high % n) * (0x1_0000_0000 % n) + (low % n)) % n;
}
