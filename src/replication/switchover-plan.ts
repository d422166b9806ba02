/** Pure: whether, to whom and how a live master hands over. Everything that speaks against it is said at once. */
import {escapeText, usageError} from '../errors.js';
import type {Refusal} from '../report/replicate.js';
import type {ChangeStep} from '../report/switchover.js';
import {type Address, addressText, type Instance, type Shard, sameAddress, type Topology} from '../topology/types.js';
import {type Contender, rank} from './candidate.js';
import {liveParent, type Node, nodesOf, parentOf, undeclared} from './graph.js';
import type {Engine, FailoverTo} from './handover.js';
import {faultOf, type Observation} from './observe.js';
import {refuseInstance, refuseSharedProcess} from './refuse.js';
import {engineFor} from './switchover-engine.js';
import type {Means} from './switchover-means.js';
import {refuseCandidate, refusePair, refuseRoot} from './switchover-refuse.js';
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
    ...refuseRoot(shard, root, faultOf(observation, root.instance)),
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

function contendersOf({means, shard, observation}: SwitchInput, nodes: readonly Node[]): Contender[] {
  return nodes.slice(1).map((node) => ({
    ...{instance: node.instance, facts: node.facts, fault: faultOf(observation, node.instance)},
    wasLinked: means.get(addressText(node.instance.address))?.wasLinked ?? null,
    priority: node.instance.priority ?? means.get(addressText(node.instance.address))?.priority ?? null,
    isDirect: liveParent(node, nodes)?.instance === shard.master,
  }));
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
