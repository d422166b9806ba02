/** Pure: what a walk found, as shards. Nobody is put where it does not belong: who has no place is told, with the reason. */
import {escapeText} from '../errors.js';
import type {DiscoveredInstance, DiscoveredShard, Homeless} from '../report/discover.js';
import {readTcpAddress} from '../topology/address.js';
import {type Address, addressText, sameAddress} from '../topology/types.js';
import {listedBy, liveParent, type Node} from './graph.js';
import type {Found, Walk} from './walk.js';

export interface Discovered {
  readonly shards: readonly DiscoveredShard[];
  readonly homeless: readonly Homeless[];
}

/** A process, by the first address that led to it. */
interface Process {
  readonly node: Node & {readonly facts: Found['facts']};
  readonly alsoAt: readonly Address[];
}

export function discovered({found}: Walk): Discovered {
  const all = processesOf(found);
  const outside = all.flatMap((one) => notPlain(one));
  const plain = all.filter((one) => notPlain(one).length === 0);
  const nodes = plain.map(({node}) => node);
  const families = plain
    .filter(({node}) => node.facts.role.kind === 'master')
    .map((master) => familyOf(master, plain))
    // By whoever was asked first: that is the order in which a person thinks of them.
    .sort((a, b) => firstOf(a, plain) - firstOf(b, plain));
  const shards = families.map((family, i) => ({
    name: `shard-${i + 1}`,
    instances: family.map((one) => instanceOf(one, nodes)),
  }));
  const housed = new Set(shards.flatMap(({instances}) => instances.map(({address}) => address)));
  const left = plain.filter(({node}) => !housed.has(textOf(node)));
  return {shards, homeless: [...outside, ...left.map(({node}) => homeless(node, nodes))]};
}

const textOf = (node: Node): string => addressText(node.instance.address);

/** Two addresses of one process are one instance: by its run id. */
function processesOf(found: readonly Found[]): Process[] {
  const byRunId = new Map<string, Found[]>();
  for (const one of found) {
    const id = one.facts.runId === '' ? addressText(one.address) : one.facts.runId;
    byRunId.set(id, [...(byRunId.get(id) ?? []), one]);
  }
  return [...byRunId.values()].map(([first, ...others]) => {
    const {address, facts} = first!;
    const instance = {
      ...{address, peer: address, announce: null, auth: null},
      ...{tls: null, priority: null, of: null},
    };
    const names = [first!, ...others].flatMap((one) => [
      one.address,
      ...(one.ip === null ? [] : [{host: one.ip, port: one.address.port}]),
    ]);
    return {node: {instance, facts, names}, alsoAt: others.map((one) => one.address)};
  });
}

function notPlain({node}: Process): Homeless[] {
  const {facts} = node;
  const address = textOf(node);
  if (facts.mode === 'cluster')
    return [
      {address, code: 'CLUSTER_ENABLED', message: `${address} runs in cluster mode; rtopo is for plain servers.`},
    ];
  if (facts.role.kind === 'other') {
    const message = `${address} is no server that replicates (ROLE: ${escapeText(facts.role.name)}).`;
    return [{address, code: 'NOT_A_SERVER', message}];
  }
  return [];
}

/** A master with all that follow it, parents before their children. */
function familyOf(master: Process, all: readonly Process[]): Process[] {
  const nodes = all.map(({node}) => node);
  const children = all.filter(({node}) => liveParent(node, nodes) === master.node);
  return [master, ...children.flatMap((child) => familyOf(child, all))];
}

function firstOf(family: readonly Process[], all: readonly Process[]): number {
  return Math.min(...family.map((one) => all.indexOf(one)));
}

function instanceOf({node, alsoAt}: Process, nodes: readonly Node[]): DiscoveredInstance {
  const {facts, instance} = node;
  const parent = liveParent(node, nodes);
  const peer = peerOf(node, nodes);
  const announce = parent === null ? null : announcedAs(node, parent, nodes);
  return {
    address: addressText(instance.address),
    ...(peer === null ? {} : {peer: addressText(peer)}),
    ...(announce === null ? {} : {announce: addressText(announce)}),
    ...(parent === null ? {} : {of: textOf(parent)}),
    version: facts.version,
    server: facts.server,
    keys: facts.tampered.length > 0 ? null : facts.keys,
    alsoAt: alsoAt.map(addressText),
  };
}

/** The name by which its replicas dial it; null where that is its address, or none that can be written down. */
function peerOf(node: Node, nodes: readonly Node[]): Address | null {
  const names = nodes.flatMap(({facts}, i) =>
    facts?.role.kind === 'replica' && liveParent(nodes[i]!, nodes) === node ? [facts.role] : [],
  );
  const [first] = names.flatMap(written);
  const isOwn = first === undefined || names.flatMap(written).some((name) => sameAddress(name, node.instance.address));
  return isOwn ? null : first;
}

/** What its parent lists it as, where that differs from its address and from where that leads. */
function announcedAs(node: Node, parent: Node, nodes: readonly Node[]): Address | null {
  const entry = listedBy({child: node, parent}, nodes);
  if (entry === null) return null;
  const [address] = written(entry);
  const isKnown = address === undefined || node.names.some((name) => sameAddress(name, address));
  return isKnown ? null : address;
}

/** The address as a topology file takes it; nothing when it does not. */
function written({host, port}: {readonly host: string; readonly port: number}): Address[] {
  const reading = readTcpAddress(`${host.includes(':') ? `[${host}]` : host}:${port}`);
  return reading.ok ? [reading.address] : [];
}

/** A replica whose way up ends at somebody who was not dialled, or comes back to where it began. */
function homeless(node: Node, nodes: readonly Node[]): Homeless {
  const address = textOf(node);
  const way = [node];
  for (let parent = liveParent(node, nodes); parent !== null; parent = liveParent(parent, nodes)) {
    if (way.includes(parent)) {
      const names = way.slice(way.indexOf(parent)).map(textOf).join(', ');
      return {address, code: 'RING', message: `${address} ends in a ring of replicas without a master: ${names}.`};
    }
    way.push(parent);
  }
  const {role} = way.at(-1)!.facts!;
  const of = role.kind === 'replica' ? escapeText(addressText(role)) : 'nobody';
  const via = way.length === 1 ? '' : `, by way of ${way.slice(1).map(textOf).join(', ')}`;
  return {
    address,
    code: 'MASTER_NOT_FOUND',
    message: `${address} follows ${of}${via}, which was not asked.`,
  };
}
