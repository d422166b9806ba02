/** `locate --check`: the owner of each key beside the servers that hold it. */
import {isElsewhere, type LocatedKey, type LocateOptions, type Locating, locateKeys} from '../report/locate.js';
import type {Topology} from '../topology/types.js';
import {Whereabouts} from './whereabouts.js';

export interface KeyCheck {
  readonly topology: Topology;
  readonly timeoutMs: number;
  readonly options: LocateOptions;
}

export interface CheckedKeys {
  /** What `work` gave. */
  readonly located: readonly LocatedKey[];
  readonly checked: number;
  /** Keys that exist, and not on their owner alone. */
  readonly elsewhere: number;
  /** Keys that no server holds. */
  readonly absent: number;
}

/** `work` asks as often as it likes. @throws RtopoError exit 5 when a master cannot be asked */
export async function checkKeys(
  {topology, timeoutMs, options}: KeyCheck,
  work: (locate: Locating) => Promise<readonly LocatedKey[]>,
): Promise<CheckedKeys> {
  let [checked, elsewhere, absent] = [0, 0, 0];
  const whereabouts = await Whereabouts.open(topology, timeoutMs);
  try {
    const located = await work(async (keys) => {
      const found = await whereabouts.of(keys);
      const some = locateKeys(keys, options).keys.map((one, i) => ({...one, foundOn: found[i]!}));
      checked += some.length;
      elsewhere += some.filter(isElsewhere).length;
      absent += some.filter(({foundOn}) => foundOn.length === 0).length;
      return some;
    });
    return {located, checked, elsewhere, absent};
  } finally {
    whereabouts.close();
  }
}
