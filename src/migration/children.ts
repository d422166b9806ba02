/** Pure: the servers of an operation that are filled as replicas, and how far that is. */
import type {Node} from './nodes.js';
import type {Operation} from './operation.js';
import {parentage} from './split.js';

export interface Pair {
  readonly child: Node;
  readonly parent: Node;
}

/** Children of this operation, whether or not they are filled already. */
export function pairsOf({
  settings,
  change,
  matrix,
  nodes,
}: Pick<Operation, 'settings' | 'change' | 'matrix' | 'nodes'>): Pair[] {
  if (settings.via !== 'replicate') return [];
  return parentage(change, matrix).children.map(({child, parent}) => ({child: nodes[child]!, parent: nodes[parent]!}));
}

/** Those that are still to be filled. */
export function pendingPairs(operation: Operation): Pair[] {
  return operation.isSplit || operation.hasCutOver ? [] : pairsOf(operation);
}

/** Is this node filled by replication, and not in use yet? */
export function isChild(operation: Operation, number: number): boolean {
  return !operation.hasCutOver && pairsOf(operation).some(({child}) => child.number === number);
}
