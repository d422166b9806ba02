/**
 * Are all keys counted before a move, or some of them? Counting reads every name once more than copying needs. It pays where it can find
 * something that is better known before: a name that is taken, a key where it does not belong, a shard that has one parent.
 */
import {type Census, type CensusOptions, takeCensus} from './census.js';
import type {Node} from './nodes.js';
import type {Change} from './plan.js';
import type {Settings} from './records.js';
import {parentage} from './split.js';

/** As asked for, or `auto`: a sample where a count of all keys would tell nothing more than their number. */
export type Estimating = Census['method'] | 'auto';

/** So many keys are counted in a second or two: always. */
export const COUNTED_ANYWAY = 200_000;

export interface EstimateOptions extends Omit<CensusOptions, 'method' | 'keepStrays'> {
  readonly estimate: Estimating;
  readonly settings: Pick<Settings, 'strays' | 'onConflict'>;
  /** Default `COUNTED_ANYWAY`. */
  readonly countedAnyway?: number;
}

export async function countOrSample(
  change: Change,
  nodes: readonly Node[],
  {estimate, settings, countedAnyway = COUNTED_ANYWAY, ...options}: EstimateOptions,
): Promise<Census> {
  const take = (method: Census['method']): Promise<Census> =>
    takeCensus(change, nodes, {...options, method, keepStrays: settings.strays === 'keep'});
  if (estimate !== 'auto') return take(estimate);
  const keys = nodes.reduce((sum, {facts}) => sum + facts.keys, 0);
  if (keys <= countedAnyway || concernsSingleKeys(settings) !== null) return take('exact');
  const sample = await take('sample');
  return tellsEnough(sample, change, nodes) ? sample : take('exact');
}

/** The setting that cannot be decided by looking at some of the keys, as it is typed; null: none. */
export function concernsSingleKeys({onConflict, strays}: EstimateOptions['settings']): string | null {
  if (onConflict !== 'fail') return `--on-conflict ${onConflict}`;
  return strays === 'move' ? null : `--strays ${strays}`;
}

/** Keys come to empty servers only, where no name is taken; nothing is misplaced; and copying is the only way for them. */
function tellsEnough({moving, strays, matrix}: Census, change: Change, nodes: readonly Node[]): boolean {
  const receiving = new Set(matrix.map(({to}) => to));
  const isEmptyTarget = nodes.every(({name, facts}) => !receiving.has(name) || facts.keys === 0);
  return moving > 0 && strays === 0 && isEmptyTarget && parentage(change, matrix).why !== null;
}
