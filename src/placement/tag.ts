/**
 * Hash tags: which part of a key decides where the key lives.
 *
 * The pair rule is that of twemproxy and of Redis Cluster: s = the first opening character, e = the first closing character
 * after s; when both exist and something stands between them, that something decides, else the whole key does. So `{}{x}`
 * is decided by the whole key. Opening and closing character may be the same (`$$`).
 */
import type {HashFunction} from './hash/hash.js';

/** A rule that picks the bytes which decide. `over` makes the hot path, `hashed` the same choice for one key to be shown. */
export interface TagRule {
  /** As the topology writes it: `{}`, `redis-cluster`, `none`; a client's own rule by a name of its own. */
  readonly name: string;
  /** What stands around the part that decides, for advice on naming keys; null where there is no such pair. */
  readonly delimiters: readonly [open: string, close: string] | null;
  /** The byte without which the whole key decides; `never` when that is always so, null when no such byte is known. */
  readonly opener: number | 'never' | null;
  /** `decide`, applied to the part of the key that this rule picks. Allocates nothing per key. */
  over(decide: HashFunction): HashFunction;
  /** The bytes that decide: a view of `key`, not a copy. */
  hashed(key: Uint8Array): Uint8Array;
}

/** The whole key decides. */
export const wholeKey: TagRule = {
  name: 'none',
  delimiters: null,
  opener: 'never',
  over: (decide) => decide,
  hashed: (key) => key,
};

/** What a pair means when nothing stands between it: the whole key decides, or, in some clients, the empty string does. */
export type EmptyTag = 'whole-key' | 'empty';

/** What stands between the first `open` and the first `close` after it decides. */
export function pairRule(name: string, open: number, close: number, empty: EmptyTag = 'whole-key'): TagRule {
  const least = empty === 'empty' ? 1 : 2;
  return {
    name,
    delimiters: [String.fromCharCode(open), String.fromCharCode(close)],
    opener: open,
    over: (decide) => (bytes, start, end) => {
      const from = find(bytes, open, start, end);
      if (from === end) return decide(bytes, start, end);
      const to = find(bytes, close, from + 1, end);
      if (to === end || to - from < least) return decide(bytes, start, end);
      return decide(bytes, from + 1, to);
    },
    hashed: (key) => {
      const from = find(key, open, 0, key.length);
      const to = find(key, close, from + 1, key.length);
      return to >= key.length || to - from < least ? key : key.subarray(from + 1, to);
    },
  };
}

/** The Redis Cluster rule: the pair `{}`. */
export const redisClusterTag = pairRule('redis-cluster', 0x7b, 0x7d);

/** Names that may stand for a rule beside two characters. */
export const tagRuleNames = ['redis-cluster', 'none'] as const;

/** The rule that `text` names, or null: two printable ASCII characters, `redis-cluster` or `none`. */
export function tagRule(text: string, empty: EmptyTag = 'whole-key'): TagRule | null {
  if (text === 'none') return wholeKey;
  if (text === 'redis-cluster') return redisClusterTag;
  // One character must be one byte: twemproxy counts bytes, and so does the rule above.
  return /^[ -~]{2}$/.test(text) ? pairRule(text, text.charCodeAt(0), text.charCodeAt(1), empty) : null;
}

/** Index of `byte` in `bytes[start, end)`, or `end`. A loop: indexOf knows no end and would search the keys behind this one. */
export function find(bytes: Uint8Array, byte: number, start: number, end: number): number {
  let i = start;
  while (i < end && bytes[i] !== byte) i++;
  return i;
}

/**
 * A rule that a function states: `part` writes where the part that decides begins and ends to `range`, the whole key
 * unless it finds something else. A rule with delimiters leaves a key alone that lacks the first of them.
 */
export function ownRule(
  name: string,
  delimiters: TagRule['delimiters'],
  part: (bytes: Uint8Array, start: number, end: number, range: Uint32Array) => void,
): TagRule {
  // Offsets in a buffer of the size that Node allows need more than 32 bits only beyond 4 GB, which no key or chunk reaches.
  const range = new Uint32Array(2);
  return {
    name,
    delimiters,
    opener: delimiters === null ? null : delimiters[0].charCodeAt(0),
    over: (decide) => (bytes, start, end) => {
      range[0] = start;
      range[1] = end;
      part(bytes, start, end, range);
      return decide(bytes, range[0]!, range[1]!);
    },
    hashed: (key) => {
      range[0] = 0;
      range[1] = key.length;
      part(key, 0, key.length, range);
      return range[0] === 0 && range[1] === key.length ? key : key.subarray(range[0], range[1]);
    },
  };
}
