/**
 * Where the keys of a command are among its arguments, in the terms of the servers' own key specifications (Redis 7.0, COMMAND DOCS "Key specifications"):
 * a place where they begin, and how to go on from there.
 */

export interface KeySpec {
  /** Index of the first key, or the word that stands before it and the index from which that is looked for; negative: backwards, from the end. */
  readonly begin: number | {readonly keyword: string; readonly from: number};
  readonly find: /** `last` is counted from the first key, or from the end when negative. `limit` 2 means: the first half of these. 0 and 1: all. */
    | {readonly kind: 'range'; readonly last: number; readonly step: number; readonly limit: number}
    /** A number of keys at `countAt`, the first one at `first`, both counted from where the search begins. */
    | {readonly kind: 'keynum'; readonly countAt: number; readonly first: number; readonly step: number};
}

/** Keys `first`, `first + step` … `last`; `last` as in COMMAND, negative from the end. */
export function keyRange(first: number, last: number = first, step = 1): KeySpec {
  return {begin: first, find: {kind: 'range', last: last < 0 ? last : last - first, step, limit: 0}};
}

/** Arguments of a command; null, or missing at the end, where they are not known. */
export interface Arguments {
  readonly argc: number;
  readonly args: readonly (Buffer | null)[];
}

/** The keys that a specification points at; null when one of them is not known. A keyword that is not there points at none. */
export function keysAt(spec: KeySpec, command: Arguments): Buffer[] | null {
  const begin = beginOf(spec, command);
  if (begin === null || begin === 'unknown') return begin === null ? [] : null;
  const indexes = indexesFrom(begin, spec, command);
  if (indexes === null) return null;
  const keys: Buffer[] = [];
  for (let i = indexes.first; i <= indexes.last; i += indexes.step) {
    const key = command.args[i];
    if (key === undefined || key === null) return null;
    keys.push(key);
  }
  return keys;
}

function beginOf({begin}: KeySpec, {argc, args}: Arguments): number | null | 'unknown' {
  if (typeof begin === 'number') return begin;
  const step = begin.from < 0 ? -1 : 1;
  for (let i = begin.from < 0 ? argc + begin.from : begin.from; i > 0 && i < argc; i += step) {
    const word = args[i];
    // What was too large to be kept is no keyword; what lies beyond the kept ones may be one.
    if (word === undefined) return 'unknown';
    if (word !== null && word.toString('latin1').toUpperCase() === begin.keyword) return i + 1;
  }
  return null;
}

function indexesFrom(
  begin: number,
  {find}: KeySpec,
  {argc, args}: Arguments,
): {readonly first: number; readonly last: number; readonly step: number} | null {
  const step = Math.max(1, find.step);
  if (find.kind === 'range') {
    const end = find.last < 0 ? argc + find.last : begin + find.last;
    const last = find.limit > 1 ? begin + Math.floor((end - begin + 1) / find.limit) - 1 : end;
    // A key has to be there: a command that a server has carried out is complete.
    return begin < argc ? {first: begin, last, step} : null;
  }
  const count = args[begin + find.countAt]?.toString('latin1') ?? '';
  if (!/^\d{1,9}$/.test(count)) return null;
  const first = begin + find.first;
  return {first, last: first + (Number(count) - 1) * step, step};
}
