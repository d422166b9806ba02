/** Pure: where it is worth asking further. A healthy topology gives an empty list, so that its status stays fast. */
import {addressText, type Instance, type Topology} from '../topology/types.js';
import {liveParent, type Node, nodesOf, parentOf} from './graph.js';
import {linkStatus, rootOf} from './link-status.js';
import type {Observation} from './observe.js';
import {liveParentText} from './subject.js';

export interface Suspects {
  /** Links that are not up between two servers that answer. */
  readonly links: readonly {readonly child: Instance; readonly parent: Instance}[];
  /** Roots behind which somebody lags. */
  readonly roots: readonly Instance[];
  /** Servers that have subscribers, as each Sentinel is one, or do not have their declared role. */
  readonly sentinels: readonly Instance[];
  /** Servers that will have to be given orders. */
  readonly orders: readonly Instance[];
}

export function suspectsOf(topology: Topology, observation: Observation): Suspects {
  const links: {child: Instance; parent: Instance}[] = [];
  const [roots, sentinels, orders] = [new Set<Instance>(), new Set<Instance>(), new Set<Instance>()];
  for (const shard of topology.shards) {
    const nodes = nodesOf(shard, observation);
    for (const node of nodes) {
      const {facts, instance} = node;
      if (facts === null) continue;
      const answered = {shard, node, nodes, facts};
      const expected = instance === shard.master ? null : addressText(parentOf(shard, instance).address);
      const misplaced = liveParentText(answered) !== expected;
      const {link, lagBytes} = linkStatus(answered);
      const parent = liveParent(node, nodes);
      if (facts.role.kind === 'replica' && parent !== null && isProbed(link, parent))
        links.push({child: instance, parent: parent.instance});
      if (lagBytes !== null && lagBytes > 0) roots.add(rootOf(node, nodes)!.instance);
      if (misplaced || (facts.channels ?? 0) > 0) sentinels.add(instance);
      if (misplaced) orders.add(instance);
    }
  }
  return {links, roots: [...roots], sentinels: [...sentinels], orders: [...orders]};
}

/** Nothing can be asked of a parent that is silent, and nothing has to be of one that is loading. */
function isProbed(link: string | null, parent: Node): boolean {
  return (link === 'down' || link === 'connecting') && parent.facts !== null && !parent.facts.loading;
}
