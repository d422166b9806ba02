/**
 * hash % N over a list of shards, each repeated as often as its weight says: what modulo and its relatives share.
 */
import {hex32, hexWords} from './explain.js';
import {type HashFunction, modulo32, modulo64, type WideHash} from './hash/hash.js';
import {type Placement, type PlacementParts, placementFrom, type ShardIdentity} from './placement.js';
import {Problems, quoted} from './problems.js';
import {requireWholeWeights, totalWeight} from './weights.js';

/** The list is kept in memory; a longer one has weights that can be divided by a common factor or that nobody meant. */
const longestList = 1 << 20;

/** The owner of each remainder. `shards` in the order in which the client keeps them, with their index in the topology. */
export function weightedList(
  scheme: string,
  shards: readonly (ShardIdentity & {readonly owner: number})[],
): Uint32Array {
  const problems = new Problems();
  requireWholeWeights(scheme, shards, problems);
  problems.refuse();
  const total = totalWeight(shards);
  if (total > longestList) {
    const message = `The weights add up to ${total}, and scheme ${scheme} takes at most ${longestList}: divide them by a common factor.`;
    problems.inShard(0, 'weight', message);
    problems.refuse();
  }
  const list = new Uint32Array(total);
  let at = 0;
  for (const {weight, owner} of shards) {
    list.fill(owner, at, at + weight);
    at += weight;
  }
  return list;
}

export interface Remainder extends Pick<PlacementParts, 'scheme' | 'shards' | 'traits' | 'tag' | 'warnings'> {
  readonly owners: Uint32Array;
  readonly keyHash: HashFunction;
  /** The hash itself, where `keyHash` differs from it for empty keys only. */
  readonly byHash: HashFunction;
  readonly hashName: string;
}

export function remainderPlacement({owners, keyHash, byHash, hashName, ...parts}: Remainder): Placement {
  const size = owners.length;
  return placementFrom({
    ...parts,
    owner: (bytes, start, end) => owners[modulo32(keyHash(bytes, start, end), size)]!,
    byHash: {hash: byHash, ownerOfHash: (value) => owners[modulo32(value, size)]!},
    facts: (hashed) => {
      const value = keyHash(hashed, 0, hashed.length);
      const owner = quoted(parts.shards[owners[value % size]!]!.name);
      return [
        {label: 'hash', value: `${hashName} = ${hex32(value)}`},
        {label: 'remainder', value: `${value} % ${size} = ${value % size}, the place of ${owner}`},
      ];
    },
  });
}

/** The same for a hash of 64 bits. */
export function wideRemainderPlacement({
  owners,
  hash,
  hashName,
  ...parts
}: Omit<Remainder, 'keyHash' | 'byHash'> & {readonly hash: WideHash}): Placement {
  const size = owners.length;
  const words = new Uint32Array(2);
  const remainderOf = (bytes: Uint8Array, start: number, end: number): number => {
    hash(bytes, start, end, words);
    return modulo64(words, size);
  };
  return placementFrom({
    ...parts,
    owner: (bytes, start, end) => owners[remainderOf(bytes, start, end)]!,
    facts: (hashed) => {
      const remainder = remainderOf(hashed, 0, hashed.length);
      const owner = quoted(parts.shards[owners[remainder]!]!.name);
      return [
        {label: 'hash', value: `${hashName} = ${hexWords(words)}`},
        {label: 'remainder', value: `% ${size} = ${remainder}, the place of ${owner}`},
      ];
    },
  });
}
