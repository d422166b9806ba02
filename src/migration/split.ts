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
 * Seconds per unit of a whole safe run, two servers and rtopo on two cores: the rates that a plan assumes for copying, and for replication
 * what fits the ratios that `bench/split.mjs` found. Copying: read, sent, read back, compared, compared again and deleted at the source.
 * Replication: a snapshot of all that the parent holds, and its loading; then each child drops what it does not own, and checksums are
 * compared in place of values. On one machine that is half as much again as copying: it pays where values would pass a thin line to rtopo.
 */
export const COSTS = {
  copyKey: 13.3e-6,
  copyByte: 16e-9,
  /** The master waits for more replicas before it makes a snapshot for them: five seconds as it comes. */
  attachSeconds: 6,
  snapshotKey: 2e-6,
  snapshotByte: 7e-9,
  dropKey: 3e-6,
  compareKey: 12.5e-6,
  compareByte: 10e-9,
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

type Counted = Pick<Census, 'matrix' | 'loads'>;

export interface Asked {
  readonly change: Pick<Change, 'nodes'>;
  readonly census: Counted;
  readonly wanted: Wanted;
  /** Bytes per second between rtopo and the servers, there and back; null: not measured. Copies pass through rtopo, a replica's do not. */
  readonly linkBytesPerSecond: number | null;
}

export function chooseWay(asked: Asked): Way {
  const {change, census, wanted, linkBytesPerSecond} = asked;
  const family = parentage(change, census.matrix);
  const copySeconds = copyEstimate(census, linkBytesPerSecond);
  const replicateSeconds = family.why === null ? replicateEstimate(census, change, family.children) : null;
  const estimate = {copySeconds, replicateSeconds};
  if (family.why !== null || replicateSeconds === null)
    return {...estimate, via: 'copy', why: `Keys are copied: ${family.why}.`};
  const isCheaper = replicateSeconds < copySeconds;
  const via = wanted === 'auto' ? (isCheaper ? 'replicate' : 'copy') : wanted;
  const why = whyOf(asked, {via, copySeconds, replicateSeconds});
  return {...estimate, via, why};
}

function whyOf(
  {wanted, linkBytesPerSecond, census: {matrix}}: Asked,
  {via, copySeconds, replicateSeconds}: Omit<Way, 'why'> & {readonly replicateSeconds: number},
): string {
  const line =
    linkBytesPerSecond !== null && copySeconds > workSeconds(matrix)
      ? ` over a line of ${Math.max(1, Math.round(linkBytesPerSecond / 1e6))} MB/s`
      : '';
  const compared =
    `copying the keys that move would take about ${spell(copySeconds)}${line}, ` +
    `replicating everything and dropping the rest about ${spell(replicateSeconds)}`;
  const asked = wanted === 'auto' ? '' : ', as asked for';
  return via === 'replicate'
    ? `New shards are filled as replicas${asked}: ${compared}.`
    : `Keys are copied${asked}: ${compared}.`;
}

const spell = (seconds: number): string =>
  seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;

function workSeconds(matrix: readonly MatrixCell[]): number {
  return matrix.reduce((sum, {keys, bytes}) => sum + keys * COSTS.copyKey + bytes * COSTS.copyByte, 0);
}

function copyEstimate({matrix}: Counted, linkBytesPerSecond: number | null): number {
  const bytes = matrix.reduce((sum, cell) => sum + cell.bytes, 0);
  // A value comes from its source, goes to its target, and is read back from there.
  return Math.max(workSeconds(matrix), linkBytesPerSecond === null ? 0 : (3 * bytes) / linkBytesPerSecond);
}

/** Children of one parent share its snapshot and load it side by side; the comparing passes through rtopo, one after the other. */
function replicateEstimate(
  {matrix, loads}: Counted,
  {nodes}: Pick<Change, 'nodes'>,
  children: readonly Child[],
): number {
  let [fill, compare] = [0, 0];
  for (const {child, parent} of children) {
    const cells = matrix.filter(({to}) => to === nodes[child]!.name);
    const [moved, movedBytes] = [
      cells.reduce((sum, {keys}) => sum + keys, 0),
      cells.reduce((sum, {bytes}) => sum + bytes, 0),
    ];
    const held = loads.find(({name}) => name === nodes[parent]!.name)?.keys ?? moved;
    const heldBytes = moved === 0 ? 0 : (movedBytes / moved) * held;
    const snapshot = held * COSTS.snapshotKey + heldBytes * COSTS.snapshotByte;
    fill = Math.max(fill, snapshot + (held - moved) * COSTS.dropKey);
    compare += moved * COSTS.compareKey + movedBytes * COSTS.compareByte;
  }
  const others = matrix.filter(({to}) => !children.some(({child}) => nodes[child]!.name === to));
  return COSTS.attachSeconds + fill + compare + workSeconds(others);
}
