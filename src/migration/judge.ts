/** Pure: reasons not to start that lie in what the census has counted. */
import type {Census} from './census.js';
import type {Node} from './nodes.js';
import type {Objection} from './preflight.js';

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
        remedy: `redis-cli -h ${instance.address.host} -p ${instance.address.port} CONFIG SET maxmemory ${Math.ceil(after * 1.1)}`,
      },
    ];
  });
}

export function judgeConflicts(census: Census): Objection[] {
  const [first] = census.conflictExamples;
  if (first === undefined) return [];
  const names = census.conflictExamples.slice(0, 5).map(({key}) => key);
  return [
    {
      code: 'CONFLICT',
      at: first.target,
      message:
        `${census.conflicts} keys are on two servers with different values (for example ${names.join(', ')} on ${first.source} and ${first.target}). ` +
        'rtopo does not choose between them.',
      consent: null,
      remedy: `look at both values and delete the wrong one, for example: redis-cli -h ${first.source.replace(/:(\d+)$/, ' -p $1')} -n ${first.db}`,
    },
  ];
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
        remedy: `name an empty server (what it holds: redis-cli -h ${instance.address.host} -p ${instance.address.port} --scan), or, when these keys belong to the others, declare it in the topology file first`,
      },
    ];
  });
}

/** Two names for one process: its keys would be copied onto themselves and then deleted. */
export function judgeSameServer(nodes: readonly Node[]): Objection[] {
  return nodes.flatMap(({at, name, facts}, i): Objection[] => {
    const twin = nodes.slice(0, i).find((one) => one.facts.runId === facts.runId);
    if (twin === undefined) return [];
    return [
      {
        code: 'SAME_SERVER',
        at,
        message: `${at} (shard ${name}) and ${twin.at} (shard ${twin.name}) are the same server under two addresses.`,
        consent: null,
        remedy: `give one of the shards its own address; redis-cli -h ${at.replace(/:(\d+)$/, ' -p $1')} INFO server shows the run_id`,
      },
    ];
  });
}
