/** Pure: how a batch of keys stands in a journal record: one base64 text for all names, one for all checksums. */
import {SUM_DIGITS, type Sum, type SumOf} from './digest.js';

/** A length is written in 7-bit groups, low ones first, the high bit set on all but the last. Source: LEB128, as in WebAssembly and DWARF. */
export function packKeys(keys: readonly Buffer[]): string {
  let bytes = 0;
  for (const key of keys) bytes += key.length + 5;
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const key of keys) {
    let rest = key.length;
    for (; rest > 127; rest >>>= 7) packed[at++] = (rest & 127) | 128;
    packed[at++] = rest;
    at += key.copy(packed, at);
  }
  return packed.toString('base64', 0, at);
}

export function unpackKeys(text: string): Buffer[] {
  const packed = Buffer.from(text, 'base64');
  const keys: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    let [length, shift] = [0, 0];
    for (;;) {
      const byte = packed[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    keys.push(packed.subarray(at, at + length));
    at += length;
  }
  return keys;
}

const NO_SUM: Sum = '0'.repeat(SUM_DIGITS);

/** All zero where there is none. */
export function packSums(sums: readonly (Sum | null)[]): string {
  return Buffer.from(sums.map((sum) => sum ?? NO_SUM).join(''), 'hex').toString('base64');
}

/** All of them, one after the other, for `sumAt`. */
export function unpackSums(text: string): string {
  return Buffer.from(text, 'base64').toString('hex');
}

/** Of key `i`; null where it has none. A value whose checksum is 0 is one in 2^64, and is then compared by itself. */
export function sumAt(unpacked: string, i: number): Sum | null {
  const sum = unpacked.slice(i * SUM_DIGITS, (i + 1) * SUM_DIGITS);
  return sum === NO_SUM ? null : sum;
}

/** Of the copy at the target, where it is not that of the source. */
export function landedSum(text: string): Sum {
  return Buffer.from(text, 'base64').toString('hex');
}

/** A letter where all are alike, as they nearly always are; else one each. */
export function packSumsOf(of: readonly SumOf[]): string {
  const letters = of.map((one) => (one === 'text' ? 't' : 'd'));
  const first = letters[0] ?? 'd';
  return letters.every((letter) => letter === first) ? first : letters.join('');
}

export function sumOfAt(packed: string, i: number): SumOf {
  return (packed.length === 1 ? packed : packed[i]) === 't' ? 'text' : 'dump';
}

/** Expiries of the keys that have one, by position: most keys have none. */
export function packExpiries(expiries: readonly number[]): Record<number, number> {
  const packed: Record<number, number> = {};
  for (const [i, at] of expiries.entries()) if (at !== -1) packed[i] = at;
  return packed;
}
