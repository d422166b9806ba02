/** Pure: a master that was succeeded is back and leads, or a change of master was left half done. */
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import type {StatusReport} from '../report/status.js';
import {addressText, instancesOf, type Shard, type Topology} from '../topology/types.js';
import type {Former, Mastership, UnfinishedChange} from './former.js';
import {judgeUnfinishedRun} from './judge-unfinished.js';
import {factsOf, type Observation} from './observe.js';
import {redisCli} from './redis-cli.js';

/** The report with what the journals add to it. */
export function withMastership(
  report: StatusReport,
  {
    topology,
    observation,
    known,
    again,
    nowMs,
  }: {
    readonly topology: Topology;
    readonly observation: Observation;
    readonly known: Mastership;
    /** Flags that a printed command must repeat. */
    readonly again: string;
    readonly nowMs: number;
  },
): StatusReport {
  const found = [
    ...known.former.flatMap((former) => judgeFormer(former, topology, observation)),
    ...known.unfinished.flatMap((one) => judgeUnfinished(one, topology, again)),
    ...(known.runs ?? []).flatMap((run) => judgeUnfinishedRun(run, topology, nowMs)),
  ];
  if (found.length === 0) return report;
  const isCritical = (match: (finding: Finding) => boolean) =>
    found.some((one) => one.severity === 'critical' && match(one));
  return {
    ...report,
    healthy: report.healthy && !isCritical(() => true),
    shards: report.shards.map((shard) => ({
      ...shard,
      healthy: shard.healthy && !isCritical((one) => one.shard === shard.name),
      instances: shard.instances.map((instance) => ({
        ...instance,
        problems: [
          ...instance.problems,
          ...found.filter((one) => one.instance === instance.address).map(({code}) => code),
        ],
      })),
    })),
    problems: [...report.problems, ...found],
  };
}

function shardOf({shards}: Topology, name: string): Shard | null {
  return shards.find((shard) => shard.name === name) ?? null;
}

function judgeFormer(former: Former, topology: Topology, observation: Observation): Finding[] {
  const shard = shardOf(topology, former.shard);
  const instance = shard && instancesOf(shard).find(({address}) => addressText(address) === former.address);
  const facts = instance ? factsOf(observation, instance) : null;
  if (shard === null || instance == null || facts?.role.kind !== 'master') return [];
  const successor = instancesOf(shard).find(({address}) => addressText(address) === former.successor);
  const follower = successor === undefined ? null : factsOf(observation, successor);
  // Somebody has gone back to it: the successor is a replica again, and the file says so too.
  if (instance === shard.master && follower?.role.kind === 'replica') return [];
  const since = new Date(former.atMs).toISOString();
  const hasLost = lacksSuccession(former, facts, follower);
  return [
    {
      ...{code: 'FORMER_MASTER_BACK', severity: 'critical', shard: shard.name, instance: former.address},
      message:
        `${former.address} is back and leads, although ${former.successor} succeeded it on ${since}: what clients write to it is missing at ${former.successor}. ` +
        `${hasLost ? lossText(former, facts, follower) : ownText(former, facts.lineage)} Keep clients away from it.`,
      remedy: hasLost
        ? `if ${former.address} is right, ${instance === shard.master ? '' : 'make it the master in the topology file, then: '}rtopo replicate --dry-run (look first: ${redisCli(instance, 'INFO keyspace')})`
        : instance === shard.master
          ? `make ${former.successor} the master in the topology file, then: rtopo replicate --dry-run (look first: ${redisCli(instance, 'INFO keyspace')})`
          : `rtopo replicate --dry-run says what it would lose; then: rtopo replicate --discard-data ${former.address}`,
    },
  ];
}

/** The successor came back without its data since: then the one that was given up may have the last copy, and nobody is told to discard that. */
function lacksSuccession({mark}: Former, facts: ServerFacts, follower: ServerFacts | null): boolean {
  if (facts.keys === 0) return false;
  if (follower === null || follower.keys === 0) return true;
  return follower.lineage.replid2 !== mark.replid && follower.keys < facts.keys;
}

function lossText({address, successor}: Former, {keys}: ServerFacts, follower: ServerFacts | null): string {
  return follower === null
    ? `${successor} does not answer now, ${address} holds ${keys} keys.`
    : `${successor} holds ${follower.keys} keys now, ${address} holds ${keys}: it may have the last copy of them.`;
}

/** What it has beyond the place at which it was succeeded. */
function ownText(
  {mark, successor}: Former,
  lineage: {readonly replid: string; readonly offset: number; readonly replid2: string | null},
): string {
  if (lineage.replid === mark.replid || lineage.replid2 === mark.replid) {
    const bytes = Math.max(0, lineage.offset - mark.offset);
    return bytes === 0
      ? `It has nothing that ${successor} does not have.`
      : `It has ${bytes} bytes that ${successor} does not have.`;
  }
  return 'Its history is another one since its restart, so what it has of its own is unknown.';
}

function judgeUnfinished(
  {shard, kind, id, old, next, isPromoted}: UnfinishedChange,
  topology: Topology,
  again: string,
): Finding[] {
  if (shardOf(topology, shard) === null) return [];
  const undo = isPromoted ? '' : `; or undo it: rtopo switchover abort ${id}${again}`;
  return [
    {
      ...{code: 'CHANGE_UNFINISHED', severity: 'critical', shard, instance: isPromoted ? next : old},
      message: `The ${kind} of shard ${shard} from ${old} to ${next} was begun and not finished.`,
      remedy: `rtopo switchover resume ${id}${again}${undo}`,
    },
  ];
}
