/** Pure: what a change of topology means for the keys. A key moves when the server it is found on is not the one that will own it. */
import {refusal} from '../errors.js';
import {theoreticalMinimumShare} from '../placement/movement.js';
import {NO_OWNER, type Placement, type ShardIdentity} from '../placement/placement.js';
import {addressText, type Instance, type Topology} from '../topology/types.js';

/** One side of a change. `text` is the file as it is, or as it will be. */
export interface Side {
  readonly text: string;
  readonly topology: Topology;
  readonly placement: Placement;
}

/** A master that takes part, on either side of the change or on both. */
export interface NodeSpec {
  /** Shard name: the new one where there is one. */
  readonly name: string;
  readonly instance: Instance;
  readonly inFrom: boolean;
  readonly inTo: boolean;
}

export interface Change {
  readonly from: Side;
  readonly to: Side;
  /** Sources first seen in the old topology, then the joining ones. Index = node number in everything that follows. */
  readonly nodes: readonly NodeSpec[];
  /** Node number of each shard of the new placement, by shard index. */
  readonly ownerNode: readonly number[];
  /** Node number of each shard of the old placement, by shard index. */
  readonly formerNode: readonly number[];
  /** Share of the keys that any scheme would have to move for this change of weights; 0 to 1. */
  readonly minimumShare: number;
}

/** @throws RtopoError exit 3 when a shard keeps its name and changes its address: that is replication, not a move of keys */
export function planChange(from: Side, to: Side): Change {
  for (const shard of to.topology.shards) {
    const former = from.topology.shards.find(({name}) => name === shard.name);
    if (former === undefined || addressText(former.master.address) === addressText(shard.master.address)) continue;
    throw refusal({
      code: 'ADDRESS_CHANGED',
      message:
        `Shard ${shard.name} keeps its name and moves from ${addressText(former.master.address)} to ${addressText(shard.master.address)}. ` +
        'No key changes its shard by that, so it is done by replication and not by copying keys.',
      remedy: `declare ${addressText(shard.master.address)} as a replica of shard ${shard.name}, run rtopo replicate, then make it the master`,
    });
  }
  const nodes: NodeSpec[] = from.topology.shards.map(({name, master}) => {
    const kept = to.topology.shards.find((shard) => addressText(shard.master.address) === addressText(master.address));
    return {name: kept?.name ?? name, instance: master, inFrom: true, inTo: kept !== undefined};
  });
  for (const {name, master} of to.topology.shards) {
    if (nodes.some(({instance}) => addressText(instance.address) === addressText(master.address))) continue;
    nodes.push({name, instance: master, inFrom: false, inTo: true});
  }
  const numberOf = (instance: Instance): number =>
    nodes.findIndex((node) => addressText(node.instance.address) === addressText(instance.address));
  const ownerNode = to.topology.shards.map(({master}) => numberOf(master));
  const formerNode = from.topology.shards.map(({master}) => numberOf(master));
  return {
    ...{from, to, nodes, ownerNode, formerNode},
    minimumShare: theoreticalMinimumShare(byNode(from, formerNode), byNode(to, ownerNode)),
  };
}

/** Shares are compared by server: a shard that only gets another name wins nothing. */
function byNode({placement}: Side, numbers: readonly number[]): ShardIdentity[] {
  return placement.shards.map((shard, i) => ({...shard, name: String(numbers[i])}));
}

/** A node that holds the key in question. */
type Holder = Pick<NodeSpec, 'inTo'> & {readonly number: number};

/**
 * Node number of the future owner of a key. A key that the clients of the new placement place nowhere stays where it is:
 * only a person can say what it is for. Throws `KEY_UNPLACED` where it cannot stay.
 */
export function ownerOf(change: Change, key: Buffer, holder: Holder): number {
  return ownerInRange(change, holder, key, 0, key.length);
}

/** The same for the key `bytes[start, end)`. */
export function ownerInRange(change: Change, holder: Holder, bytes: Buffer, start: number, end: number): number {
  const owner = change.to.placement.ownerIndex(bytes, start, end);
  if (owner !== NO_OWNER) return change.ownerNode[owner]!;
  // It throws: there is no owner.
  if (!holder.inTo) change.to.placement.ownerOf(bytes.subarray(start, end));
  return holder.number;
}

/** Node number of the present owner of a key, by the old placement; `holder` where that places it nowhere. */
export function formerOwnerOf(change: Change, key: Buffer, holder: Holder): number {
  return formerOwnerInRange(change, holder, key, 0, key.length);
}

/** The same for the key `bytes[start, end)`. */
export function formerOwnerInRange(change: Change, holder: Holder, bytes: Buffer, start: number, end: number): number {
  const owner = change.from.placement.ownerIndex(bytes, start, end);
  return owner === NO_OWNER ? holder.number : change.formerNode[owner]!;
}
