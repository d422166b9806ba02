/**
 * Pure: what has to be done so that the live servers match the declared topology, and what must not be done.
 * REPLICAOF wipes its target without a word, so every step carries what it would lose.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Refusal} from '../report/replicate.js';
import {type Address, addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {byLevel, liveParent, type Node, nodesOf, parentOf} from './graph.js';
import {predictResync, type Relation, relate} from './lineage.js';
import type {Observation} from './observe.js';
import {planPersistence} from './persistence.js';
import {isUsable, type OutOfReach, outOfReach} from './reach.js';
import {
  type Answering,
  refuseDetach,
  refuseInstance,
  refuseLink,
  refuseSharedProcess,
  refuseSwap,
  refuseWipe,
} from './refuse.js';
import {type LiveConfig, pendingSettings, type Setting} from './settings.js';

/**
 * Steps of one shard, in the order they must run: logins, then promotion, then replicas from the root outwards, then settings, since
 * a master that needs replicas to take writes would refuse them until they are there.
 */
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
      /** Of its history, what its master never received; null: their histories have nothing in common, or nobody can tell. */
      readonly bytesAtRisk?: number | null;
    }
  | {readonly do: 'set-config'; readonly instance: Instance; readonly settings: readonly Setting[]}
  /** Everything is as declared, and a restart would take it back: the config file was not written since. */
  | {readonly do: 'persist'; readonly instance: Instance};

export interface ShardPlan {
  readonly shard: Shard;
  readonly steps: readonly Step[];
}

export interface Plan {
  readonly shards: readonly ShardPlan[];
  /** The same, with the steps that are refused: what stands in their way besides is to be said at once. */
  readonly considered: readonly ShardPlan[];
  readonly unchanged: number;
  readonly refused: readonly Refusal[];
  readonly unreachable: readonly OutOfReach[];
  /** Instances left alone because their parent cannot be reached, or is left alone itself. */
  readonly skipped: readonly {readonly shard: string; readonly instance: string; readonly parent: string}[];
}

export interface PlanInput {
  readonly topology: Topology;
  readonly observation: Observation;
  /** Addresses whose data may be discarded. */
  readonly discard: readonly Address[];
  /** What CONFIG GET said, by `addressText`; absent: not asked, or not told. */
  readonly config?: ReadonlyMap<string, LiveConfig>;
  /** What a run that died had ordered, by `addressText`: nobody knows whether it was written down. */
  readonly owed?: ReadonlyMap<string, readonly Step['do'][]>;
}

export function planReplication(input: PlanInput): Plan {
  assertConsentsAreDeclared(input);
  const {topology, observation} = input;
  const shards = topology.shards.map((shard) => planShard(input, shard));
  return {
    shards: shards.map(({shard, steps}) => ({shard, steps})),
    considered: shards.map(({shard, steps, denied}) => ({shard, steps: [...steps, ...denied]})),
    unchanged: shards.reduce((sum, {unchanged}) => sum + unchanged.size, 0),
    refused: [...refuseSharedProcess(input), ...shards.flatMap(({refused}) => refused)],
    unreachable: topology.shards
      .flatMap(instancesOf)
      .flatMap(({address}) => outOfReach(observation, addressText(address))),
    skipped: shards.flatMap(({skipped}) => skipped),
  };
}

export interface Draft {
  readonly shard: Shard;
  /** Master first. */
  readonly nodes: readonly Node[];
  readonly steps: Step[];
  /** Steps that would be taken, were it not for a refusal. */
  readonly denied: Step[];
  readonly refused: Refusal[];
  readonly skipped: {shard: string; instance: string; parent: string}[];
  readonly unchanged: Set<Instance>;
}

function planShard(input: PlanInput, shard: Shard): Draft {
  const nodes = nodesOf(shard, input.observation);
  const draft: Draft = {shard, nodes, steps: [], denied: [], refused: [], skipped: [], unchanged: new Set()};
  for (const node of nodes.filter(isAnswering)) draft.refused.push(...refuseInstance(shard, node));
  planMaster(input, draft);
  const left = new Set(nodes.filter((node) => !isUsable(node)).map(({instance}) => instance));
  for (const {instance, level} of byLevel(shard)) {
    const parent = parentOf(shard, instance);
    if (left.has(instance)) continue;
    if (left.has(parent)) {
      left.add(instance);
      const [at, of] = [addressText(instance.address), addressText(parent.address)];
      draft.skipped.push({shard: shard.name, instance: at, parent: of});
    } else planReplica(input, draft, {instance, parent, level});
  }
  // The login is set on every node that answers, the master too: it is a replica after the next switchover.
  const needsLogin = input.topology.replicationAuth !== null || nodes.some(({instance}) => instance.tls !== null);
  if (draft.steps.length > 0 && needsLogin) {
    draft.steps.unshift(...nodes.filter(isUsable).map(({instance}) => ({do: 'set-auth', instance}) as const));
  }
  planSettings(input, draft);
  planPersistence(input, draft, needsLogin);
  return draft;
}

function planSettings({config}: PlanInput, {shard, nodes, steps, unchanged}: Draft): void {
  for (const {instance} of nodes.filter(isUsable)) {
    const live = config?.get(addressText(instance.address));
    const settings = live === undefined ? [] : pendingSettings(shard, instance, live);
    if (settings.length === 0) continue;
    unchanged.delete(instance);
    steps.push({do: 'set-config', instance, settings});
  }
}

function isAnswering(node: Node): node is Node & Answering {
  return node.facts !== null;
}

function planMaster(input: PlanInput, draft: Draft): void {
  const {shard, nodes} = draft;
  const master = nodes[0]!;
  if (!isUsable(master)) return;
  if (master.facts.role.kind !== 'replica') {
    draft.unchanged.add(shard.master);
    return;
  }
  draft.steps.push({do: 'promote', instance: shard.master});
  const parent = liveParent(master, nodes);
  const {replid} = master.facts.lineage;
  for (const other of nodes.slice(1)) {
    if (other.facts?.role.kind !== 'master' || consents(input, other.instance)) continue;
    if (other === parent || other.facts.lineage.replid === replid)
      draft.refused.push(refuseSwap(shard, shard.master, other.instance));
  }
  if (parent === null && master.facts.linkUp === true && !followsAnotherShard(input, shard, master))
    draft.refused.push(refuseDetach(shard, master));
}

/** A declared server of another shard is being split: both sides are known, and both stay. */
function followsAnotherShard({topology, observation}: PlanInput, shard: Shard, master: Node): boolean {
  const others = topology.shards.filter((other) => other !== shard);
  return others.some((other) => liveParent(master, [master, ...nodesOf(other, observation)]) !== null);
}

interface Placed {
  readonly instance: Instance;
  readonly parent: Instance;
  readonly level: number;
}

function planReplica(input: PlanInput, draft: Draft, placed: Placed): void {
  const {shard, nodes} = draft;
  const {instance, level} = placed;
  const at = (one: Instance) => nodes.find((node) => node.instance === one) as Node & Answering;
  const [child, parent, root] = [at(instance), at(placed.parent), at(shard.master)];
  const attached = liveParent(child, nodes) === parent;
  const parentMoves = draft.steps.some((step) => step.do !== 'set-auth' && step.instance === parent.instance);
  // Under a parent that moves even a good link is cut and made again, and may carry other data then.
  if (attached && !parentMoves && child.facts.linkUp === true && sameHistory(child, parent)) {
    draft.unchanged.add(instance);
    return;
  }
  const isArriving = attached && child.facts.loading;
  const relation = isArriving || isFedBy(child, root, nodes) ? ownOf(child, root) : relationOf(child.facts, root.facts);
  const isSafe = isArriving || relation.kind === 'same';
  const [keysAtRisk, bytesAtRisk] = [
    isSafe ? 0 : child.facts.keys,
    relation.kind === 'diverged' ? relation.bytes : null,
  ];
  draft.refused.push(...refuseLink({shard, child, parent}));
  const resync = predictResync(child.facts.lineage, root.facts.lineage, parent.facts.backlog);
  const step = {
    do: 'replicate-from',
    instance,
    parent: parent.instance,
    level,
    resync,
    keysAtRisk,
    bytesAtRisk,
  } as const;
  if (isSafe || consents(input, instance)) draft.steps.push(step);
  else {
    draft.denied.push(step);
    draft.refused.push(refuseWipe({shard, child, parent, relation, attached}));
  }
}

/**
 * A chain of good links of one history leads up to the root. Both are asked at the same time, so a replica that was asked a moment
 * later may seem to be ahead of a master that is written to.
 */
function isFedBy(child: Node & Answering, root: Node & Answering, nodes: readonly Node[]): boolean {
  let node: Node | null = child;
  for (let hops = 0; node !== null && hops < nodes.length; hops++) {
    if (node === root) return true;
    if (node.facts?.linkUp !== true || node.facts.lineage.replid !== root.facts.lineage.replid) return false;
    node = liveParent(node, nodes);
  }
  return false;
}

const SAME: Relation = {kind: 'same'};

function sameHistory(child: Answering, parent: Answering): boolean {
  return child.facts.lineage.replid === parent.facts.lineage.replid;
}

/** Nothing can be lost where nothing is held. */
export function relationOf(child: ServerFacts, root: ServerFacts): Relation {
  if (child.keys === 0) return SAME;
  const relation = relate(child.lineage, root.lineage);
  return relation.kind === 'same' ? ownOf({facts: child}, {facts: root}) : relation;
}

/** A replica that takes writes keeps them beside its history, where no offset shows them; only its number of keys may give them away. */
function ownOf({facts: child}: Pick<Answering, 'facts'>, {facts: root}: Pick<Answering, 'facts'>): Relation {
  const local = child.writable === true ? child.keys - root.keys : 0;
  return local > 0 ? {kind: 'local', keys: local} : SAME;
}

function consents(input: PlanInput, {address}: Instance): boolean {
  return input.discard.some((named) => addressText(named) === addressText(address));
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
