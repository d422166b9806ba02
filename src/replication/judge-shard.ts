/** Pure: what can be said only of a shard as a whole, or of the topology. */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import {addressText, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {liveParent, type Node, undeclared} from './graph.js';
import {factsOf, type Observation} from './observe.js';
import {redisCli} from './redis-cli.js';
import {problem, type Subject, warning} from './subject.js';

export function judgeShardAsOne(shard: Shard, nodes: readonly Node[]): Finding[] {
  const subject = {shard, node: nodes[0]!, nodes};
  return [...judgeRoot(subject), ...judgeStrangers(subject), ...judgeEmptiness(subject)];
}

/** In a ring, or in a pair of replicas of one another, every link may say "up" while nobody takes writes. */
function judgeRoot(subject: Subject): Finding[] {
  if (!subject.nodes.every((node) => liveParent(node, subject.nodes) !== null)) return [];
  return [
    problem(
      subject,
      'NO_WRITABLE_ROOT',
      `All instances of shard ${subject.shard.name} are replicas of one another: nobody accepts writes, although links may say "up".`,
      'rtopo replicate --dry-run',
    ),
  ];
}

function judgeStrangers(subject: Subject): Finding[] {
  return subject.nodes.flatMap((node) =>
    undeclared(node, subject.nodes).map((entry) => {
      const at = escapeText(addressText(entry));
      return warning(
        {...subject, node},
        'UNDECLARED_REPLICA',
        `${addressText(node.instance.address)} also serves ${at}, which is not declared in shard ${subject.shard.name}.`,
        `add ${at} to the topology file, or find out whose it is`,
      );
    }),
  );
}

/** Replicas of a master that came back without its data are about to lose theirs, or just have kept it. */
function judgeEmptiness(subject: Subject): Finding[] {
  const {node, nodes, shard} = subject;
  if (node.facts?.role.kind !== 'master' || node.facts.keys > 0 || node.facts.loading) return [];
  const [fullest] = nodes
    .filter(({facts}) => facts !== null && facts.keys > 0)
    .sort((a, b) => b.facts!.keys - a.facts!.keys);
  if (fullest === undefined) return [];
  const at = addressText(fullest.instance.address);
  return [
    problem(
      subject,
      'MASTER_EMPTY',
      `The master ${addressText(node.instance.address)} holds no keys while ${at} in the same shard holds ${fullest.facts!.keys}: a restart without its data?`,
      `if ${at} is right, declare it as the master of shard ${shard.name}; look first: ${redisCli(fullest.instance, 'INFO keyspace')}`,
    ),
  ];
}

/** Two declared addresses, one process. */
export function judgeSharedProcesses(topology: Topology, observation: Observation): Finding[] {
  const seen = new Map<string, string>();
  return topology.shards.flatMap((shard) =>
    instancesOf(shard).flatMap((instance) => {
      const facts = factsOf(observation, instance);
      const at = addressText(instance.address);
      if (facts === null || facts.runId === '') return [];
      const other = seen.get(facts.runId);
      if (other === undefined) {
        seen.set(facts.runId, at);
        return [];
      }
      const subject = {shard, node: {instance, facts, names: []}, nodes: []};
      return [
        problem(
          subject,
          'SAME_INSTANCE',
          `${at} and ${other} are one and the same server process.`,
          'mend the addresses in the topology file',
        ),
      ];
    }),
  );
}
