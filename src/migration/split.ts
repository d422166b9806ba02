/**
 * Pure: a shard that is split. A joining shard whose keys all come from one server can be filled as a replica of it, and then drop what
 * it does not own, instead of being given its keys one by one. Whether that pays is an estimate, and said.
 */
import type {Census} from './census.js';
import type {Change} from './plan.js';
import type {MatrixCell} from './records.js';

/** Node numbers: a joining server, and the only one that gives it keys. */
export interface Child {
  readonly child: number;
  readonly parent: number;
}

export type Parentage =
  | {readonly children: readonly Child[]; readonly why: null}
  /** Why it cannot be done by replication: the end of a sentence. */
  | {readonly children: readonly []; readonly why: string};

export function parentage({nodes}: Pick<Change, 'nodes'>, matrix: readonly MatrixCell[]): Parentage {
  const children: Child[] = [];
  for (const [child, {name, inFrom}] of nodes.entries()) {
    const from = inFrom ? [] : [...new Set(matrix.filter(({to}) => to === name).map((cell) => cell.from))];
    if (from.length > 1) return {children: [], why: `shard ${name} gets keys from ${from.join(' and ')}`};
    const parent = nodes.findIndex((node) => node.inFrom && node.name === from[0]);
    if (parent !== -1) children.push({child, parent});
  }
  return children.length === 0 ? {children: [], why: 'no joining shard gets keys'} : {children, why: null};
}

/**
 * Seconds per unit of a whole safe run on two cores of one machine, two servers and rtopo on it; `bench/split.mjs` measures them.
 * Copying: read, sent, read back, compared, compared again and deleted at the source. Replication: a snapshot of all the parent holds
 * and its loading; then each child drops what it does not own, and checksums are compared in place of values.
 */
export const COSTS = {
  copyKey: 15e-6,
  copyByte: 16e-9,
  /** The master waits so long for more replicas before it makes a snapshot for them. */
  attachSeconds: 6,
  snapshotKey: 2e-6,
  snapshotByte: 8e-9,
  dropKey: 3e-6,
  compareKey: 12e-6,
  compareByte: 6e-9,
} as const;

export interface Estimate {
  readonly copySeconds: number;
  /** Null: not possible. */
  readonly replicateSeconds: number | null;
}

export interface Way extends Estimate {
  readonly via: 'copy' | 'replicate';
  /** A sentence. */
  readonly why: string;
}

export type Wanted = 'auto' | 'copy' | 'replicate';

type Counted = Pick<Census, 'matrix' | 'loads' | 'strays' | 'moving'>;

export interface Asked {
  readonly change: Pick<Change, 'nodes'>;
  readonly census: Counted;
  readonly wanted: Wanted;
  /** Bytes per second between rtopo and the servers, there and back; null: not measured. Copies pass through rtopo, a replica's do not. */
  readonly linkBytesPerSecond: number | null;
}

export function chooseWay({change, census, wanted, linkBytesPerSecond}: Asked): Way {
  const family = parentage(change, census.matrix);
  const copySeconds = copyEstimate(census, linkBytesPerSecond);
  const replicateSeconds = family.why === null ? replicateEstimate(census, change, family.children) : null;
  const estimate = {copySeconds, replicateSeconds};
  if (family.why !== null || replicateSeconds === null)
    return {...estimate, via: 'copy', why: `Keys are copied: ${family.why}.`};
  const isCheaper = replicateSeconds < copySeconds;
  const via = wanted === 'auto' ? (isCheaper ? 'replicate' : 'copy') : wanted;
  return {...estimate, via, why: whyOf({via, wanted, copySeconds, replicateSeconds})};
}

function whyOf(way: {via: Way['via']; wanted: Wanted; copySeconds: number; replicateSeconds: number}): string {
  const {via, wanted, copySeconds, replicateSeconds} = way;
  const [copy, replicate] = [spell(copySeconds), spell(replicateSeconds)];
  const compared = `copying the keys that move would take about ${copy}, replicating everything and dropping the rest about ${replicate}`;
  const asked = wanted === 'auto' ? '' : ', as asked for';
  return via === 'replicate'
    ? `New shards are filled as replicas${asked}: ${compared}.`
    : `Keys are copied${asked}: ${compared}.`;
}

const spell = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

function copyEstimate({matrix}: Counted, linkBytesPerSecond: number | null): number {
  const keys = matrix.reduce((sum, cell) => sum + cell.keys, 0);
  const bytes = matrix.reduce((sum, cell) => sum + cell.bytes, 0);
  const work = keys * COSTS.copyKey + bytes * COSTS.copyByte;
  // A value comes from its source, goes to its target, and is read back from there.
  return linkBytesPerSecond === null ? work : Math.max(work, (3 * bytes) / linkBytesPerSecond);
}

/** Children of one parent share its snapshot, and each works for itself: the slowest family counts. */
function replicateEstimate(
  {matrix, loads}: Counted,
  {nodes}: Pick<Change, 'nodes'>,
  children: readonly Child[],
): number {
  const family = children.map(({child, parent}) => {
    const [to, from] = [nodes[child]!.name, nodes[parent]!.name];
    const moved = matrix.filter((cell) => cell.to === to).reduce((sum, cell) => sum + cell.keys, 0);
    const movedBytes = matrix.filter((cell) => cell.to === to).reduce((sum, cell) => sum + cell.bytes, 0);
    const held = loads.find(({name}) => name === from)?.keys ?? moved;
    const heldBytes = moved === 0 ? 0 : (movedBytes / moved) * held;
    const fill = held * COSTS.snapshotKey + heldBytes * COSTS.snapshotByte;
    return fill + (held - moved) * COSTS.dropKey + moved * COSTS.compareKey + movedBytes * COSTS.compareByte;
  });
  const others = matrix.filter(({to}) => !children.some(({child}) => nodes[child]!.name === to));
  return COSTS.attachSeconds + Math.max(...family) + copyEstimate({matrix: others, loads, strays: 0, moving: 0}, null);
}
