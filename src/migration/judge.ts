/** Pure: reasons not to start that lie in what the census has counted. */
import {addressText, dialFlags} from '../topology/types.js';
import type {Census} from './census.js';
import type {FunctionGap} from './functions.js';
import type {Node} from './nodes.js';
import type {Change} from './plan.js';
import type {Objection} from './preflight.js';
import type {Settings} from './records.js';

/** Copies cost what they cost at the source, and fragmentation on top; both copies live until the source is pruned. */
export const MEMORY_MARGIN = 1.15;

export function judgeMemory(targets: readonly Node[], census: Census): Objection[] {
  return targets.flatMap(({name, at, facts, instance}): Objection[] => {
    const incoming = census.loads.find((load) => load.at === at)?.bytesIn ?? 0;
    const after = (facts.usedMemoryBytes ?? 0) + incoming * MEMORY_MARGIN;
    if (!facts.maxMemoryBytes || after <= facts.maxMemoryBytes) return [];
    const effect =
      facts.evictionPolicy === 'noeviction'
        ? 'it would refuse the rest'
        : `its policy ${facts.evictionPolicy} would silently evict keys`;
    return [
      {
        code: 'TARGET_TOO_SMALL',
        at,
        message: `${at} (shard ${name}) would need about ${Math.ceil(after)} bytes and has maxmemory ${facts.maxMemoryBytes}: ${effect}.`,
        consent: null,
        remedy: `redis-cli ${dialFlags(instance.address)} CONFIG SET maxmemory ${Math.ceil(after * 1.1)}`,
      },
    ];
  });
}

/** Only what the topology declares can be read instead of a master. */
export function judgeReplicas(change: Change, census: Census, readFrom: Settings['readFrom']): Objection[] {
  if (readFrom === 'master') return [];
  return change.from.topology.shards.flatMap(({master, replicas}): Objection[] => {
    const at = addressText(master.address);
    const name = census.loads.find((load) => load.at === at)?.name;
    if (replicas.length > 0 || !census.matrix.some(({from}) => from === name)) return [];
    return [
      {
        code: 'NO_REPLICA',
        at,
        message: `${at} gives keys away and has no replica in the topology that could be read in its place.`,
        consent: null,
        remedy: 'declare a replica and run rtopo replicate, or read the masters: --read-from master',
      },
    ];
  });
}

/** A library of the same name with other code is not replaced, so it cannot be copied either. */
export function judgeFunctions(gaps: readonly FunctionGap[], functions: Settings['functions']): Objection[] {
  if (functions === 'tell') return [];
  return gaps
    .filter(({differing}) => differing.length > 0)
    .map(({source, target, differing}) => ({
      code: 'FUNCTION_DIFFERS',
      at: target,
      message: `The function ${differing.length === 1 ? 'library' : 'libraries'} ${differing.join(', ')} on ${target} and ${source} have different code; rtopo replaces none.`,
      consent: null,
      remedy: `make them the same (FUNCTION LOAD REPLACE), or leave functions alone: --functions tell`,
    }));
}

/** What a person should know of them before keys move. */
export function functionWarnings(gaps: readonly FunctionGap[], functions: Settings['functions']): string[] {
  return gaps.flatMap(({source, target, missing, differing}) => [
    ...(missing.length === 0 || functions === 'copy'
      ? []
      : [
          `${target} lacks function libraries that ${source} has: ${missing.join(', ')} (--functions copy copies them)`,
        ]),
    ...(differing.length === 0 || functions === 'copy'
      ? []
      : [`function libraries of one name have different code on ${source} and ${target}: ${differing.join(', ')}`]),
  ]);
}

/** A server that joins is expected to be empty: what it holds would be mixed with the keys of the others, and an address is mistyped quickly. */
export function judgeJoining(nodes: readonly Node[], census: Census): Objection[] {
  return nodes.flatMap(({name, at, inFrom, instance}): Objection[] => {
    const keys = census.loads.find((load) => load.at === at)?.keys ?? 0;
    if (inFrom || keys === 0) return [];
    return [
      {
        code: 'NOT_EMPTY',
        at,
        message: `${at} is to join as shard ${name} and already holds ${keys} keys; they would be mixed with those of the other shards.`,
        consent: null,
        remedy: `name an empty server (what it holds: redis-cli ${dialFlags(instance.address)} --scan), or, when these keys belong to the others, declare it in the topology file first`,
      },
    ];
  });
}

/** Two names for one process: its keys would be copied onto themselves and then deleted. */
export function judgeSameServer(nodes: readonly Node[]): Objection[] {
  return nodes.flatMap(({at, name, facts, instance}, i): Objection[] => {
    const twin = nodes.slice(0, i).find((one) => one.facts.runId === facts.runId);
    if (twin === undefined) return [];
    return [
      {
        code: 'SAME_SERVER',
        at,
        message: `${at} (shard ${name}) and ${twin.at} (shard ${twin.name}) are the same server under two addresses.`,
        consent: null,
        remedy: `give one of the shards its own address; redis-cli ${dialFlags(instance.address)} INFO server shows the run_id`,
      },
    ];
  });
}

/** A server that takes no writes takes no copies either: one that gives keys away and gets others cannot be fenced meanwhile. */
export function judgeFence(nodes: readonly Node[], census: Census, fence: Settings['fence']): Objection[] {
  if (fence === 'none') return [];
  const both = nodes.filter(({name}) =>
    ['from', 'to'].every((side) => census.matrix.some((cell) => cell[side as 'from'] === name)),
  );
  return both.map(({name, at}) => ({
    code: 'FENCE_IMPOSSIBLE',
    at,
    message: `${at} (shard ${name}) gives keys away and is given others: while a fence (--fence ${fence}) keeps writers from it, it could take no copies.`,
    consent: null,
    remedy: 'leave --fence away and stop the writers, or make the change in two steps in which no server does both',
  }));
}
