/**
 * Placements on a ring: hash, point and owner, for the hot path and for the explanation.
 */
import {hex32, hexWords} from './explain.js';
import type {HashFunction, WideHash} from './hash/hash.js';
import {type Fact, type Placement, type PlacementParts, placementFrom, type ShardIdentity} from './placement.js';
import {quoted} from './problems.js';
import type {Ring, WideRing} from './ring.js';

type Common = Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag' | 'warnings' | 'unplaced'>;

export interface OnRing extends Common {
  readonly ring: Ring;
  readonly hash: HashFunction;
  /** For the explanation: `crc32`. */
  readonly hashName: string;
  /** How the explanation calls a shard: by its node, or, where its place decides, by its name. Default: node. */
  readonly called?: (shard: ShardIdentity) => string;
  /** The client takes the hash of an empty key to be 0, without computing it. */
  readonly emptyIsZero?: boolean;
}

export function ringPlacement({
  ring,
  hash,
  hashName,
  called = byNode,
  emptyIsZero = false,
  ...common
}: OnRing): Placement {
  const keyHash: HashFunction = emptyIsZero
    ? (bytes, start, end) => (start === end ? 0 : hash(bytes, start, end))
    : hash;
  return placementFrom({
    ...common,
    owner: (bytes, start, end) => ring.owner(keyHash(bytes, start, end)),
    // Good for empty keys too: the fold is never asked for them.
    byHash: {hash, ownerOfHash: (value) => ring.owner(value)},
    facts: (hashed) => {
      const value = keyHash(hashed, 0, hashed.length);
      const at = ring.find(value);
      const zero = emptyIsZero && hashed.length === 0 ? ' (empty key)' : '';
      return [
        {label: 'hash', value: `${hashName} = ${hex32(value)}${zero}`},
        pointFact(hex32(ring.points[at]!), quoted(called(common.shards[ring.owners[at]!]!)), at, ring.points.length, [
          ring.points[at]! < value,
          ring.points[at]! > value,
        ]),
      ];
    },
  });
}

export interface OnWideRing extends Common {
  readonly ring: WideRing;
  readonly hash: WideHash;
  readonly hashName: string;
  readonly called?: (shard: ShardIdentity) => string;
  /** Flipped in the first word of points and hashes: the sign bit of a ring of signed numbers, else 0. */
  readonly flip?: number;
}

export function wideRingPlacement({ring, hash, hashName, called = byNode, flip = 0, ...common}: OnWideRing): Placement {
  const words = new Uint32Array(ring.width);
  const find = (bytes: Uint8Array, start: number, end: number): number => {
    hash(bytes, start, end, words);
    words[0]! ^= flip;
    return ring.find(words);
  };
  return placementFrom({
    ...common,
    owner: (bytes, start, end) => ring.owners[find(bytes, start, end)]!,
    facts: (hashed) => {
      const at = find(hashed, 0, hashed.length);
      const point = ring.point(at);
      const order = Buffer.compare(bigEndian(point), bigEndian(words));
      const shown = (values: Uint32Array): string => hexWords(values.map((word, i) => (i === 0 ? word ^ flip : word)));
      return [
        {label: 'hash', value: `${hashName} = ${shown(words)}`},
        pointFact(shown(point), quoted(called(common.shards[ring.owners[at]!]!)), at, ring.owners.length, [
          order < 0,
          order > 0,
        ]),
      ];
    },
  });
}

function byNode({node}: ShardIdentity): string {
  return node;
}

function bigEndian(words: Uint32Array): Buffer {
  const bytes = Buffer.alloc(4 * words.length);
  words.forEach((word, i) => {
    bytes.writeUInt32BE(word, 4 * i);
  });
  return bytes;
}

/** `0x1f30aa00 of "alpha"`, and why when it is not beside the hash: the search went around the end of the ring. */
function pointFact(
  point: string,
  owner: string,
  at: number,
  count: number,
  [isBelow, isAbove]: readonly boolean[],
): Fact {
  let around = '';
  if (at === 0 && isBelow) around = ', the first one, since none follows';
  else if (at === count - 1 && isAbove) around = ', the last one, since none precedes';
  return {label: 'point', value: `${point} of ${owner}${around}`};
}
