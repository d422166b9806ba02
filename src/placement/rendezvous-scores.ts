/**
 * Rendezvous hashing as go-redis has it from version 8 on: a shard's score for a key is mix(digest(key) xor digest(node)), and
 * the highest score owns the key.
 * Source: dgryski/go-rendezvous rdv.go, which go-redis uses in ring.go: xorshift-multiply with 2685821657736338717.
 */
import {hexWords} from './explain.js';
import type {WideHash} from './hash/hash.js';
import {multiplyHigh} from './hash/multiply.js';
import {type Placement, type PlacementParts, placementFrom} from './placement.js';
import {requireDistinctNodes} from './points.js';
import {Problems, quoted} from './problems.js';
import {idleWeights} from './weights.js';

const mHigh = 0x2545f491;
const mLow = 0x4f6cdd1d;
const signBit = 0x8000_0000 | 0;

export interface Rendezvous extends Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag'> {
  readonly hash: WideHash;
  readonly hashName: string;
}

export function rendezvousPlacement({hash, hashName, ...parts}: Rendezvous): Placement {
  const {shards} = parts;
  const problems = new Problems();
  requireDistinctNodes(shards, problems);
  problems.refuse();
  const nodes = new Int32Array(2 * shards.length);
  const words = new Uint32Array(2);
  for (const [i, {node}] of shards.entries()) {
    const bytes = Buffer.from(node);
    hash(bytes, 0, bytes.length, words);
    nodes[2 * i] = words[0]!;
    nodes[2 * i + 1] = words[1]!;
  }
  /** The highest score, two words, and who has it. */
  const best = new Uint32Array(2);
  const owner = (bytes: Uint8Array, start: number, end: number): number => {
    hash(bytes, start, end, words);
    const keyHigh = words[0]! | 0;
    const keyLow = words[1]! | 0;
    let at = 0;
    // Unsigned scores as signed numbers with the sign bit flipped: 32-bit integers all the way.
    let high = signBit;
    let low = signBit;
    for (let i = 0; i < nodes.length; i += 2) {
      let h = keyHigh ^ nodes[i]!;
      let l = keyLow ^ nodes[i + 1]!;
      // x ^= x >>> 12; x ^= x << 25; x ^= x >>> 27; x *= m
      l ^= (l >>> 12) | (h << 20);
      h ^= h >>> 12;
      h ^= (h << 25) | (l >>> 7);
      l ^= l << 25;
      l ^= (l >>> 27) | (h << 5);
      h ^= h >>> 27;
      const scoreHigh = (multiplyHigh(l, mLow) + Math.imul(h, mLow) + Math.imul(l, mHigh)) ^ signBit;
      const scoreLow = Math.imul(l, mLow) ^ signBit;
      if (scoreHigh > high || (scoreHigh === high && scoreLow > low) || i === 0) {
        at = i >>> 1;
        high = scoreHigh;
        low = scoreLow;
      }
    }
    best[0] = high ^ signBit;
    best[1] = low ^ signBit;
    return at;
  };
  return placementFrom({
    ...parts,
    owner,
    facts: (hashed) => {
      const at = owner(hashed, 0, hashed.length);
      const score = `${hexWords(best)} of ${quoted(shards[at]!.node)}, the highest of ${shards.length}`;
      return [
        {label: 'hash', value: `${hashName} = ${hexWords(words)}`},
        {label: 'score', value: score},
      ];
    },
    warnings: idleWeights('rendezvous hashing has no weights here', shards),
  });
}
