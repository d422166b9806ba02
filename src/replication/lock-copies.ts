/**
 * Pure. The operation lock is taken on masters and travels to their replicas with the data. A copy outlives its original where the link is
 * down, or has not carried the end of it on yet: such a copy binds nobody.
 */
import {addressText, type Instance, type Shard} from '../topology/types.js';
import {liveParent, type Node, nodesOf} from './graph.js';
import type {Observation} from './observe.js';

/** The lock as it was read there; null when there was none, undefined where nobody asked. */
export type LockAt = (instance: Instance) => string | null | undefined;

/** Instances, by address, whose lock is the copy of one that their master does not hold any more. */
export function staleCopies(shards: readonly Shard[], observation: Observation, lockAt: LockAt): ReadonlySet<string> {
  const stale = shards.flatMap((shard) => {
    const nodes = nodesOf(shard, observation);
    return nodes.filter((node) => {
      const copy = lockAt(node.instance);
      const origin = rootOf(node, nodes);
      if (copy === null || copy === undefined || origin === null || origin === node) return false;
      const held = lockAt(origin.instance);
      return held !== undefined && held !== copy;
    });
  });
  return new Set(stale.map(({instance}) => addressText(instance.address)));
}

/** The master whose data it has in the end; null in a ring, or where the way leads to somebody undeclared. */
function rootOf(node: Node, nodes: readonly Node[]): Node | null {
  const seen = new Set<Node>();
  for (let at: Node | null = node; at !== null && !seen.has(at); at = liveParent(at, nodes)) {
    if (at.facts?.role.kind === 'master') return at;
    seen.add(at);
  }
  return null;
}
