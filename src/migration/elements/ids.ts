/** Ids of stream entries, `milliseconds-sequence`, as text: both parts may be larger than a number can hold exactly. */

export const ZERO_ID = '0-0';

/** Negative when `a` comes first. */
export function compareIds(a: string, b: string): number {
  const [aMs, aSequence] = a.split('-') as [string, string];
  const [bMs, bSequence] = b.split('-') as [string, string];
  return compareDigits(aMs, bMs) || compareDigits(aSequence, bSequence);
}

/** Of two numbers without leading zeros the longer one is larger. */
function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}
