/** Which scheme put the live keys where they are: a sample of them against every placement that the shards could have. */
import {type Candidate, candidates} from '../placement/candidates.js';
import {NO_OWNER} from '../placement/placement.js';
import type {DetectCandidate, DetectReport} from '../report/detect.js';
import type {Topology} from '../topology/types.js';
import {type SampledKey, sampleKeys} from './sample.js';

export interface Detecting {
  readonly topology: Topology;
  /** Keys to take from each server. */
  readonly perShard: number;
  readonly timeoutMs: number;
  readonly say: (text: string) => void;
}

/** A scheme fits when so many of the keys are where it says: some may have been left behind by an older one. */
const fits = 0.98;
/** With fewer keys a wrong scheme may fit by chance. */
const fewest = 30;
/** So many keys are judged first: what explains few of them is not looked at again. */
const firstLook = 200;
const listed = 5;

interface Scored {
  readonly candidate: Candidate;
  readonly hits: number;
}

/** @throws RtopoError exit 5 when a server cannot be asked */
export async function detectScheme({topology, perShard, timeoutMs, say}: Detecting): Promise<DetectReport> {
  const servers = topology.shards.map(({master}) => master);
  const {keys} = await sampleKeys({servers, wanted: () => perShard, timeoutMs});
  const shards = topology.shards.map(({name, node, weight, master}) => ({
    ...{name, node: node ?? name, weight},
    ...master.address,
  }));
  const mixed = interleaved(keys, servers.length);
  const tags = keys.some(({key}) => key.includes('{'));
  const all = candidates(shards, {declared: topology.placement, tags});
  const {scored, declared, tried} = score(all, mixed, {spec: topology.placement, say});
  return report({keys: mixed.length, shards: new Set(keys.map(({server}) => server)).size, scored, declared, tried});
}

/** One key of each server in turns, so that the first ones stand for all. */
function interleaved(keys: readonly SampledKey[], servers: number): SampledKey[] {
  const queues = Array.from({length: servers}, (_, server) => keys.filter((one) => one.server === server));
  const longest = Math.max(0, ...queues.map((queue) => queue.length));
  return Array.from({length: longest}, (_, i) => queues.flatMap((queue) => queue[i] ?? [])).flat();
}

function score(
  all: Iterable<Candidate>,
  keys: readonly SampledKey[],
  {spec, say}: {spec: Topology['placement']; say: Detecting['say']},
) {
  const first = keys.slice(0, firstLook);
  const scored: Scored[] = [];
  let declared: Scored | null = null;
  let tried = 0;
  let best = 0;
  for (const candidate of all) {
    tried += 1;
    say(`${tried} placements tried`);
    const glance = hitsOf(candidate, first);
    // Nothing is known of the declared one unless all keys are judged.
    const isDeclared = candidate.spec === spec;
    const hits = isDeclared || glance >= 0.9 * best ? glance + hitsOf(candidate, keys.slice(firstLook)) : 0;
    best = Math.max(best, glance);
    if (isDeclared) declared = {candidate, hits};
    if (hits > 0) scored.push({candidate, hits});
  }
  return {scored: scored.sort((a, b) => b.hits - a.hits), declared, tried};
}

function hitsOf({placement, shardOf}: Candidate, keys: readonly SampledKey[]): number {
  let hits = 0;
  for (const {server, key} of keys) {
    const owner = placement.ownerIndex(key, 0, key.length);
    if (owner !== NO_OWNER && shardOf[owner] === server) hits += 1;
  }
  return hits;
}

function report(found: {
  keys: number;
  shards: number;
  scored: readonly Scored[];
  declared: Scored | null;
  tried: number;
}): DetectReport {
  const {keys, scored, declared, tried} = found;
  const told = ({candidate, hits}: Scored): DetectCandidate => ({
    placement: {
      scheme: candidate.spec.scheme,
      ...(candidate.spec.hashTag === null ? {} : {hashTag: candidate.spec.hashTag}),
      ...candidate.spec.options,
    },
    ...{nodes: candidate.nodes, order: candidate.order, share: hits / keys},
  });
  const [best] = scored;
  const equals = best === undefined ? [] : scored.filter(({hits}) => hits === best.hits);
  // Where the keys cannot tell them apart, what was declared is believed.
  const winner =
    declared !== null && equals.includes(equals.find((one) => one.candidate === declared.candidate)!) ? declared : best;
  const others = equals.filter(({candidate}) => candidate !== winner?.candidate && isNew(candidate, winner));
  const isEnough = keys >= fewest && found.shards > 1;
  const isFit = winner !== undefined && winner.hits >= fits * keys;
  const verdict = !isEnough ? 'too-few' : !isFit ? 'none' : winner === declared ? 'declared' : 'other';
  return {
    ...{verdict, keys, tried},
    declared: declared === null || keys === 0 ? null : declared.hits / keys,
    winner: winner === undefined || keys === 0 ? null : told(winner),
    equals: others.slice(0, listed).map(told),
    runnersUp: scored
      .filter(({hits}) => hits < (best?.hits ?? 0))
      .slice(0, listed)
      .map(told),
  };
}

/** The registry finds the declared placement a second time. */
function isNew({spec, nodes, order}: Candidate, winner: Scored | undefined): boolean {
  const same = winner?.candidate;
  return (
    same === undefined || JSON.stringify([spec, nodes, order]) !== JSON.stringify([same.spec, same.nodes, same.order])
  );
}
