/** Pure: what can be said only of a shard as a whole, or of the topology. */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import {addressText, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {liveParent, type Node, undeclared} from './graph.js';
import {relate} from './lineage.js';
import {factsOf, type Observation} from './observe.js';
import {redisCli} from './redis-cli.js';
import {problem, type Subject, warning} from './subject.js';

export function judgeShardAsOne(shard: Shard, nodes: readonly Node[]): Finding[] {
  const subject = {shard, node: nodes[0]!, nodes};
  return [
    ...judgeRoot(subject),
    ...judgeMasters(subject),
    ...judgeStrangers(subject),
    ...judgeEmptiness(subject),
    ...judgeResurrection(subject),
  ];
}

/** In a ring, or in a pair of replicas of one another, every link may say "up" while nobody takes writes. */
function judgeRoot(subject: Subject): Finding[] {
  const {nodes, shard} = subject;
  if (nodes.every((node) => liveParent(node, nodes) !== null)) {
    return [
      problem(
        subject,
        'NO_WRITABLE_ROOT',
        `All instances of shard ${shard.name} are replicas of one another: nobody accepts writes, although links may say "up".`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  return nodes.filter((node) => isFirstOfRing(node, nodes)).map((node) => ring({...subject, node}));
}

function ring(subject: Subject): Finding {
  const members = ringFrom(subject.node, subject.nodes)!.map(({instance}) => addressText(instance.address));
  const [first] = members;
  return problem(
    subject,
    'RING',
    members.length === 1
      ? `${first} follows itself: it takes no writes and receives none.`
      : `${[...members, first].join(' follows ')}: they go round in a ring, and receive no writes.`,
    'rtopo replicate --dry-run',
  );
}

/** A ring is told once, of its member that stands first in the file. */
function isFirstOfRing(node: Node, nodes: readonly Node[]): boolean {
  const members = ringFrom(node, nodes);
  if (members === null) return false;
  return members.every((member) => nodes.indexOf(member) >= nodes.indexOf(node));
}

/** The nodes on the way from this one back to itself; null when the way ends, or does not come back here. */
function ringFrom(node: Node, nodes: readonly Node[]): readonly Node[] | null {
  const {facts} = node;
  if (facts?.role.kind === 'replica') {
    const {host, port} = facts.role;
    if (node.names.some((name) => name.port === port && name.host.toLowerCase() === host.toLowerCase())) return [node];
  }
  const members = [node];
  for (let at = liveParent(node, nodes); at !== null; at = liveParent(at, nodes)) {
    if (at === node) return members;
    if (members.includes(at)) return null;
    members.push(at);
  }
  return null;
}

/** Two that take writes, out of one history: what either was given since is not on the other. */
function judgeMasters(subject: Subject): Finding[] {
  const {nodes, shard} = subject;
  const masters = nodes.filter(({facts}) => facts?.role.kind === 'master' && facts.tampered.length === 0);
  const [first, ...others] = masters;
  if (first === undefined) return [];
  return others
    .filter(
      (other) => relate(other.facts!.lineage, first.facts!.lineage).kind !== 'foreign' || shareFormer(other, first),
    )
    .map((node) => {
      const [at, one] = [addressText(node.instance.address), addressText(first.instance.address)];
      const own = relate(node.facts!.lineage, first.facts!.lineage);
      const bytes = own.kind === 'diverged' ? ` ${at} went on by itself for ${own.bytes} bytes.` : '';
      return problem(
        {...subject, node},
        'TWO_MASTERS',
        `${one} and ${at} in shard ${shard.name} are both masters, out of one history: writes to the one are missing on the other.${bytes}`,
        `find out who writes to ${at}, then: ${redisCli(node.instance, 'CLIENT LIST TYPE normal')}`,
      );
    });
}

function shareFormer(a: Node, b: Node): boolean {
  const former = a.facts!.lineage.replid2;
  return former !== null && former === b.facts!.lineage.replid2;
}

/** A master that came back from an older file: a replica that has not been resynchronised yet knows more than it does. */
function judgeResurrection(subject: Subject): Finding[] {
  const {node, nodes, shard} = subject;
  const master = node.facts;
  if (master?.role.kind !== 'master' || master.loading || master.keys === 0 || master.tampered.length > 0) return [];
  const ahead = nodes.find((one) => one !== node && isAhead(one, master));
  if (ahead === undefined) return [];
  const [at, of] = [addressText(ahead.instance.address), addressText(node.instance.address)];
  const age = master.uptimeSeconds === null ? '' : `, started ${master.uptimeSeconds} s ago,`;
  return [
    problem(
      subject,
      'MASTER_OUTDATED',
      `The master ${of}${age} holds ${count(master.keys)} and is behind its replica ${at}, which holds ${count(ahead.facts!.keys)}: it came back with older data, and its replicas are about to lose the newer.`,
      `keep what ${at} has, if it is right, then declare it as the master of shard ${shard.name}: ${redisCli(ahead.instance, 'REPLICAOF NO ONE')}`,
    ),
  ];
}

/** Further on in the same history, or with many more keys, while no link has brought the two together yet. */
function isAhead({facts}: Node, master: ServerFacts): boolean {
  if (facts === null || facts.role.kind !== 'replica' || facts.linkUp === true || facts.loading) return false;
  if (facts.tampered.length > 0) return false;
  const {replid, replid2, secondOffset, offset} = master.lineage;
  const {lineage} = facts;
  if (lineage.replid !== '' && lineage.replid === replid) return lineage.offset > offset;
  // After a restart with its file the former id is kept; after a crash without one it is lost.
  if (replid2 !== null && lineage.replid === replid2 && secondOffset !== null) return lineage.offset >= secondOffset;
  return facts.keys >= 10 && master.keys * 2 < facts.keys;
}

const count = (keys: number): string => `${keys} ${keys === 1 ? 'key' : 'keys'}`;

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
  // What a replica has beyond a master whose link is up, the master has deleted: the link only has not carried that on yet.
  const isInStep = (other: Node): boolean => other.facts?.linkUp === true && liveParent(other, nodes) === node;
  const [fullest] = nodes
    .filter((other) => other.facts !== null && other.facts.keys > 0 && !isInStep(other))
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
