/**
 * Lookup tables of Maglev hashing: every node fills the table in its own permutation of the slots, taking turns.
 * Source: "Maglev: A Fast and Reliable Software Network Load Balancer", section 3.4.
 */
import type {Problems} from './problems.js';

/** A node's permutation: slots (offset + skip * n) % size. */
export interface Permutation {
  readonly owner: number;
  readonly offset: number;
  readonly skip: number;
  /** Turns are taken in proportion to it, the largest one being every turn. */
  readonly weight: number;
}

/** The owner of every slot. Nodes take their turns in the order given. */
export function maglevTable(size: number, nodes: readonly Permutation[]): Uint32Array {
  const table = new Uint32Array(size);
  const taken = new Uint8Array(size);
  const next = nodes.map(() => 0);
  const target = nodes.map(() => 0);
  const heaviest = Math.max(...nodes.map(({weight}) => weight));
  let left = size;
  for (let turn = 1; left > 0; turn++)
    for (const [i, {owner, offset, skip, weight}] of nodes.entries()) {
      if (left === 0) break;
      if (turn * weight < target[i]!) continue;
      target[i]! += heaviest;
      let slot: number;
      do slot = (offset + skip * next[i]!++) % size;
      while (taken[slot] === 1);
      taken[slot] = 1;
      table[slot] = owner;
      left--;
    }
  return table;
}

/** The permutations reach every slot only when the size is a prime number. */
export function requirePrime(option: string, size: number, problems: Problems): void {
  let isPrime = size >= 2;
  for (let divisor = 2; divisor * divisor <= size; divisor++) isPrime &&= size % divisor !== 0;
  if (!isPrime)
    problems.inOption([option], `Option ${option} must be a prime number such as 65537, and ${size} is none.`);
}
