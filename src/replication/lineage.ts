/**
 * Do two data sets belong to one history? The wipe guard and the prediction of a resync both rest on this.
 * Source of the rules: `masterTryPartialResynchronization` and `replicationSetMaster` in Redis' replication.c.
 */
import type {Backlog, Lineage} from '../redis/identity.js';

export type Relation =
  /** Everything the node holds is in the history of the root: making it a replica loses nothing. */
  | {readonly kind: 'same'}
  /** The node went on writing after the histories parted; `bytes` of its own would be lost. */
  | {readonly kind: 'diverged'; readonly bytes: number}
  /** One history, and beside it keys that were written to the node itself while it was a replica; `keys` is at least how many. */
  | {readonly kind: 'local'; readonly keys: number}
  /** No common history is known: everything the node holds may exist nowhere else. */
  | {readonly kind: 'foreign'};

/** How the data of `node` relates to that of `root`, its future source. */
export function relate(node: Lineage, root: Lineage): Relation {
  if (node.replid === '' || root.replid === '') return {kind: 'foreign'};
  if (node.replid === root.replid) return upTo(node.offset, root.offset);
  // The root was promoted out of the node's history: shared up to the byte before `secondOffset`.
  if (node.replid === root.replid2 && root.secondOffset !== null) return upTo(node.offset, root.secondOffset - 1);
  // The node was promoted out of the root's history: what it wrote since is its own. Direction probably reversed.
  if (root.replid === node.replid2 && node.secondOffset !== null)
    return upTo(node.offset, Math.min(root.offset, node.secondOffset - 1));
  return {kind: 'foreign'};
}

function upTo(offset: number, shared: number): Relation {
  return offset <= shared ? {kind: 'same'} : {kind: 'diverged', bytes: offset - shared};
}

/** Will PSYNC of `node` against `root` be answered with +CONTINUE? Only a prediction: the server decides. */
export function predictResync(node: Lineage, root: Lineage, backlog: Backlog | null): 'partial' | 'full' {
  if (backlog === null || node.replid === '') return 'full';
  const next = node.offset + 1;
  const sameHistory =
    node.replid === root.replid ||
    (node.replid === root.replid2 && root.secondOffset !== null && next <= root.secondOffset);
  const covered = backlog.firstOffset <= next && next <= backlog.firstOffset + backlog.lengthBytes;
  return sameHistory && covered ? 'partial' : 'full';
}
