/**
 * What schemes ask of the weights of shards.
 */
import type {ShardIdentity} from './placement.js';
import {type Problems, quoted} from './problems.js';

/** Each shard's share of the keys by weight, 0 to 1, by name. All 0 when no shard has a weight. */
export function weightShares(shards: readonly ShardIdentity[]): ReadonlyMap<string, number> {
  const total = totalWeight(shards);
  return new Map(shards.map((shard) => [shard.name, total === 0 ? 0 : shard.weight / total]));
}

export function totalWeight(shards: readonly ShardIdentity[]): number {
  return shards.reduce((sum, shard) => sum + shard.weight, 0);
}

/** For schemes that count in whole weights, as the clients do. */
export function requireWholeWeights(scheme: string, shards: readonly ShardIdentity[], problems: Problems): void {
  shards.forEach(({name, weight}, index) => {
    if (Number.isSafeInteger(weight) && weight >= 1) return;
    const why = `Scheme ${scheme} needs whole weights of 1 or more`;
    problems.inShard(index, 'weight', `${why}, and shard ${quoted(name)} has ${weight}.`);
  });
}

/** For schemes, or options, that assign keys by name: a warning per weight that was declared in vain. */
export function idleWeights(reason: string, shards: readonly ShardIdentity[]): string[] {
  return shards
    .filter((shard) => shard.weight !== 1)
    .map((shard) => `The weight ${shard.weight} of shard ${quoted(shard.name)} has no effect: ${reason}.`);
}
