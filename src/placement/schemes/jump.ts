/**
 * Jump consistent hashing over a 64-bit digest of the key. Shards are numbered in the order of the file, and can only be added and
 * removed at its end.
 * Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", figure 1; dgryski/go-jump and Guava
 * Hashing.consistentHash agree. There is no standard digest: name the one that the client uses.
 */
import * as v from 'valibot';
import {digestNames, digests} from '../digests.js';
import {hexWords} from '../explain.js';
import {multiplyHigh} from '../hash/multiply.js';
import {choice} from '../options.js';
import {placementFrom, type Scheme, type SchemeTraits} from '../placement.js';
import {notThese, quoted} from '../problems.js';
import {wholeKey} from '../tag.js';
import {idleWeights} from '../weights.js';

const options = v.strictObject(
  {
    /** Hash of the key. */
    digest: choice('Digest', digestNames),
  },
  notThese('Scheme jump', ['digest', 'hashTag']),
);

const traits: SchemeTraits = {identity: 'order', assignedBy: null, movement: 'minimal', weights: 'ignored'};

/** 2862933555777941757 */
const mHigh = 0x27bb2ee6;
const mLow = 0x87b0b0fd | 0;

export const jump: Scheme<v.InferOutput<typeof options>> = {
  name: 'jump',
  summary: 'jump consistent hashing in the order of the file, with a digest of choice',
  movement:
    'As few keys as possible while shards are added and removed at the end; anything else shifts all shards behind it.',
  options,
  tag: () => wholeKey,
  variants: digestNames.map((digest) => ({digest})),
  traits: () => traits,
  build(shards, {digest}, tag) {
    const hash = digests[digest];
    const words = new Uint32Array(2);
    const size = shards.length;
    const owner = (bytes: Uint8Array, start: number, end: number): number => {
      hash(bytes, start, end, words);
      return jumpOf(words[0]! | 0, words[1]! | 0, size);
    };
    return placementFrom({
      ...{scheme: 'jump', shards, traits, tag, owner},
      facts: (hashed) => {
        const at = owner(hashed, 0, hashed.length);
        return [
          {label: 'hash', value: `${digest} = ${hexWords(words)}`},
          {label: 'bucket', value: `${at} of ${size}, the place of ${quoted(shards[at]!.name)}`},
        ];
      },
      warnings: idleWeights('jump hashing has no weights', shards),
    });
  },
};

/** The bucket of a 64-bit key. The next key is key * 2862933555777941757 + 1; its upper 31 bits are the next random number. */
function jumpOf(keyHigh: number, keyLow: number, buckets: number): number {
  let high = keyHigh;
  let low = keyLow;
  let bucket = 0;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    high = (multiplyHigh(low, mLow) + Math.imul(high, mLow) + Math.imul(low, mHigh)) | 0;
    low = (Math.imul(low, mLow) + 1) | 0;
    // The carry of + 1.
    if (low === 0) high = (high + 1) | 0;
    next = Math.trunc((bucket + 1) * (0x8000_0000 / ((high >>> 1) + 1)));
  }
  return bucket;
}
