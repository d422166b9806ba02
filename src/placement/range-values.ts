/**
 * What scheme range compares: bytes, or decimal numbers kept as their digits, so that no number is too long.
 */
import {type Problems, quoted} from './problems.js';

/** Unsigned, byte by byte; what ends first comes first. Below 0, 0 or above 0. */
export function compareBytes(bytes: Uint8Array, start: number, end: number, limit: Uint8Array): number {
  const length = Math.min(end - start, limit.length);
  for (let i = 0; i < length; i++) {
    const difference = bytes[start + i]! - limit[i]!;
    if (difference !== 0) return difference;
  }
  return end - start - limit.length;
}

/** Digits without leading zeros on both sides: more digits are a larger number. */
export function compareNumbers(bytes: Uint8Array, start: number, end: number, limit: Uint8Array): number {
  return end - start - limit.length || compareBytes(bytes, start, end, limit);
}

/** At least one decimal digit, and nothing else. */
export function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return false;
  return start < end;
}

/** Where the digits begin that count. Zero has none. */
export function withoutZeros(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i] === 0x30) i++;
  return i;
}

/** A limit as bytes that compare like the keys, or the sentence that says why it is none. */
export function limitOf(by: 'bytes' | 'number', below: string | number): Uint8Array | string {
  if (by === 'bytes') {
    if (typeof below === 'number') return `The limit ${below} is a number: write it in quotes, or compare by: number.`;
    return Buffer.from(below);
  }
  if (typeof below === 'number' && Number.isInteger(below) && !Number.isSafeInteger(below))
    return `The limit ${below} cannot be read exactly: write its digits in quotes.`;
  const digits = Buffer.from(String(below));
  if (!isNumber(digits, 0, digits.length))
    return `The limit ${quoted(String(below))} is not a whole number of 0 or more.`;
  return digits.subarray(withoutZeros(digits, 0, digits.length));
}

/** Bytes of the one group of `pattern`, or null where it does not match. Allocates: a regular expression reads only strings. */
export type Extractor = (bytes: Uint8Array, start: number, end: number) => Buffer | null;

/** The extractor, or null and a problem. */
export function extractor(pattern: string, problems: Problems): Extractor | null {
  const problem = patternProblem(pattern);
  if (problem !== null) {
    problems.inOption(['extract'], problem);
    return null;
  }
  const expression = new RegExp(pattern);
  return (bytes, start, end) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    const group = expression.exec(text)?.[1];
    return group === undefined ? null : Buffer.from(group, 'latin1');
  };
}

function patternProblem(pattern: string): string | null {
  const groups = groupsOf(pattern);
  if (groups === null) return `Option extract is not a regular expression: ${quoted(pattern)}.`;
  if (groups !== 1)
    return `Option extract must have exactly one group, and ${quoted(pattern)} has ${groups}; (?:…) groups without counting.`;
  if (/[^\0-\x7f]/.test(pattern))
    return `Option extract works on bytes: write what is not ASCII in ${quoted(pattern)} as \\xNN.`;
  return null;
}

/** How many groups a regular expression has; null when it is none. */
function groupsOf(pattern: string): number | null {
  try {
    new RegExp(pattern);
    // With an empty alternative it matches the empty text, and the match lists all groups.
    return new RegExp(`${pattern}|`).exec('')!.length - 1;
  } catch {
    return null;
  }
}
