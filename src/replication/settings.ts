/** Pure: configuration that the topology file declares, held against what the servers have. */
import {addressText, type Instance, type Shard} from '../topology/types.js';

/** One parameter that is to be changed, by the name that CONFIG knows it by. */
export interface Setting {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** CONFIG GET of one server, by name. A name that it does not have is absent. */
export type LiveConfig = ReadonlyMap<string, string>;

export const PRIORITY = 'replica-priority';
export const MIN_REPLICAS = 'min-replicas-to-write';
export const MAX_LAG = 'min-replicas-max-lag';
export const DECLARABLE = [PRIORITY, MIN_REPLICAS, MAX_LAG];

/**
 * So high that no shard has as many replicas: somebody holds writers off, and to lower it would let them in again.
 * The topology file allows no such number.
 */
export const FENCE_FROM = 1001;

/** What the file wants of an instance. The priority is its own; the replicas that writes need are the master's affair. */
export function declaredSettings(shard: Shard, instance: Instance): readonly {name: string; value: number}[] {
  const {minReplicas} = shard;
  const forMaster = instance === shard.master && minReplicas !== undefined;
  return [
    ...(instance.priority === null ? [] : [{name: PRIORITY, value: instance.priority}]),
    ...(forMaster ? [{name: MIN_REPLICAS, value: minReplicas.toWrite}] : []),
    ...(forMaster && minReplicas.maxLagSeconds !== null ? [{name: MAX_LAG, value: minReplicas.maxLagSeconds}] : []),
  ];
}

/** The declared settings that a server does not have yet. One that it does not know is left out: `unreadable` says so. */
export function pendingSettings(shard: Shard, instance: Instance, live: LiveConfig): readonly Setting[] {
  return declaredSettings(shard, instance).flatMap(({name, value}) => {
    const from = live.get(name);
    return from === undefined || from === String(value) ? [] : [{name, from, to: String(value)}];
  });
}

/** Replicas that are declared to follow the master itself: the only ones that count for its writes. */
export function directReplicas(shard: Shard): readonly Instance[] {
  const master = addressText(shard.master.address);
  return shard.replicas.filter(({of}) => of !== null && addressText(of) === master);
}
