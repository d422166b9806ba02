/** Pure: a shard that keeps its name and gets another master. No key changes its shard by that; the data goes by replication. */
import {escapeText, refusal, usageError} from '../errors.js';
import {parentOf} from '../replication/graph.js';
import type {Fence} from '../replication/handover.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {parseTcpAddress} from '../topology/address.js';
import {diffTopologies} from '../topology/diff.js';
import {masterEntry, replaceMaster} from '../topology/edit-address.js';
import {addressText, type Instance, instancesOf, type Shard, sameAddress, type Topology} from '../topology/types.js';
import type {Side} from './plan.js';
import type {Persisted, RebalanceRecord, Resync} from './records.js';

export interface Replacement {
  readonly shard: string;
  readonly old: Instance;
  readonly next: Instance;
  /** Replicas on both sides of the change that follow the master: they will follow the new one. */
  readonly siblings: readonly Instance[];
}

export interface SplitChange {
  readonly replacements: readonly Replacement[];
  /** The topology file once the addresses are replaced and before any key has moved. Without replacements, what it is now. */
  readonly interim: string;
  /** Nothing but replaced masters: when they are, all is done. */
  readonly isOnlyAddresses: boolean;
}

/** What of a change is done by replication, before what is left is done by moving keys. @throws RtopoError exit 3 `ADDRESS_IN_USE` */
export function splitChange(from: Side, to: Side): SplitChange {
  const replacements = to.topology.shards.flatMap((shard): Replacement[] => {
    const former = from.topology.shards.find(({name}) => name === shard.name);
    if (former === undefined || sameAddress(former.master.address, shard.master.address)) return [];
    return [{shard: shard.name, old: former.master, next: shard.master, siblings: siblingsOf(former, shard)}];
  });
  if (replacements.length === 0) return {replacements, interim: from.text, isOnlyAddresses: false};
  for (const replacement of replacements) assertFree(replacement, from.topology, to.topology);
  const isOnlyAddresses = diffTopologies(from.topology, to.topology).samePlacement;
  const readdress = (text: string, {shard}: Replacement): string =>
    replaceMaster(text, {shard, master: masterEntry(to.text, shard)});
  return {
    replacements,
    interim: isOnlyAddresses ? to.text : replacements.reduce(readdress, from.text),
    isOnlyAddresses,
  };
}

function siblingsOf(former: Shard, shard: Shard): readonly Instance[] {
  const before = former.replicas.map(({address}) => addressText(address));
  return shard.replicas.filter(
    (replica) =>
      before.includes(addressText(replica.address)) &&
      !sameAddress(replica.address, former.master.address) &&
      parentOf(shard, replica) === shard.master,
  );
}

/** Neither end may have another part to play: a server holds the data of one shard. */
function assertFree({shard, old, next}: Replacement, from: Topology, to: Topology): void {
  const usedBy = (topology: Topology, instance: Instance): Shard | undefined =>
    topology.shards.find(
      (one) => one.name !== shard && instancesOf(one).some(({address}) => sameAddress(address, instance.address)),
    );
  const holder = usedBy(from, next);
  const heir = to.shards.find((one) => one.name !== shard && sameAddress(one.master.address, old.address));
  if (holder === undefined && heir === undefined) return;
  const at = addressText(holder === undefined ? old.address : next.address);
  throw refusal({
    code: 'ADDRESS_IN_USE',
    message:
      holder === undefined
        ? `${at}, the master of shard ${shard} so far, is to be that of shard ${heir!.name}: it keeps the data of ${shard}, as a replica, and cannot hold both.`
        : `${at} is to be the master of shard ${shard} and belongs to shard ${holder.name}: it holds the data of that one.`,
    remedy: 'name a server that is free, or make the change in two steps',
  });
}

/** What a journal tells of one replacement. */
export interface ReplaceTold {
  /** The new server was made a replica by this operation: it is ours to take off again. */
  readonly attached: boolean;
  readonly fence: Fence | null;
  readonly promoted: Promoted | null;
  readonly settled: Settled | null;
}

export interface Promoted {
  readonly fencedOffset: number;
  readonly promotedOffset: number;
  readonly writeGapMs: number | null;
  readonly fullSyncs: number | null;
}

export interface Settled {
  readonly resync: Resync;
  readonly persisted: Persisted;
  /** Servers that could not be made to follow the new master. */
  readonly left: readonly Left[];
}

export interface Left {
  readonly instance: string;
  readonly message: string;
}

export const NOTHING_TOLD: ReplaceTold = {attached: false, fence: null, promoted: null, settled: null};

/** Adds what one record says. */
export function retell(told: ReplaceTold, {event}: RebalanceRecord & {type: 'replace'}): ReplaceTold {
  switch (event.did) {
    case 'attach':
      return {...told, attached: true};
    case 'detach':
      // What it was fenced for cannot be finished any more.
      return {...told, attached: false, fence: null};
    case 'fence':
      return {...told, fence: event.fence};
    case 'promote':
      return {...told, promoted: event.promoted};
    case 'settle':
      return {...told, settled: event.settled};
  }
}

/** The part of a report that speaks of replaced masters: nothing when there is none. */
export function replacedReport(
  {replacements}: Pick<SplitChange, 'replacements'>,
  told: ReadonlyMap<string, ReplaceTold>,
): Pick<RebalanceReport, 'replaced'> {
  if (replacements.length === 0) return {};
  return {
    replaced: replacements.map(({shard, old, next}) => {
      const {promoted, settled} = told.get(shard) ?? NOTHING_TOLD;
      return {
        ...{shard, from: addressText(old.address), to: addressText(next.address)},
        ...{fencedOffset: promoted?.fencedOffset ?? null, promotedOffset: promoted?.promotedOffset ?? null},
        writeGapMs: promoted?.writeGapMs ?? null,
        ...{resync: settled?.resync ?? null, persisted: settled?.persisted ?? null, left: settled?.left ?? []},
      };
    }),
  };
}

/** `beta=10.0.0.9:6379`, as it is typed. @throws RtopoError exit 64 */
export function parseReplacement(text: string): {readonly shard: string; readonly master: string} {
  const equals = text.indexOf('=');
  if (equals <= 0) {
    throw usageError({
      message: `--replace takes NAME=ADDRESS; '${escapeText(text)}' is not of that form.`,
      remedy: 'rtopo rebalance --replace beta=127.0.0.1:7009',
    });
  }
  return {shard: text.slice(0, equals), master: addressText(parseTcpAddress(text.slice(equals + 1), '--replace'))};
}
