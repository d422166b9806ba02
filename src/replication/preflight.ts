/**
 * Pure: everything beside the histories that may stand in the way of a plan, all of it at once. What would fail, or would do harm
 * that cannot be taken back, is refused; what may hurt later, or only under load, is a warning.
 */
import {LOCK_KEY} from '../journal/lock.js';
import type {Finding} from '../report/finding.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Instance, type Topology} from '../topology/types.js';
import {factsOf, type Observation} from './observe.js';
import type {Plan, ShardPlan, Step} from './plan.js';
import {judgeLink} from './preflight-link.js';
import {judgeServer} from './preflight-server.js';
import type {Reading, Trial} from './reading.js';
import {declaredSettings} from './settings.js';

/** What was found; a refusal lets nothing be changed. */
export interface Judgement {
  readonly refused: readonly Refusal[];
  readonly warnings: readonly Finding[];
}

export interface PreflightInput {
  readonly topology: Topology;
  readonly plan: Plan;
  readonly observation: Observation;
  /** By `addressText`. */
  readonly readings: ReadonlyMap<string, Reading>;
}

export function preflight(input: PreflightInput): Judgement {
  const judgements = input.plan.considered.flatMap((one) => judgeShard(input, one));
  return {
    refused: judgements.flatMap(({refused}) => refused),
    warnings: judgements.flatMap(({warnings}) => warnings),
  };
}

function judgeShard({topology, observation, readings, plan}: PreflightInput, shardPlan: ShardPlan): Judgement[] {
  const {shard} = shardPlan;
  const at = (instance: Instance) => {
    const [facts, reading] = [factsOf(observation, instance), readings.get(addressText(instance.address))];
    return facts === null || reading === undefined ? null : {instance, facts, reading};
  };
  const servers = concernedIn(shardPlan).flatMap((instance) => {
    const server = at(instance);
    if (server === null) return [];
    return [judgeServer({shard, shardPlan, ...server, login: topology.replicationAuth !== null, topology})];
  });
  const links = shardPlan.steps.flatMap((step) => {
    if (step.do !== 'replicate-from') return [];
    const [child, parent, root] = [at(step.instance), at(step.parent), at(shard.master)];
    return child === null || parent === null || root === null
      ? []
      : [judgeLink({shard, step, child, parent, root, plan})];
  });
  return [...servers, ...links];
}

/** Servers that a shard's plan touches or takes data from. */
export function concernedIn({shard, steps}: ShardPlan): Instance[] {
  if (steps.length === 0) return [];
  const ends = steps.flatMap((step) => (step.do === 'replicate-from' ? [step.instance, step.parent] : [step.instance]));
  return [...new Set([shard.master, ...ends])];
}

/** Servers whose configuration is declared, so that it must be read to know whether there is anything to do. */
export function withSettings({shards}: Topology): Instance[] {
  return shards.flatMap((shard) =>
    [shard.master, ...shard.replicas].filter((instance) => declaredSettings(shard, instance).length > 0),
  );
}

/** The orders that a server is going to be given, with harmless arguments: for the server to judge beforehand. */
export function trialsOf(plan: ShardPlan, instance: Instance): Trial[] {
  if (!concernedIn(plan).includes(instance)) return [];
  const {shard, steps} = plan;
  const orders = steps.filter((step) => step.instance === instance).flatMap(trialsOfStep);
  const written = orders.length === 0 ? [] : [...orders, REWRITE];
  const locking = steps.length > 0 && instance === shard.master ? LOCKING : [];
  return [...new Map([READ_BACK, ...written, ...locking].map((trial) => [trial.join(' '), trial])).values()];
}

/** What the lock is taken, renewed and given back by; a script may not do what its caller may not. */
const LOCKING: readonly Trial[] = [
  ['EVAL', "return redis.call('GET', KEYS[1])", '1', LOCK_KEY],
  ['GET', LOCK_KEY],
  ['SET', LOCK_KEY, 'x'],
  ['PEXPIRE', LOCK_KEY, '1'],
  ['DEL', LOCK_KEY],
];

/** What came of an order is read from ROLE, which a forged name cannot leave; a report may do without it, a change may not. */
const READ_BACK: Trial = ['ROLE'];

const REWRITE: Trial = ['CONFIG', 'REWRITE'];

function trialsOfStep(step: Step): Trial[] {
  switch (step.do) {
    case 'set-auth':
      return [['CONFIG', 'SET', 'masterauth', 'x']];
    case 'set-config':
      return step.settings.map(({name, to}): Trial => ['CONFIG', 'SET', name, to]);
    case 'persist':
      return [];
    case 'promote':
    case 'replicate-from':
      return [['REPLICAOF', 'NO', 'ONE']];
  }
}
