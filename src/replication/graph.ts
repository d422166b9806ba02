/**
 * Pure: who follows whom. A parent goes by many names (declared, dialled, announced, or whatever NAT makes of it), and every host
 * may use the same port, so names count first, and a match by port alone only where it can mean one instance.
 */
import type {ServerFacts} from '../redis/identity.js';
import type {ListedReplica} from '../redis/info.js';
import {type Address, addressText, type Instance, instancesOf, type Shard} from '../topology/types.js';
import type {Observation} from './observe.js';

/** One declared instance of a shard, with what it said of itself. */
export interface Node {
  readonly instance: Instance;
  /** Null when it did not answer. */
  readonly facts: ServerFacts | null;
  /** Every address it is known by. */
  readonly names: readonly Address[];
}

/** The nodes of a shard, master first. */
export function nodesOf(shard: Shard, observation: Observation): readonly Node[] {
  return instancesOf(shard).map((instance) => {
    const observed = observation.byAddress.get(addressText(instance.address));
    const ip = observed?.reachable ? observed.ip : null;
    return {
      instance,
      facts: observed?.reachable ? observed.facts : null,
      names: ip === null ? namesOf(instance) : [...namesOf(instance), {host: ip, port: instance.address.port}],
    };
  });
}

/** Every declared address of an instance. */
export function namesOf({peer, address, announce}: Instance): readonly Address[] {
  return [peer, address, ...(announce === null ? [] : [announce])];
}

function goesBy(node: Node, {host, port}: Address): boolean {
  return node.names.some((name) => name.port === port && name.host.toLowerCase() === host.toLowerCase());
}

/** The declared instance that this one follows; null for a master, and when it follows somebody else. */
export function liveParent(child: Node, nodes: readonly Node[]): Node | null {
  const {facts} = child;
  if (facts?.role.kind !== 'replica') return null;
  const {role, lineage, linkUp} = facts;
  const others = nodes.filter((node) => node !== child);
  const named = others.find((node) => goesBy(node, role));
  if (named !== undefined || linkUp !== true) return named ?? null;
  // Under a name that nobody declared: one history, and an entry in the parent's own list.
  const same = others.filter(
    (node) => node.facts?.lineage.replid === lineage.replid && listedBy({child, parent: node}, nodes) !== null,
  );
  return same.length === 1 ? same[0]! : null;
}

export interface Link {
  readonly child: Node;
  readonly parent: Node;
}

/** The child's entry in its parent's list; null when there is none, or none that can only mean this child. */
export function listedBy({child, parent}: Link, nodes: readonly Node[]): ListedReplica | null {
  const entries = parent.facts?.replicas ?? [];
  const exact = entries.find((entry) => goesBy(child, entry));
  if (exact !== undefined) return exact;
  const ports = new Set(child.names.map(({port}) => port));
  const strangers = entries.filter((entry) => ports.has(entry.port) && !nodes.some((node) => goesBy(node, entry)));
  const rivals = nodes.filter((node) => node !== child && node !== parent && node.names.some((n) => ports.has(n.port)));
  return strangers.length === 1 && rivals.length === 0 ? strangers[0]! : null;
}

/** Entries of the parent's list that belong to no declared instance, as far as that can be told. */
export function undeclared(parent: Node, nodes: readonly Node[]): readonly ListedReplica[] {
  const known = nodes.map((child) => listedBy({child, parent}, nodes));
  const followers = nodes.filter((child) => liveParent(child, nodes) === parent);
  const spare = followers.filter((child) => listedBy({child, parent}, nodes) === null);
  return (parent.facts?.replicas ?? []).filter(
    (entry) =>
      !known.includes(entry) && !spare.some(({names}) => names.some(({port}) => port === entry.port)) && entry.port > 0,
  );
}

/** The declared parent inside the shard. The parser has made sure that it exists. */
export function parentOf(shard: Shard, replica: Instance): Instance {
  const of = replica.of === null ? null : addressText(replica.of);
  return instancesOf(shard).find((candidate) => addressText(candidate.address) === of) ?? shard.master;
}

/** Replicas from the master outwards, each with its distance from it. */
export function byLevel(shard: Shard): readonly {readonly instance: Instance; readonly level: number}[] {
  const level = (instance: Instance): number => (instance === shard.master ? 0 : 1 + level(parentOf(shard, instance)));
  return shard.replicas.map((instance) => ({instance, level: level(instance)})).sort((a, b) => a.level - b.level);
}
