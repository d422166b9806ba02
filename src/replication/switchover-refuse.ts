/** Pure: what speaks against a planned change of master. One function per reason. */
import type {RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard} from '../topology/types.js';
import {because, type Contender, type Ranking, whyNot} from './candidate.js';
import {SILENCE} from './failover-evidence.js';
import type {Node} from './graph.js';
import {redisCli} from './redis-cli.js';
import {refuseLink} from './refuse.js';
import type {SwitchInput} from './switchover-plan.js';
import {whyNoWritePause} from './versions.js';

export function refuse(shard: Shard, instance: Instance, code: string, message: string, remedy: string): Refusal[] {
  return [{code, shard: shard.name, instance: addressText(instance.address), message, consent: null, remedy}];
}

export function refuseRoot(shard: Shard, {instance, facts}: Node, fault: RtopoError | null = null): Refusal[] {
  const at = addressText(instance.address);
  if (facts === null) {
    const message = `${at}, the master of shard ${shard.name}, does not answer${because(fault)}: a change without loss needs it alive.`;
    // One that refuses a login, loads or runs a script lives: nobody must succeed it for that.
    const isSilent = fault === null || SILENCE.includes(fault.code);
    const remedy = isSilent ? `rtopo failover ${shard.name} --dry-run` : (fault.remedy ?? 'rtopo status');
    return refuse(shard, instance, 'MASTER_UNREACHABLE', message, remedy);
  }
  if (facts.role.kind !== 'master') {
    const message = `${at}, the master of shard ${shard.name} by the topology file, is not a master now.`;
    return refuse(shard, instance, 'NOT_A_MASTER', message, 'rtopo status');
  }
  const message = whyNoWritePause(at, facts);
  return message === null ? [] : refuse(shard, instance, 'VERSION_TOO_OLD', message, 'upgrade the server');
}

interface Choosing {
  readonly input: SwitchInput;
  readonly ranking: Ranking;
  readonly contenders: readonly Contender[];
  readonly wanted: Instance | null;
}

export function refuseCandidate({input: {shard}, ranking, contenders, wanted}: Choosing): Refusal[] {
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

export function refusePair(input: SwitchInput, root: Node, node: Node): Refusal[] {
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
