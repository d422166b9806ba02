/** What will hurt later in a design of shards: not wrong today, but expensive on the day something changes. */
import {balanceOf, syntheticKeys} from './compare.js';
import type {Placement} from './placement.js';
import {listed, quoted} from './problems.js';

/** One thing to know, with what to do about it. Stable codes, for scripts. */
export interface DesignFinding {
  readonly code: 'ADDRESS_IS_IDENTITY' | 'ORDER_IS_IDENTITY' | 'RESHUFFLES' | 'UNEVEN' | 'PLACEMENT_WARNING';
  readonly message: string;
  readonly remedy: string;
}

export interface JudgedShard {
  readonly name: string;
  readonly node: string;
  readonly host: string;
  readonly port: number;
}

/** The fullest shard may have so much more than its part before it is worth a word. */
const tolerated = 1.2;
const judgedKeys = 50_000;

/** `shards` in the order of the placement. A single shard has nothing to place. */
export function judgeDesign(placement: Placement, shards: readonly JudgedShard[]): DesignFinding[] {
  if (shards.length < 2) return [];
  const {identity, movement} = placement.traits;
  const found: DesignFinding[] = placement.warnings.map((message) => ({
    ...{code: 'PLACEMENT_WARNING', message},
    remedy: `docs/schemes.md, section ${placement.scheme}`,
  }));
  const bound = shards.filter((shard) => identity === 'node' && holdsAddress(shard));
  if (bound.length > 0)
    found.push({
      code: 'ADDRESS_IS_IDENTITY',
      message: `The ring knows ${listed(bound.map(({name}) => quoted(name)))} by the address: a new address of a server moves its keys.`,
      remedy:
        'Give the client names where it takes them. Where it does not, keep the node: when the address changes, and move the name in DNS instead.',
    });
  if (identity === 'order')
    found.push({
      code: 'ORDER_IS_IDENTITY',
      message:
        'Shards are known by their place in the list: one that is taken out, or put between others, moves keys of all behind it.',
      remedy: 'Add and remove at the end only, and keep the order of every client the same.',
    });
  if (movement === 'reshuffling')
    found.push({
      code: 'RESHUFFLES',
      message: `One shard more moves about ${shards.length} in ${shards.length + 1} keys.`,
      remedy:
        'Count it first: rtopo locate --to FILE. A ring moves 1 in N: rtopo rebalance --to FILE changes the scheme.',
    });
  const {maxToExpected, shards: balance} = balanceOf(placement, syntheticKeys(judgedKeys));
  const fullest = balance.find(({share, expectedShare}) => share / expectedShare === maxToExpected);
  if (placement.traits.assignedBy === null && maxToExpected > tolerated && fullest !== undefined)
    found.push({
      code: 'UNEVEN',
      message: `Shard ${quoted(fullest.name)} gets ${maxToExpected.toFixed(2)} times its part of the keys.`,
      remedy: 'rtopo locate --balance draws it; a lower weight, or another node string, changes it and moves keys.',
    });
  return found;
}

/** `host:port`, or a URL around it, or the host itself, as the client hashes it. */
function holdsAddress({node, host, port}: JudgedShard): boolean {
  const bracketed = host.includes(':') ? `[${host}]` : host;
  // With nothing behind the port that would make it another one.
  return node === host || [host, bracketed].some((place) => `${node}/`.includes(`${place}:${port}/`));
}
