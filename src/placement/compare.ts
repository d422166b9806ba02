/**
 * Two placements of the same keys side by side, and how evenly one of them spreads keys. Shards are the same when their names are.
 */
import {theoreticalMinimumShare} from './movement.js';
import {NO_OWNER, type Placement} from './placement.js';
import {weightShares} from './weights.js';

/** Keys that go from one shard to another. */
export interface Movement {
  readonly from: string;
  readonly to: string;
  readonly keys: number;
}

/** What a change of placement means for some keys. */
export interface Comparison {
  readonly keys: number;
  readonly moved: number;
  /** Keys that either side places nowhere: they are not counted as moved. */
  readonly unplaced: number;
  /** Pairs between which keys move, most keys first. */
  readonly matrix: readonly Movement[];
  /** The share of keys, 0 to 1, that any scheme would have to move. */
  readonly minimumShare: number;
}

/** Name of the owner, or null. */
export function ownerNameOf(placement: Placement, key: Uint8Array): string | null {
  const owner = placement.ownerIndex(key, 0, key.length);
  return owner === NO_OWNER ? null : placement.shards[owner]!.name;
}

export function comparePlacements(from: Placement, to: Placement, keys: Iterable<Uint8Array>): Comparison {
  const pairs = new Map<string, {from: string; to: string; keys: number}>();
  let [total, moved, unplaced] = [0, 0, 0];
  for (const key of keys) {
    total += 1;
    const [before, after] = [ownerNameOf(from, key), ownerNameOf(to, key)];
    if (before === null || after === null) unplaced += 1;
    else if (before !== after) {
      moved += 1;
      const id = `${before}\0${after}`;
      const pair = pairs.get(id) ?? {from: before, to: after, keys: 0};
      pair.keys += 1;
      pairs.set(id, pair);
    }
  }
  const matrix = [...pairs.values()].sort((a, b) => b.keys - a.keys);
  return {keys: total, moved, unplaced, matrix, minimumShare: theoreticalMinimumShare(from.shards, to.shards)};
}

export interface ShardBalance {
  readonly name: string;
  readonly keys: number;
  /** Of the keys judged, 0 to 1. */
  readonly share: number;
  /** By weight. */
  readonly expectedShare: number;
}

export interface Balance {
  readonly keys: number;
  readonly shards: readonly ShardBalance[];
  /** The fullest shard against what its weight says: 1 is even, 1.2 is a fifth too much. */
  readonly maxToExpected: number;
  /** Standard deviation of share / expected share. */
  readonly variation: number;
}

export function balanceOf(placement: Placement, keys: Iterable<Uint8Array>): Balance {
  const counts = placement.shards.map(() => 0);
  let total = 0;
  for (const key of keys) {
    const owner = placement.ownerIndex(key, 0, key.length);
    if (owner === NO_OWNER) continue;
    counts[owner]! += 1;
    total += 1;
  }
  const expected = weightShares(placement.shards);
  const shards = placement.shards.map(({name}, i) => ({
    ...{name, keys: counts[i]!},
    share: total === 0 ? 0 : counts[i]! / total,
    expectedShare: expected.get(name) ?? 0,
  }));
  const ratios = shards.map(({share, expectedShare}) => (expectedShare === 0 ? 1 : share / expectedShare));
  const variation = Math.sqrt(ratios.reduce((sum, ratio) => sum + (ratio - 1) ** 2, 0) / ratios.length);
  return {keys: total, shards, maxToExpected: Math.max(...ratios), variation};
}

/** Keys as applications write them, the same in every run: sessions, users, carts in braces, numbers. */
export function* syntheticKeys(count: number): Generator<Buffer> {
  let state = 1;
  for (let i = 0; i < count; i++) {
    // A linear congruential generator (Numerical Recipes): all that matters is that names differ.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const id = state.toString(36);
    yield Buffer.from([`user:${id}`, `session:${id}${i}`, `cart:{${id}}:items`, `${state}`][i % 4]!);
  }
}
