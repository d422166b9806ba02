/**
 * How many keys a change must move at least, whatever the scheme: the yardstick beside the keys that a plan really moves.
 */
import type {ShardIdentity} from './placement.js';
import {weightShares} from './weights.js';

/** The share of the keys, 0 to 1, that must move so that shards of the same name hold their new share: what the winners win. */
export function theoreticalMinimumShare(from: readonly ShardIdentity[], to: readonly ShardIdentity[]): number {
  const before = weightShares(from);
  let share = 0;
  for (const [name, after] of weightShares(to)) share += Math.max(0, after - (before.get(name) ?? 0));
  return share;
}
