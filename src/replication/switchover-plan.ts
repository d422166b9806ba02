/** Pure: whether, to whom and how a live master hands over. Everything that speaks against it is said at once. */
import {escapeText, usageError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Refusal} from '../report/replicate.js';
import type {ChangeStep} from '../report/switchover.js';
import {
  type Address,
  addressText,
  type Instance,
  instancesOf,
  type Shard,
  sameAddress,
  type Topology,
} from '../topology/types.js';
import {type Contender, type Ranking, rank, whyNot} from './candidate.js';
import {liveParent, type Node, nodesOf, parentOf, undeclared} from './graph.js';
import type {Engine, FailoverTo} from './handover.js';
import type {Observation} from './observe.js';
import {redisCli} from './redis-cli.js';
import {refuseInstance, refuseLink, refuseSharedProcess} from './refuse.js';
import {engineFor} from './switchover-engine.js';
import type {Means} from './switchover-means.js';
import {warningsOf} from './switchover-warnings.js';

export type EngineChoice = 'auto' | Engine;

export interface SwitchInput {
  readonly topology: Topology;
  readonly shard: Shard;
  readonly observation: Observation;
  /** What INFO does not say, by address. */
  readonly means: ReadonlyMap<string, Means>;
  readonly to: Address | null;
  readonly engine: EngineChoice;
  readonly killClients: boolean;
  readonly fenceMs: number;
}

export interface SwitchPlan {
  readonly shard: Shard;
  readonly old: Instance;
  /** Null when there is none: then `refused` says why. */
  readonly next: Instance | null;
  readonly siblings: readonly Instance[];
  readonly engine: Engine;
  readonly engineReason: string | null;
  readonly failover: FailoverTo | null;
  /** Who the servers were, by address. */
  readonly runIds: ReadonlyMap<string, string>;
  readonly steps: readonly ChangeStep[];
  readonly refused: readonly Refusal[];
  readonly warnings: readonly string[];
}

export function shardNamed({shards}: Topology, name: string): Shard {
  const found = shards.find((shard) => shard.name === name);
  if (found !== undefined) return found;
  throw usageError({
    code: 'SHARD_UNKNOWN',
    message: `There is no shard "${escapeText(name)}" in the topology; it has ${shards.map((one) => one.name).join(', ')}.`,
    remedy: 'rtopo status lists the shards',
  });
}

/** The replica that `--to` names. @throws RtopoError exit 64 */
export function replicaNamed(shard: Shard, to: Address): Instance {
  const found = shard.replicas.find(({address}) => sameAddress(address, to));
  if (found !== undefined) return found;
  const isMaster = sameAddress(shard.master.address, to);
  const names = shard.replicas.map(({address}) => addressText(address)).join(', ');
  throw usageError({
    code: 'CANDIDATE_UNKNOWN',
    message: isMaster
      ? `${addressText(to)} is the declared master of shard ${shard.name} already.`
      : `${addressText(to)} is no declared replica of shard ${shard.name}${names === '' ? ', which has none' : `; it has ${names}`}.`,
    remedy: 'rtopo status shows who follows whom',
  });
}

export function planSwitchover(input: SwitchInput): SwitchPlan {
  const {shard, observation, to} = input;
  const nodes = nodesOf(shard, observation);
  const [root] = nodes as [Node];
  const contenders = contendersOf(input, nodes);
  const ranking = rank(contenders, {master: 'alive'});
  const wanted = to === null ? null : replicaNamed(shard, to);
  const next = wanted ?? ranking.eligible[0]?.instance ?? null;
  const node = nodes.find(({instance}) => instance === next) ?? null;
  const siblings = shard.replicas.filter((one) => one !== next && parentOf(shard, one) === shard.master);
  const refused = [
    ...refuseRoot(shard, root),
    ...nodes.flatMap((one) => (one.facts === null ? [] : refuseInstance(shard, {...one, facts: one.facts}))),
    ...refuseSharedProcess({topology: {...input.topology, shards: [shard]}, observation, discard: []}),
    ...refuseCandidate({input, ranking, contenders, wanted}),
    ...(node === null || root.facts === null ? [] : refusePair(input, root, node)),
  ];
  const how = engineFor(input, root, node);
  const base = {shard, old: shard.master, next, siblings, engine: how.engine, engineReason: how.reason};
  return {
    ...{...base, failover: how.failover},
    runIds: new Map(nodes.map(({instance, facts}) => [addressText(instance.address), facts?.runId ?? ''])),
    refused: [...refused, ...how.refused],
    warnings: node === null ? [] : warningsOf({...input, root, node, siblings, strangers: undeclared(root, nodes)}),
    steps: next === null ? [] : stepsOf({...base, next, input, failover: how.failover}),
  };
}

function contendersOf({means, shard}: SwitchInput, nodes: readonly Node[]): Contender[] {
  return nodes.slice(1).map((node) => ({
    ...{instance: node.instance, facts: node.facts},
    wasLinked: means.get(addressText(node.instance.address))?.wasLinked ?? null,
    priority: node.instance.priority ?? means.get(addressText(node.instance.address))?.priority ?? null,
    isDirect: liveParent(node, nodes)?.instance === shard.master,
  }));
}

export function refuse(shard: Shard, instance: Instance, code: string, message: string, remedy: string): Refusal[] {
  return [{code, shard: shard.name, instance: addressText(instance.address), message, consent: null, remedy}];
}

function refuseRoot(shard: Shard, {instance, facts}: Node): Refusal[] {
  const at = addressText(instance.address);
  if (facts === null) {
    const message = `${at}, the master of shard ${shard.name}, does not answer: a change without loss needs it alive.`;
    return refuse(shard, instance, 'MASTER_UNREACHABLE', message, `rtopo failover ${shard.name} --dry-run`);
  }
  if (facts.role.kind !== 'master') {
    const message = `${at}, the master of shard ${shard.name} by the topology file, is not a master now.`;
    return refuse(shard, instance, 'NOT_A_MASTER', message, 'rtopo status');
  }
  const {server, version} = facts;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (server === 'valkey' || major > 6 || (major === 6 && minor >= 2)) return [];
  const message = `${at} runs ${server} ${version}; holding its writes off for a moment needs Redis 6.2 or Valkey.`;
  return refuse(shard, instance, 'VERSION_TOO_OLD', message, 'upgrade the server');
}

interface Choosing {
  readonly input: SwitchInput;
  readonly ranking: Ranking;
  readonly contenders: readonly Contender[];
  readonly wanted: Instance | null;
}

function refuseCandidate({input: {shard}, ranking, contenders, wanted}: Choosing): Refusal[] {
  if (wanted !== null) {
    const why = whyNot(contenders.find(({instance}) => instance === wanted)!, 'alive');
    if (why === null) return [];
    const at = addressText(wanted.address);
    return refuse(
      shard,
      wanted,
      'CANDIDATE_UNFIT',
      `${at} cannot take over: it ${why}.`,
      'rtopo status says more; or leave --to away',
    );
  }
  if (ranking.eligible.length > 0) return [];
  const reasons = ranking.all.map(({instance, excluded}) => `${instance} ${excluded}`).join('; ');
  const message = `No replica of shard ${shard.name} can take over${reasons === '' ? ': it has none' : `: ${reasons}`}.`;
  return refuse(shard, shard.master, 'NO_CANDIDATE', message, 'rtopo status');
}

function refusePair(input: SwitchInput, root: Node, node: Node): Refusal[] {
  const {shard} = input;
  if (node.facts === null || root.facts === null) return [];
  const [old, next] = [
    {instance: root.instance, facts: root.facts},
    {instance: node.instance, facts: node.facts},
  ];
  const at = addressText(next.instance.address);
  const links = refuseLink({shard, child: old, parent: next}).filter(({code}) => code === 'LOOPBACK_PEER');
  const sameHistory = next.facts.lineage.replid === old.facts.lineage.replid;
  return [
    ...links,
    ...(sameHistory || node.facts.role.kind !== 'replica'
      ? []
      : refuse(
          shard,
          next.instance,
          'LINEAGE_MISMATCH',
          `${at} does not have the history of ${addressText(old.instance.address)}.`,
          'rtopo status',
        )),
    ...refuseSize(shard, old, next),
    ...refuseMinReplicas(input, next.instance),
  ];
}

interface Answering {
  readonly instance: Instance;
  readonly facts: ServerFacts;
}

function refuseSize(shard: Shard, old: Answering, next: Answering): Refusal[] {
  const [used, max] = [old.facts.usedMemoryBytes ?? 0, next.facts.maxMemoryBytes ?? 0];
  if (max === 0 || used <= max) return [];
  const [from, to] = [addressText(old.instance.address), addressText(next.instance.address)];
  const effect = next.facts.evictionPolicy === 'noeviction' ? 'it would refuse writes' : 'it would silently evict keys';
  return refuse(
    shard,
    next.instance,
    'TARGET_TOO_SMALL',
    `${from} uses ${used} bytes and ${to} has maxmemory ${max}, which counts from the moment it leads: ${effect}.`,
    redisCli(next.instance, `CONFIG SET maxmemory ${Math.ceil(used * 1.25)}`),
  );
}

/** It counts its own replicas only once it leads: the old master and the siblings that answer. */
function refuseMinReplicas({shard, means, observation}: SwitchInput, next: Instance): Refusal[] {
  const wanted = means.get(addressText(next.address))?.minReplicas ?? 0;
  const coming = instancesOf(shard).filter(
    (one) => one !== next && observation.byAddress.get(addressText(one.address))?.reachable === true,
  ).length;
  if (wanted <= coming) return [];
  const at = addressText(next.address);
  return refuse(
    shard,
    next,
    'MIN_REPLICAS',
    `${at} wants ${wanted} replicas before it takes writes (min-replicas-to-write), and will have ${coming}.`,
    redisCli(next, `CONFIG SET min-replicas-to-write ${coming}`),
  );
}

interface Stepping {
  readonly shard: Shard;
  readonly old: Instance;
  readonly next: Instance;
  readonly siblings: readonly Instance[];
  readonly input: SwitchInput;
  readonly failover: FailoverTo | null;
}

function stepsOf({old, next, siblings, input, failover}: Stepping): ChangeStep[] {
  const [from, to] = [addressText(old.address), addressText(next.address)];
  const under = `REPLICAOF ${next.peer.host} ${next.peer.port}`;
  const step = (instance: string, action: ChangeStep['action'], command: string | null = null): ChangeStep => ({
    ...{instance, action, command},
  });
  return [
    step(from, 'lock'),
    step(from, 'fence', `CLIENT PAUSE ${input.fenceMs} WRITE`),
    step(to, 'catch-up'),
    ...(failover === null
      ? [step(from, 'demote', under), step(to, 'promote', 'REPLICAOF NO ONE')]
      : [step(from, 'failover', `FAILOVER TO ${escapeText(failover.host)} ${failover.port} TIMEOUT …`)]),
    step(from, 'unfence', 'CLIENT UNPAUSE'),
    ...(input.killClients ? [step(from, 'kill-clients', 'CLIENT KILL TYPE normal, pubsub')] : []),
    step(to, 'persist', 'CONFIG REWRITE'),
    step(from, 'persist', 'CONFIG REWRITE'),
    step('the topology file', 'edit-file'),
    ...siblings.map((one) => step(addressText(one.address), 'repoint', under)),
    step(to, 'verify'),
  ];
}
