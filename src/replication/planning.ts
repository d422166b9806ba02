/** What is to be done, and everything that speaks against it: observed, planned, read and judged. Changes nothing. */
import type {RtopoError} from '../errors.js';
import {isAbandoned} from '../journal/lock.js';
import type {Finding} from '../report/finding.js';
import type {Refusal} from '../report/replicate.js';
import {type Address, addressText, type Instance, type Topology} from '../topology/types.js';
import {staleCopies} from './lock-copies.js';
import {factsOf, type Observation, observeTopology} from './observe.js';
import {type Plan, planReplication, type ShardPlan, type Step} from './plan.js';
import {concernedIn, preflight, trialsOf, withSettings} from './preflight.js';
import {proveOrders} from './prove.js';
import {type Reading, readOne} from './reading.js';
import type {ReplicateTold} from './replicate-record.js';

export interface PlanningOptions {
  readonly topology: Topology;
  readonly discard: readonly Address[];
  readonly commandTimeoutMs: number;
  /** Runs that died before they came to their end, newest first. */
  readonly unfinished?: readonly ReplicateTold[];
}

export interface Planned {
  readonly plan: Plan;
  readonly observation: Observation;
  readonly warnings: readonly Finding[];
}

type Readings = Map<string, Reading>;

/** @throws RtopoError exit 5 when a server goes away that was there a moment ago */
export async function makePlan(options: PlanningOptions): Promise<Planned> {
  const {topology, discard, commandTimeoutMs, unfinished = []} = options;
  const observation = await observeTopology(topology, commandTimeoutMs);
  const owed = owedBy(unfinished);
  const sketch = planReplication({topology, observation, discard, owed});
  const readings: Readings = new Map();
  const [latest] = unfinished;
  const answering = (instances: readonly Instance[]) => instances.filter((one) => factsOf(observation, one) !== null);
  await readAll(answering(withSettings(topology)), {readings, plans: sketch.considered, commandTimeoutMs});
  const config = new Map(
    [...readings].flatMap(([at, one]) => (one.config === null ? [] : [[at, one.config] as const])),
  );
  const plan = planReplication({topology, observation, discard, config, owed});
  // Whatever has steps only now, or other ones, is asked what it would say to them.
  const concerned = plan.considered.flatMap(concernedIn);
  await readAll(answering(concerned), {readings, plans: plan.considered, commandTimeoutMs});
  if (latest !== undefined) withoutLockOf(latest.id, readings);
  const lockAt = ({address}: Instance) => readings.get(addressText(address))?.lock;
  for (const at of staleCopies(topology.shards, observation, lockAt)) unlock(at, readings);
  const judged = preflight({topology, plan, observation, readings});
  const refused = [...plan.refused, ...judged.refused];
  const unproved = await proveOrders({shards: provable(plan.considered, refused)}, topology, commandTimeoutMs);
  return {
    plan: {...plan, refused: [...refused, ...unproved.filter((one) => !isSaid(refused, one))]},
    observation,
    warnings: judged.warnings,
  };
}

/** By address: what was ordered there, and may not have been written into the config file. */
function owedBy(unfinished: readonly ReplicateTold[]): ReadonlyMap<string, readonly Step['do'][]> {
  const owed = new Map<string, Step['do'][]>();
  for (const {instance, what} of unfinished.flatMap((told) => told.owed))
    owed.set(instance, [...(owed.get(instance) ?? []), what === 'undo' ? 'replicate-from' : what]);
  return owed;
}

/** The lock of a dead process is taken over together with its operation, so it stands in nobody's way. */
function withoutLockOf(operation: string, readings: Readings): void {
  for (const [at, {lock}] of readings) {
    if (lock !== null && isAbandoned(lock, operation)) unlock(at, readings);
  }
}

const unlock = (at: string, readings: Readings): unknown => readings.set(at, {...readings.get(at)!, lock: null});

async function readAll(
  instances: readonly Instance[],
  {readings, plans, commandTimeoutMs}: {readings: Readings; plans: readonly ShardPlan[]; commandTimeoutMs: number},
): Promise<void> {
  await Promise.all(
    [...new Set(instances)].map(async (instance) => {
      const trials = plans.flatMap((plan) => trialsOf(plan, instance));
      const at = addressText(instance.address);
      if (readings.has(at) && trials.length === 0) return;
      const reading = await readOne(instance, trials, commandTimeoutMs);
      if (reading !== null) readings.set(at, reading);
    }),
  );
}

/** Of such a server nobody knows who it is: no login is tried on it, nor on its account. */
const DOUBTFUL = ['INFO_TAMPERED', 'NOT_A_DATA_SERVER', 'CLUSTER_ENABLED', 'SAME_INSTANCE', 'LOOPBACK_PEER'];

/** Steps whose servers are what they are taken for, so that the secret of replicas may be tried on them. */
function provable(plans: readonly ShardPlan[], refused: readonly Refusal[]): ShardPlan[] {
  const doubtful = new Set(refused.filter(({code}) => DOUBTFUL.includes(code)).map(({instance}) => instance));
  const isDoubtful = ({address}: Instance): boolean => doubtful.has(addressText(address));
  return plans.map(({shard, steps}) => ({
    shard,
    steps: steps.filter(
      (step) => !isDoubtful(step.instance) && !(step.do === 'replicate-from' && isDoubtful(step.parent)),
    ),
  }));
}

/** A managed service has no REPLICAOF either: said once. */
function isSaid(refused: readonly Refusal[], {code, instance}: Refusal): boolean {
  return (
    code === 'REPLICAOF_DISABLED' && refused.some((one) => one.code === 'MANAGED_SERVICE' && one.instance === instance)
  );
}

/** Why an instance could not be asked, as `unreachable` of the report has it. */
export function unreachableOf({instance, fault}: {instance: string; fault: RtopoError}) {
  const remedy = fault.remedy ?? `mend ${instance}, then: rtopo replicate`;
  return {instance, code: fault.code, message: fault.message, remedy};
}
