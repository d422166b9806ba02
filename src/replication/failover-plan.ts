/** Pure: is the master dead, who takes over, and what may be lost. Everything that speaks against it is said at once. */
import type {Observed} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import type {CandidateReport, DeathEvidence} from '../report/failover.js';
import type {Refusal} from '../report/replicate.js';
import type {ChangeStep} from '../report/switchover.js';
import {type Address, addressText, type Instance, type Shard, sameAddress, type Topology} from '../topology/types.js';
import {type Contender, rank, whyNot} from './candidate.js';
import {evidenceOf, isDead} from './failover-evidence.js';
import {liveParent, type Node, nodesOf, parentOf} from './graph.js';
import {faultOf, type Observation} from './observe.js';
import {refuseInstance, refuseLink, refuseSharedProcess} from './refuse.js';
import type {Means} from './switchover-means.js';
import {replicaNamed} from './switchover-plan.js';
import type {Told} from './switchover-record.js';

export interface FailoverInput {
  readonly topology: Topology;
  readonly shard: Shard;
  readonly observation: Observation;
  readonly means: ReadonlyMap<string, Means>;
  readonly to: Address | null;
  /** Siblings that may lose what the new master does not have. */
  readonly discard: readonly Address[];
  /** A person says so. */
  readonly isDeclaredDead: boolean;
  /** A link that is up and silent for so long counts as lost, in seconds. */
  readonly silenceSeconds: number;
  /** A switchover of this shard that was begun and not finished. */
  readonly earlier: Told | null;
}

export interface FailoverPlan {
  readonly shard: Shard;
  readonly old: Instance;
  readonly next: Instance | null;
  /** It was promoted already, by whomever. */
  readonly isLeading: boolean;
  readonly siblings: readonly Instance[];
  readonly evidence: readonly DeathEvidence[];
  readonly isDead: boolean;
  readonly candidates: readonly CandidateReport[];
  /** 0 when the old master is known to have acknowledged nothing more; null: unknown. */
  readonly bytesLost: number | null;
  readonly runIds: ReadonlyMap<string, string>;
  readonly steps: readonly ChangeStep[];
  readonly refused: readonly Refusal[];
  readonly warnings: readonly string[];
}

export function planFailover(input: FailoverInput): FailoverPlan {
  const {shard, observation, to} = input;
  const nodes = nodesOf(shard, observation);
  const old = shard.master;
  const evidence = evidenceOf(input, nodes);
  const death = isDead(input, observed(input, old), evidence);
  const choice = choose(input, nodes);
  const {next} = choice;
  const siblings = shard.replicas.filter((one) => one !== next?.instance && parentOf(shard, one) === old);
  const refused = [
    ...(death.refusal === null ? [] : [{...death.refusal, shard: shard.name, instance: addressText(old.address)}]),
    ...nodes.slice(1).flatMap((one) => (one.facts === null ? [] : refuseInstance(shard, {...one, facts: one.facts}))),
    ...refuseSharedProcess({topology: {...input.topology, shards: [shard]}, observation, discard: []}),
    ...choice.refused,
    ...(next === null ? [] : refuseAhead(input, nodes, next)),
    ...(next === null ? [] : refuseLoopback(shard, nodes, next)),
  ];
  return {
    ...{shard, old, next: next?.instance ?? null, isLeading: next?.facts.role.kind === 'master', siblings, evidence},
    ...{isDead: death.isDead, candidates: choice.all, bytesLost: next === null ? null : lossOf(input, next.facts)},
    runIds: new Map(nodes.map(({instance, facts}) => [addressText(instance.address), facts?.runId ?? ''])),
    steps: next === null ? [] : stepsOf(next.instance, siblings),
    refused,
    warnings: to === null && siblings.length === 0 ? ['no replica is left beside the new master'] : [],
  };
}

function observed({observation}: FailoverInput, {address}: Instance): Observed | undefined {
  return observation.byAddress.get(addressText(address));
}

interface Choice {
  readonly next: {readonly instance: Instance; readonly facts: ServerFacts} | null;
  readonly all: readonly CandidateReport[];
  readonly refused: readonly Refusal[];
}

function choose(input: FailoverInput, nodes: readonly Node[]): Choice {
  const {shard, to, means} = input;
  const contenders = nodes.slice(1).map(
    (node): Contender => ({
      ...{instance: node.instance, facts: node.facts, fault: faultOf(input.observation, node.instance)},
      wasLinked: means.get(addressText(node.instance.address))?.wasLinked ?? null,
      priority: node.instance.priority ?? means.get(addressText(node.instance.address))?.priority ?? null,
      // Whatever its place in the shard: the data came from the one that is dead.
      isDirect: liveParent(node, nodes) !== null,
    }),
  );
  const {eligible, all} = rank(contenders, {master: 'dead'});
  const wanted = to === null ? null : replicaNamed(shard, to);
  const leading = leadersOf(
    nodes.slice(1),
    eligible.map(({facts}) => facts.lineage.replid),
  );
  const refuse = (code: string, message: string, remedy: string): Choice => ({
    ...{next: null, all},
    refused: [
      {
        code,
        shard: shard.name,
        instance: addressText((wanted ?? shard.master).address),
        message,
        consent: null,
        remedy,
      },
    ],
  });
  if (leading.length > 1) {
    const names = leading.map(({instance}) => addressText(instance.address)).join(' and ');
    return refuse('TWO_MASTERS', `${names} both lead: rtopo does not choose between them.`, 'rtopo status');
  }
  const [leader] = leading;
  if (leader !== undefined) {
    if (wanted === null || wanted === leader.instance) return {next: leader, all, refused: []};
    const at = addressText(leader.instance.address);
    return refuse(
      'ALREADY_PROMOTED',
      `${at} was promoted already and may have taken writes.`,
      `--to ${at}, or leave --to away`,
    );
  }
  if (wanted !== null) {
    const one = contenders.find(({instance}) => instance === wanted)!;
    const why = whyNot(one, 'dead') ?? (one.isDirect ? null : 'follows nobody of this shard');
    if (why === null) return {next: {instance: wanted, facts: one.facts!}, all, refused: []};
    return refuse('CANDIDATE_UNFIT', `${addressText(wanted.address)} cannot take over: it ${why}.`, 'leave --to away');
  }
  const fit = eligible.filter(({isDirect}) => isDirect);
  const histories = new Set(fit.map(({facts}) => facts.lineage.replid));
  if (histories.size > 1) {
    const names = fit.map(({instance}) => addressText(instance.address)).join(', ');
    return refuse(
      'LINEAGE_SPLIT',
      `The replicas do not share one history (${names}): which of them is right, only you can tell.`,
      'look at what each holds (rtopo status), then name one with --to',
    );
  }
  if (fit[0] !== undefined) return {next: fit[0], all, refused: []};
  const reasons = all
    .map(({instance, excluded}) => `${instance} ${excluded ?? 'follows nobody of this shard'}`)
    .join('; ');
  return refuse(
    'NO_CANDIDATE',
    `No replica of shard ${shard.name} can take over${reasons === '' ? ': it has none' : `: ${reasons}`}.`,
    'rtopo status',
  );
}

/** Declared replicas that lead already, and came out of the history that the others have. */
function leadersOf(nodes: readonly Node[], histories: readonly string[]) {
  return nodes.flatMap(({instance, facts}) => {
    if (facts === null || facts.role.kind !== 'master' || facts.lineage.replid2 === null) return [];
    const isTheirs =
      histories.length === 0 || histories.includes(facts.lineage.replid2) || histories.includes(facts.lineage.replid);
    return isTheirs ? [{instance, facts}] : [];
  });
}

/** Bytes of a replica that the new master does not have: they would be cut off. */
function refuseAhead(
  {shard, discard}: FailoverInput,
  nodes: readonly Node[],
  next: NonNullable<Choice['next']>,
): Refusal[] {
  const {lineage, role} = next.facts;
  const [replid, offset] =
    role.kind === 'master' && lineage.replid2 !== null && lineage.secondOffset !== null
      ? [lineage.replid2, lineage.secondOffset - 1]
      : [lineage.replid, lineage.offset];
  return nodes.slice(1).flatMap(({instance, facts}): Refusal[] => {
    if (facts === null || facts.role.kind !== 'replica' || facts.lineage.replid !== replid) return [];
    const bytes = facts.lineage.offset - offset;
    const at = addressText(instance.address);
    if (bytes <= 0 || discard.some((one) => sameAddress(one, instance.address))) return [];
    return [
      {
        ...{code: 'SIBLING_AHEAD', shard: shard.name, instance: at},
        message: `${at} has ${bytes} bytes that ${addressText(next.instance.address)} does not have: as its replica it would lose them.`,
        consent: `--discard-data ${at}`,
        remedy: `let the one that has most take over (leave --to away, or --to ${at})`,
      },
    ];
  });
}

function refuseLoopback(shard: Shard, nodes: readonly Node[], next: NonNullable<Choice['next']>): Refusal[] {
  return nodes
    .slice(1)
    .flatMap((node) =>
      node.facts === null || node.instance === next.instance
        ? []
        : refuseLink({shard, child: {...node, facts: node.facts}, parent: next}).filter(
            ({code}) => code === 'LOOPBACK_PEER',
          ),
    );
}

/** Nothing is lost when the old master was known to be demoted, and the new one has all that it had then. */
function lossOf({earlier}: FailoverInput, {lineage, role}: ServerFacts): number | null {
  if (earlier === null || earlier.fence === null || !earlier.isDemoted) return null;
  const {replid, offset} = earlier.fence;
  const isThere =
    role.kind === 'master'
      ? lineage.replid2 === replid && (lineage.secondOffset ?? 0) - 1 >= offset
      : lineage.replid === replid && lineage.offset >= offset;
  return isThere ? 0 : null;
}

function stepsOf(next: Instance, siblings: readonly Instance[]): ChangeStep[] {
  const to = addressText(next.address);
  const step = (instance: string, action: ChangeStep['action'], command: string | null = null): ChangeStep => ({
    ...{instance, action, command},
  });
  return [
    step(to, 'promote', 'REPLICAOF NO ONE'),
    step(to, 'lock'),
    step(to, 'persist', 'CONFIG REWRITE'),
    step('the topology file', 'edit-file'),
    ...siblings.map((one) =>
      step(addressText(one.address), 'repoint', `REPLICAOF ${next.peer.host} ${next.peer.port}`),
    ),
    step(to, 'verify'),
  ];
}
