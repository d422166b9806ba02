/**
 * Ranges of keys in ascending order, each owned by a named shard: the split that people write by hand.
 *
 * `by: bytes` compares the key byte by byte, unsigned; a key comes before every longer key that begins with it.
 * `by: number` compares decimal numbers of any length; leading zeros do not count, signs and points make it no number.
 * `extract` takes what is compared out of the key: the one group of a regular expression, matched against the bytes of the key
 * as Latin-1 characters, anywhere unless it is anchored.
 *
 * Total by one rule: a key that yields nothing to compare (`extract` does not match, or there is no number) belongs to the
 * shard `otherwise`, which must be named wherever that can happen.
 */
import * as v from 'valibot';
import {quotedBytes} from '../explain.js';
import type {HashFunction} from '../hash/hash.js';
import {type Fact, placementFrom, type Scheme, type SchemeTraits, type ShardIdentity} from '../placement.js';
import {notOneOf, notThese, Problems, quoted, suggestion} from '../problems.js';
import {compareBytes, compareNumbers, extractor, isNumber, limitOf, withoutZeros} from '../range-values.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const kinds = ['bytes', 'number'] as const;

const options = v.strictObject(
  {
    /** What is compared. */
    by: v.optional(v.picklist(kinds, notOneOf('Option by', kinds)), 'bytes'),
    /** Regular expression with exactly one group. */
    extract: v.exactOptional(v.string('Option extract must be a regular expression, in quotes.')),
    /** Owner of keys that yield nothing to compare. */
    otherwise: v.exactOptional(v.string('Option otherwise must be the name of a shard.')),
    /** Ascending; each range reaches from the limit before it up to, and without, its own. The last one has no limit. */
    ranges: v.pipe(
      v.array(
        v.strictObject(
          {
            below: v.exactOptional(
              v.union([v.string(), v.number()], 'The limit below must be text in quotes, or a number.'),
            ),
            shard: v.string('The shard of a range must be the name of a shard.'),
          },
          notThese('A range', ['below', 'shard']),
        ),
        'Option ranges must be a list, such as [{below: "m", shard: a}, {shard: b}].',
      ),
      v.minLength(1, 'Option ranges must have at least one range, such as {shard: a}.'),
    ),
  },
  notThese('Scheme range', ['by', 'extract', 'otherwise', 'ranges', 'hashTag']),
);
type Options = v.InferOutput<typeof options>;

const traits: SchemeTraits = {identity: 'name', assignedBy: 'ranges', movement: 'assigned'};

export const range: Scheme<Options> = {
  name: 'range',
  summary: 'ranges of keys, or of a number in the key, assigned by name',
  movement: 'Exactly the keys of the ranges that get another owner.',
  options,
  tag: () => wholeKey,
  traits: () => traits,
  build(shards, given, tag) {
    const {by, limits, owners, extract, otherwise} = judged(shards, given);
    const compare = by === 'bytes' ? compareBytes : compareNumbers;
    const rangeOf: HashFunction = (bytes, start, end) => firstAbove(limits, compare, bytes, start, end);
    const compared: HashFunction =
      by === 'bytes'
        ? (bytes, start, end) => owners[rangeOf(bytes, start, end)]!
        : (bytes, start, end) =>
            isNumber(bytes, start, end) ? owners[rangeOf(bytes, withoutZeros(bytes, start, end), end)]! : otherwise;
    const owner: HashFunction = (bytes, start, end) => {
      if (extract === null) return compared(bytes, start, end);
      const group = extract(bytes, start, end);
      return group === null ? otherwise : compared(group, 0, group.length);
    };
    const facts = (hashed: Buffer): Fact[] => {
      const value = extract === null ? hashed : extract(hashed, 0, hashed.length);
      const found: Fact[] = [];
      if (extract !== null) found.push({label: 'extracted', value: value === null ? 'nothing' : quotedBytes(value)});
      if (value === null || (by === 'number' && !isNumber(value, 0, value.length)))
        return [
          ...found,
          {label: 'otherwise', value: `${by === 'number' ? 'no number' : 'no match'}, so ${quoted(given.otherwise!)}`},
        ];
      const start = by === 'number' ? withoutZeros(value, 0, value.length) : 0;
      const at = rangeOf(value, start, value.length);
      return [
        ...found,
        {label: 'compared', value: by === 'number' ? value.toString('latin1', start) || '0' : quotedBytes(value)},
        {label: 'range', value: `${rangeText(given, at)} of ${quoted(shards[owners[at]!]!.name)}`},
      ];
    };
    return placementFrom({
      scheme: 'range',
      shards,
      traits,
      tag,
      owner,
      facts,
      warnings: idleWeights('ranges are assigned by name', shards),
    });
  },
};

/** Index of the first limit above the value, or of the range behind the last limit. */
function firstAbove(
  limits: readonly Uint8Array[],
  compare: typeof compareBytes,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  let low = 0;
  let high = limits.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(bytes, start, end, limits[middle]!) < 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The options in the form that the hot path needs, or everything that does not fit. */
function judged(shards: readonly ShardIdentity[], given: Options) {
  const problems = new Problems();
  const indexOf = (name: string, path: (string | number)[]): number => {
    const names = shards.map((shard) => shard.name);
    const index = names.indexOf(name);
    if (index === -1) problems.inOption(path, `${quoted(name)} is no shard.${suggestion(name, names)}`);
    return index;
  };
  const owners = given.ranges.map(({shard}, i) => indexOf(shard, ['ranges', i, 'shard']));
  const otherwise = given.otherwise === undefined ? -1 : indexOf(given.otherwise, ['otherwise']);
  const extract = given.extract === undefined ? null : extractor(given.extract, problems);
  judgeOtherwise(given, problems);
  for (const [index, {name}] of shards.entries())
    if (!owners.includes(index) && otherwise !== index)
      problems.inOption(['ranges'], `Shard ${quoted(name)} has no range: every shard must own something.`);
  const limits = judgedLimits(given, problems);
  problems.refuse();
  return {by: given.by, limits, owners: Uint32Array.from(owners), extract, otherwise};
}

function judgeOtherwise({by, extract, otherwise}: Options, problems: Problems): void {
  if (by === 'bytes' && extract === undefined) {
    if (otherwise !== undefined)
      problems.inOption(['otherwise'], 'Every key has bytes to compare, so otherwise would own nothing: leave it out.');
  } else if (otherwise === undefined) {
    const why = by === 'number' ? 'no number in it' : 'no match of extract in it';
    problems.inOption(['otherwise'], `Option otherwise must name the shard that owns keys with ${why}.`);
  }
}

/** The limits as bytes that compare like the keys: ascending, on every range but the last. */
function judgedLimits({by, ranges}: Options, problems: Problems): Uint8Array[] {
  const limits: Uint8Array[] = [];
  const compare = by === 'bytes' ? compareBytes : compareNumbers;
  for (const [i, {below}] of ranges.entries()) {
    const path = ['ranges', i, 'below'];
    if (i === ranges.length - 1) {
      if (below !== undefined)
        problems.inOption(path, 'The last range must have no limit below: it owns all keys from the limit before it.');
    } else if (below === undefined) {
      problems.inOption(path, 'Only the last range may be without a limit below.');
    } else {
      const limit = limitOf(by, below);
      if (typeof limit === 'string') problems.inOption(path, limit);
      else {
        const before = limits.at(-1) ?? new Uint8Array(0);
        if (compare(limit, 0, limit.length, before) <= 0)
          problems.inOption(path, `The limits must ascend, and ${quoted(String(below))} leaves no key to its range.`);
        limits.push(limit);
      }
    }
  }
  return limits;
}

/** `from "g" and below "p"`. */
function rangeText({ranges}: Options, at: number): string {
  const text = (limit: string | number): string => (typeof limit === 'string' ? quoted(limit) : String(limit));
  const from = ranges[at - 1]?.below;
  const below = ranges[at]?.below;
  if (from === undefined && below === undefined) return 'everything';
  if (from === undefined) return `below ${text(below!)}`;
  return below === undefined ? `from ${text(from)}` : `from ${text(from)} and below ${text(below)}`;
}
