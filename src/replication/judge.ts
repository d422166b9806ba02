/**
 * Pure: what is wrong with an observed topology, and how every instance stands. Both ends of each link, the lineage and
 * the declaration are compared. Each finding has a stable code, a cause and one thing to do.
 */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';
import {addressText, type Shard, type Topology} from '../topology/types.js';
import {type Earlier, transferEta} from './earlier.js';
import {nodesOf, parentOf} from './graph.js';
import {judgeLink} from './judge-link.js';
import {judgeResyncs} from './judge-resync.js';
import {judgeRole} from './judge-role.js';
import {judgeServer, judgeUnasked} from './judge-server.js';
import {judgeShardAsOne, judgeSharedProcesses} from './judge-shard.js';
import {type LinkStatus, linkStatus} from './link-status.js';
import type {Observation} from './observe.js';
import {NOTHING_PROBED, type Probes} from './probes.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, type Subject} from './subject.js';

/** All that is judged. */
interface World {
  readonly topology: Topology;
  readonly observation: Observation;
  readonly probes: Probes;
  /** Null on a single look. */
  readonly earlier: Earlier | null;
}

/** What is looked at in one instance that answered; a new kind of finding is one more line. */
const INSTANCE_JUDGES: readonly ((subject: Answered, world: World) => readonly Finding[])[] = [
  (subject, {probes}) => judgeServer(subject, probes),
  judgeRole,
  (subject, {probes}) => judgeLink(subject, probes),
  (subject, {observation, earlier}) => judgeResyncs(subject, observation, earlier),
  (subject, {observation}) =>
    judgeUnasked(subject, observation.byAddress.get(addressText(subject.node.instance.address))),
];

/** What is looked at in a shard as a whole. */
const SHARD_JUDGES: readonly ((subject: Subject, world: World) => readonly Finding[])[] = [
  ({shard, nodes}) => judgeShardAsOne(shard, nodes),
];

export function judgeTopology(
  topology: Topology,
  observation: Observation,
  probes: Probes = NOTHING_PROBED,
  earlier: Earlier | null = null,
): StatusReport {
  const world = {topology, observation, probes, earlier};
  const shared = judgeSharedProcesses(topology, observation);
  const shards = topology.shards.map((shard) => judgeShard(shard, world, shared));
  const problems = shards.flatMap(({findings}) => findings);
  return {
    topology: topology.name,
    healthy: problems.every(({severity}) => severity !== 'critical'),
    sampledMs: observation.sampledMs,
    shards: shards.map(({status}) => status),
    problems,
  };
}

function judgeShard(
  shard: Shard,
  world: World,
  shared: readonly Finding[],
): {status: ShardStatus; findings: Finding[]} {
  const nodes = nodesOf(shard, world.observation);
  const found = nodes.map((node) => judgeInstance({shard, node, nodes}, world));
  const findings = [
    ...found.flatMap(({findings: own}) => own),
    ...SHARD_JUDGES.flatMap((judge) => judge({shard, node: nodes[0]!, nodes}, world)),
    ...shared.filter((finding) => finding.shard === shard.name),
  ];
  const instances = found.map(({status}) => ({
    ...status,
    problems: findings.filter(({instance}) => instance === status.address).map(({code}) => code),
  }));
  return {
    status: {name: shard.name, healthy: findings.every(({severity}) => severity !== 'critical'), instances},
    findings,
  };
}

const RANK = {critical: 0, warning: 1, info: 2} as const;

interface Judged {
  readonly status: InstanceStatus;
  readonly findings: readonly Finding[];
}

function judgeInstance(subject: Subject, world: World): Judged {
  const {shard, node} = subject;
  const {facts} = node;
  const expected =
    node.instance === shard.master ? {} : {expectedOf: addressText(parentOf(shard, node.instance).address)};
  if (facts === null) return judgeSilent(subject, world.observation, expected);
  const answered = {...subject, facts};
  const of = liveParentText(answered);
  const status: InstanceStatus = {
    address: addressText(node.instance.address),
    role: facts.role.kind === 'other' ? 'unknown' : facts.role.kind,
    reachable: true,
    version: facts.version,
    server: facts.server,
    runId: facts.runId,
    // Numbers out of an INFO that somebody injected text into are nobody's numbers.
    offset: facts.tampered.length > 0 ? null : facts.lineage.offset,
    keys: facts.tampered.length > 0 ? null : facts.keys,
    ...(of === null ? {} : {of: escapeText(of)}),
    ...expected,
    ...(of === null ? {} : withEta(linkStatus(answered, world.probes), answered, world)),
    problems: [],
  };
  // What is worst comes first: scripts and people read the first line.
  const findings = INSTANCE_JUDGES.flatMap((judge) => judge(answered, world));
  return {status, findings: findings.sort((a, b) => RANK[a.severity] - RANK[b.severity])};
}

/** A load says itself how long it takes; for a transfer it needs two looks. */
function withEta(link: LinkStatus, {node: {instance}}: Answered, {observation, earlier}: World): LinkStatus {
  const observed = observation.byAddress.get(addressText(instance.address));
  if (link.sync?.phase !== 'transfer' || !observed?.reachable) return link;
  return {...link, sync: {...link.sync, etaSeconds: transferEta(observed, earlier, instance)}};
}

/** It may be down, or alive and unable to answer: the code of the fault tells which. */
function judgeSilent(subject: Subject, observation: Observation, expected: {readonly expectedOf?: string}): Judged {
  const address = addressText(subject.node.instance.address);
  const observed = observation.byAddress.get(address);
  const fault = observed?.reachable === false ? observed.fault : null;
  const code = fault?.code ?? 'TIMEOUT';
  const message = fault?.message ?? `${address} did not answer.`;
  const nothing = {version: null, server: null, runId: null, offset: null, keys: null} as const;
  return {
    status: {address, role: 'unknown', reachable: false, ...nothing, ...expected, problems: []},
    findings: [problem(subject, code, message, fault?.remedy ?? redisCli(subject.node.instance, 'PING'))],
  };
}
