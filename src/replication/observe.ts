/** Asks every declared instance at once. The result is what judge and plan reason about; nothing here changes a server. */
import type {RtopoError} from '../errors.js';
import {endpointOf} from '../redis/connect.js';
import {type Observed, observeAll} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText, allInstances, type Instance, type Topology} from '../topology/types.js';

export interface Observation {
  /** By `addressText` of the declared instance. */
  readonly byAddress: ReadonlyMap<string, Observed>;
  /** From the first question to the last answer, in milliseconds. */
  readonly sampledMs: number;
}

export async function observeTopology(topology: Topology, timeoutMs: number): Promise<Observation> {
  const started = Date.now();
  const instances = allInstances(topology).map(({instance}) => instance);
  const answers = await observeAll(instances.map(endpointOf), timeoutMs);
  const byAddress = new Map(instances.map((instance, i) => [addressText(instance.address), answers[i]!]));
  return {byAddress, sampledMs: Date.now() - started};
}

/** The facts of a declared instance, or null when it did not answer. */
/** Why it said nothing of itself; null where it did, or was not asked. */
export function faultOf(observation: Observation, instance: Instance): RtopoError | null {
  const observed = observation.byAddress.get(addressText(instance.address));
  return observed === undefined || observed.reachable ? null : observed.fault;
}

export function factsOf(observation: Observation, instance: Instance): ServerFacts | null {
  const observed = observation.byAddress.get(addressText(instance.address));
  return observed?.reachable ? observed.facts : null;
}
