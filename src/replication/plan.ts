/**
 * Pure: what has to be done so that the live servers match the declared topology, and what must not be done.
 * REPLICAOF wipes its target without a word, so every step carries what it would lose.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Refusal} from '../report/replicate.js';
import {type Address, addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {follows, namesOf, predictResync, relate} from './lineage.js';
import {factsOf, type Observation} from './observe.js';
import {refuseInstance, refuseSharedProcess, refuseWipe} from './refuse.js';

/** Steps of one shard, in the order they must run: logins, then promotion, then replicas from the root outwards. */
export type Step =
  | {readonly do: 'set-auth'; readonly instance: Instance}
  | {readonly do: 'promote'; readonly instance: Instance}
  | {
      readonly do: 'replicate-from';
      readonly instance: Instance;
      readonly parent: Instance;
      /** Distance from the shard's master: all steps of one level may run at once. */
      readonly level: number;
      readonly resync: 'partial' | 'full';
      /** Keys that exist nowhere else as far as lineage can tell; more than 0 only with consent. */
      readonly keysAtRisk: number;
    };

export interface ShardPlan {
  readonly shard: Shard;
  readonly steps: readonly Step[];
}

export interface Plan {
  readonly shards: readonly ShardPlan[];
  readonly unchanged: number;
  readonly refused: readonly Refusal[];
  readonly unreachable: readonly {readonly instance: string; readonly fault: RtopoError}[];
  /** Instances left alone because their parent cannot be reached, or is left alone itself. */
  readonly skipped: readonly {readonly shard: string; readonly instance: string; readonly parent: string}[];
}

export interface PlanInput {
  readonly topology: Topology;
  readonly observation: Observation;
  /** Addresses whose data may be discarded. */
  readonly discard: readonly Address[];
}

export function planReplication(input: PlanInput): Plan {
  assertConsentsAreDeclared(input);
  const shards = input.topology.shards.map((shard) => planShard(input, shard));
  return {
    shards: shards.map(({shard, steps}) => ({shard, steps})),
    unchanged: shards.reduce((sum, {unchanged}) => sum + unchanged, 0),
    refused: [...refuseSharedProcess(input), ...shards.flatMap(({refused}) => refused)],
    unreachable: unreachableInstances(input),
    skipped: shards.flatMap(({skipped}) => skipped),
  };
}

interface Draft {
  readonly shard: Shard;
  readonly steps: Step[];
  readonly refused: Refusal[];
  readonly skipped: {shard: string; instance: string; parent: string}[];
  unchanged: number;
}

function planShard(input: PlanInput, shard: Shard): Draft {
  const draft: Draft = {shard, steps: [], refused: [], skipped: [], unchanged: 0};
  for (const instance of instancesOf(shard)) {
    const facts = factsOf(input.observation, instance);
    if (facts !== null) draft.refused.push(...refuseInstance({shard, instance, facts}));
  }
  planMaster(input, draft);
  const left = new Set<string>();
  for (const {instance, level} of byLevel(shard)) {
    const parent = parentOf(shard, instance);
    if (factsOf(input.observation, instance) === null) left.add(addressText(instance.address));
    else if (factsOf(input.observation, parent) === null || left.has(addressText(parent.address))) {
      left.add(addressText(instance.address));
      draft.skipped.push({
        shard: shard.name,
        instance: addressText(instance.address),
        parent: addressText(parent.address),
      });
    } else planReplica(input, draft, {instance, parent, level});
  }
  // The login is set on every reachable node, the master too: it is a replica after the next switchover.
  if (draft.steps.length > 0 && input.topology.replicationAuth !== null) {
    const nodes = instancesOf(shard).filter((instance) => factsOf(input.observation, instance) !== null);
    draft.steps.unshift(...nodes.map((instance) => ({do: 'set-auth', instance}) as const));
  }
  return draft;
}

function planMaster(input: PlanInput, draft: Draft): void {
  const {shard} = draft;
  const facts = factsOf(input.observation, shard.master);
  if (facts === null) return;
  if (facts.role.kind === 'master') {
    draft.unchanged += 1;
    return;
  }
  draft.steps.push({do: 'promote', instance: shard.master});
  // A live master among its declared replicas may hold writes that the promoted one has not seen.
  for (const instance of shard.replicas) {
    const other = factsOf(input.observation, instance);
    if (
      other?.role.kind !== 'master' ||
      !follows({child: {instance: shard.master, facts}, parent: {instance, facts: other}})
    )
      continue;
    if (consents(input, instance)) continue;
    const [master, former] = [addressText(shard.master.address), addressText(instance.address)];
    draft.refused.push({
      code: 'MASTER_SWAP',
      shard: shard.name,
      instance: former,
      message:
        `${former} is the live master of shard ${shard.name} and ${master}, declared as its master, is its replica. ` +
        'Exchanging the two without a write fence can lose writes that were acknowledged and not yet replicated.',
      consent: `--discard-data ${former}`,
      remedy: `stop all writers and repeat with --discard-data ${former}, or declare ${former} as the master`,
    });
  }
}

interface Placed {
  readonly instance: Instance;
  readonly parent: Instance;
  readonly level: number;
}

function planReplica(input: PlanInput, draft: Draft, placed: Placed): void {
  const {shard} = draft;
  const {instance, parent, level} = placed;
  const child = factsOf(input.observation, instance)!;
  const parentFacts = factsOf(input.observation, parent)!;
  const root = factsOf(input.observation, shard.master) ?? parentFacts;
  const attached = follows({child: {instance, facts: child}, parent: {instance: parent, facts: parentFacts}});
  if (attached && child.linkUp === true && child.lineage.replid === parentFacts.lineage.replid) {
    draft.unchanged += 1;
    return;
  }
  const relation = child.keys === 0 ? ({kind: 'same'} as const) : relate(child.lineage, root.lineage);
  const keysAtRisk = relation.kind === 'same' ? 0 : child.keys;
  if (keysAtRisk > 0 && !consents(input, instance)) {
    draft.refused.push(refuseWipe({shard, instance, parent, child, parentFacts, relation}));
    return;
  }
  const resync = predictResync(child.lineage, root.lineage, parentFacts.backlog);
  draft.steps.push({do: 'replicate-from', instance, parent, level, resync, keysAtRisk});
}

/** The declared parent inside the shard. The parser has made sure that it exists. */
export function parentOf(shard: Shard, replica: Instance): Instance {
  const of = replica.of === null ? null : addressText(replica.of);
  return instancesOf(shard).find((candidate) => addressText(candidate.address) === of) ?? shard.master;
}

/** Replicas from the master outwards, each with its distance from it. */
function byLevel(shard: Shard): readonly {readonly instance: Instance; readonly level: number}[] {
  const level = (instance: Instance): number => (instance === shard.master ? 0 : 1 + level(parentOf(shard, instance)));
  return shard.replicas.map((instance) => ({instance, level: level(instance)})).sort((a, b) => a.level - b.level);
}

function consents(input: PlanInput, instance: Instance): boolean {
  return input.discard.some((address) => namesOf(instance).some((name) => addressText(name) === addressText(address)));
}

function unreachableInstances({topology, observation}: PlanInput): Plan['unreachable'] {
  return topology.shards.flatMap(instancesOf).flatMap(({address}) => {
    const observed = observation.byAddress.get(addressText(address));
    return observed === undefined || observed.reachable
      ? []
      : [{instance: addressText(address), fault: observed.fault}];
  });
}

/** A consent that names nobody is a typing error, and with typing errors one does not discard data. */
function assertConsentsAreDeclared({topology, discard}: PlanInput): void {
  const declared = topology.shards.flatMap(instancesOf).map(({address}) => addressText(address));
  const stray = discard.find((address) => !declared.includes(addressText(address)));
  if (stray === undefined) return;
  throw new RtopoError({
    code: 'CONSENT_UNKNOWN',
    exit: ExitCode.usage,
    message: `--discard-data ${addressText(stray)} names no declared instance.`,
    remedy: `name one of ${declared.join(', ')}`,
  });
}

/** Which facts a step relied on: read again just before it runs, and compared by `staleness`. */
export function staleness(planned: ServerFacts, now: ServerFacts, who: string): string | null {
  if (planned.runId !== now.runId) return `${who} was restarted or replaced since the plan was made (run id changed)`;
  if (planned.role.kind !== now.role.kind) return `${who} changed its role since the plan was made`;
  if (planned.keys > 0 && now.keys === 0)
    return `${who} held ${planned.keys} keys when the plan was made and holds none now`;
  return null;
}
