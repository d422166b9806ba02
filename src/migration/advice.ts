/** Pure: what a person should know of a change beside its numbers: another way that moves less, and names that are identities. */
import {RtopoError} from '../errors.js';
import {comparePlacements, syntheticKeys} from '../placement/compare.js';
import {theoreticalMinimumShare} from '../placement/movement.js';
import type {ShardIdentity} from '../placement/placement.js';
import {boundPlacement} from '../placement/schemes.js';
import {addressText, type PlacementSpec} from '../topology/types.js';
import type {Census} from './census.js';
import type {Change, Side} from './plan.js';

/** Stable codes, for scripts. */
export interface Advice {
  readonly code: 'MOVES_MORE' | 'DOUBLING' | 'RENAME_MOVES' | 'RENAME_KEPT';
  readonly message: string;
  /** The share of the keys that the other way would move, 0 to 1; null where that is not the point. */
  readonly share: number | null;
}

/** So much more than the least is worth a word. */
const TOLERATED = 1.5;
/** Small changes and few keys miss the least by chance. */
const LEAST_KEYS = 100;
const JUDGED_KEYS = 20_000;
/** Schemes that many clients have, and that move about the least. In this order where they are equal. */
const FRUGAL = ['ketama', 'rendezvous', 'jump'] as const;

export function adviceFor(change: Change, census: Pick<Census, 'moving' | 'scanned'>): Advice[] {
  return [...aboutNames(change), ...aboutMovement(change, census)];
}

/** Where the name, or the node, enters the ring, another one moves keys although no server changes. */
function aboutNames({from, to}: Change): Advice[] {
  if (to.placement.traits.identity !== 'node') return [];
  return from.topology.shards.flatMap((before, i): Advice[] => {
    const at = addressText(before.master.address);
    const next = to.topology.shards.findIndex(({master}) => addressText(master.address) === at);
    const after = to.topology.shards[next];
    if (after === undefined) return [];
    const [old, now] = [from.placement.shards[i]!.node, to.placement.shards[next]!.node];
    if (old !== now) {
      const message = `${now} is the server that the ring knew as ${old}: by that alone keys move. \`node: ${old}\` in shard ${after.name} keeps every one of them in place.`;
      return [{code: 'RENAME_MOVES', message, share: null}];
    }
    if (before.name === after.name) return [];
    const message = `${before.name} becomes ${after.name} and stays ${old} to the ring (\`node: ${old}\`): by that no key moves.`;
    return [{code: 'RENAME_KEPT', message, share: null}];
  });
}

function aboutMovement(change: Change, {moving, scanned}: Pick<Census, 'moving' | 'scanned'>): Advice[] {
  const {from, to, minimumShare} = change;
  const {traits, scheme} = to.placement;
  const isAvoidable = traits.movement === 'reshuffling' || traits.movement === 'shifting';
  if (scheme !== from.placement.scheme || !isAvoidable || moving < LEAST_KEYS) return [];
  const share = moving / scanned;
  if (share <= TOLERATED * minimumShare) return [];
  const other = frugal(from, to);
  const advice: Advice[] = [];
  if (other !== null && other.share < share) {
    const message = `${other.scheme} would move about ${percent(other.share)} for this change, once the clients use it.`;
    advice.push({code: 'MOVES_MORE', message, share: other.share});
  }
  const doubled = doubling(from);
  if (doubled !== null && to.placement.shards.length > from.placement.shards.length) {
    const shards = from.placement.shards.length * 2;
    const message = `${scheme} over ${shards} shards instead would move ${percent(doubled)}, from each old shard to one new one: doubling is the change that it does well.`;
    advice.push({code: 'DOUBLING', message, share: doubled});
  }
  return advice;
}

/** The scheme that moves least between these shards, by keys as applications write them. */
function frugal(from: Side, to: Side): {scheme: string; share: number} | null {
  let best: {scheme: string; share: number} | null = null;
  for (const scheme of FRUGAL) {
    const spec = {scheme, hashTag: from.topology.placement?.hashTag ?? null, options: {}};
    const share = movedShare(spec, from.placement.shards, to.placement.shards);
    if (share !== null && share < (best?.share ?? 1) - 0.01) best = {scheme, share};
  }
  return best;
}

/** What doubling moves, where the scheme does that about as well as any could; else null. */
function doubling({placement, topology}: Side): number | null {
  const {shards} = placement;
  if (topology.placement === null || shards.length < 2 || shards.some(({weight}) => weight !== shards[0]!.weight))
    return null;
  const twins = shards.map(({weight}, i) => ({name: `twin-${i}`, node: `twin-${i}`, weight}));
  const share = movedShare(topology.placement, shards, [...shards, ...twins]);
  const least = theoreticalMinimumShare(shards, [...shards, ...twins]);
  return share !== null && share < 1.1 * least ? share : null;
}

/** Null where the shards do not fit the scheme. */
function movedShare(spec: PlacementSpec, from: readonly ShardIdentity[], to: readonly ShardIdentity[]): number | null {
  try {
    const [before, after] = [boundPlacement(spec, from), boundPlacement(spec, to)];
    // A scheme without weights would not do what the weights are there for.
    const isWeighted = [...from, ...to].some(({weight}) => weight !== from[0]!.weight);
    if (isWeighted && after.traits.weights === 'ignored') return null;
    const {moved, keys} = comparePlacements(before, after, syntheticKeys(JUDGED_KEYS));
    return moved / keys;
  } catch (error) {
    if (error instanceof RtopoError) return null;
    throw error;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
