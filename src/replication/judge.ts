/**
 * Pure: what is wrong with an observed topology, and how every instance stands. Both ends of each link, the lineage and
 * the declaration are compared. Each finding has a stable code, a cause and one thing to do.
 */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';
import {addressText, type Shard, type Topology} from '../topology/types.js';
import {nodesOf, parentOf} from './graph.js';
import {judgeLink, linkStatus} from './judge-link.js';
import {judgeShardAsOne, judgeSharedProcesses} from './judge-shard.js';
import type {Observation} from './observe.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, type Subject} from './subject.js';

export function judgeTopology(topology: Topology, observation: Observation): StatusReport {
  const shared = judgeSharedProcesses(topology, observation);
  const shards = topology.shards.map((shard) => judgeShard(shard, observation, shared));
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
  observation: Observation,
  shared: readonly Finding[],
): {status: ShardStatus; findings: Finding[]} {
  const nodes = nodesOf(shard, observation);
  const found = nodes.map((node) => judgeInstance({shard, node, nodes}, observation));
  const findings = [
    ...found.flatMap(({findings: own}) => own),
    ...judgeShardAsOne(shard, nodes),
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

interface Judged {
  readonly status: InstanceStatus;
  readonly findings: readonly Finding[];
}

function judgeInstance(subject: Subject, observation: Observation): Judged {
  const {shard, node} = subject;
  const {facts} = node;
  const expected =
    node.instance === shard.master ? {} : {expectedOf: addressText(parentOf(shard, node.instance).address)};
  if (facts === null) return judgeSilent(subject, observation, expected);
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
    ...(of === null ? {} : linkStatus(answered)),
    problems: [],
  };
  return {status, findings: [...judgeServer(answered), ...judgeRole(answered), ...judgeLink(answered)]};
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

function judgeServer(subject: Answered): Finding[] {
  const {facts, node} = subject;
  const at = addressText(node.instance.address);
  const findings: Finding[] = [];
  const add = (code: string, message: string, remedy: string) => findings.push(problem(subject, code, message, remedy));
  if (facts.tampered.length > 0) {
    add(
      'INFO_TAMPERED',
      `INFO of ${at} has been forged (${facts.tampered.join(', ')}): somebody injected text into it.`,
      redisCli(node.instance, 'ROLE'),
    );
  }
  if (facts.mode === 'cluster')
    add('CLUSTER_ENABLED', `${at} runs in cluster mode; rtopo is for plain servers.`, 'redis-cli --cluster check');
  if (facts.loading && !facts.syncInProgress)
    add('LOADING', `${at} is loading its data set and serves nobody yet.`, 'wait: rtopo status');
  if (facts.failoverState !== null && facts.failoverState !== 'no-failover') {
    add(
      'FAILOVER_RUNNING',
      `${at} is in the middle of a FAILOVER (${escapeText(facts.failoverState)}).`,
      redisCli(node.instance, 'INFO replication'),
    );
  }
  return findings;
}

function judgeRole(subject: Answered): Finding[] {
  const {shard, node, facts} = subject;
  const at = addressText(node.instance.address);
  const finding = (code: string, message: string): Finding[] => [
    problem(subject, code, message, 'rtopo replicate --dry-run'),
  ];
  const of = liveParentText(subject);
  if (node.instance === shard.master) {
    if (of === null) return [];
    const declared = `${at} is declared as the master of shard ${shard.name}`;
    return finding('ROLE_MISMATCH', `${declared} and is a replica of ${escapeText(of)}.`);
  }
  const expected = addressText(parentOf(shard, node.instance).address);
  if (facts.role.kind === 'master') {
    const declared = `${at} is declared as a replica of ${expected}`;
    return finding('ROLE_MISMATCH', `${declared} and is a master: it receives none of its writes.`);
  }
  if (of === null || of === expected) return [];
  return finding('PARENT_MISMATCH', `${at} follows ${escapeText(of)}; declared is ${expected}.`);
}
