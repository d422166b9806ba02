/**
 * Every placement that the shards of a topology could have: all schemes with their variants, hash tags, node strings and orders.
 * For whoever has keys and wants to know which one put them where they are.
 */

import {RtopoError} from '../errors.js';
import type {PlacementSpec} from '../topology/types.js';
import type {Placement, Scheme} from './placement.js';
import {readOptions} from './problems.js';
import {boundPlacement, schemes} from './schemes.js';

/** What may be known of a shard here: its identity, and the address from which clients make node strings. */
export interface CandidateShard {
  readonly name: string;
  readonly node: string;
  readonly weight: number;
  readonly host: string;
  readonly port: number;
}

/** In which order the shards were given to the client: as the topology has them, or sorted. */
export type Order = 'file' | 'name' | 'address';

export interface Candidate {
  readonly spec: PlacementSpec;
  /** How the nodes are written; null: as the topology has them. */
  readonly nodes: string | null;
  readonly order: Order;
  readonly placement: Placement;
  /** Index in the topology of each shard of the placement. */
  readonly shardOf: readonly number[];
}

/** Two rules that differ from the scheme's own. */
const otherTags = ['none', '{}'] as const;

/** The declared one first, then the schemes in the order of the registry. `tags`: keys with braces are among those to be explained. */
export function* candidates(
  shards: readonly CandidateShard[],
  {declared, tags}: {readonly declared: PlacementSpec | null; readonly tags: boolean},
): Generator<Candidate> {
  if (declared !== null) yield* built(declared, shards, {nodes: null, order: 'file'});
  for (const scheme of schemes)
    for (const options of scheme.variants ?? [{}])
      for (const hashTag of [null, ...(tags ? otherTags.filter((tag) => tag !== ownTag(scheme, options)) : [])])
        yield* faces(scheme, {scheme: scheme.name, hashTag, options}, shards);
}

/** The name of the rule that holds without `hashTag`, which need not be tried twice. */
function ownTag(scheme: Scheme, raw: Readonly<Record<string, unknown>>): string {
  const {options} = readOptions(scheme, raw);
  return options === null ? '' : scheme.tag(options).name;
}

/** All node strings of a scheme that knows nodes, all orders of one that knows places. */
function* faces(scheme: Scheme, spec: PlacementSpec, shards: readonly CandidateShard[]): Generator<Candidate> {
  for (const candidate of built(spec, shards, {nodes: null, order: 'file'})) {
    yield candidate;
    const {identity} = candidate.placement.traits;
    if (identity === 'node')
      for (const {form, nodeOf} of scheme.nodeForms ?? []) {
        const renamed = shards.map((shard) => ({...shard, node: nodeOf(shard)}));
        if (renamed.some(({node}, i) => node !== shards[i]!.node))
          yield* built(spec, renamed, {nodes: form, order: 'file'});
      }
    if (identity === 'order')
      for (const order of ['name', 'address'] as const) {
        const sorted = inOrder(shards, order);
        if (sorted.some((shard, i) => shard !== shards[i])) yield* built(spec, shards, {nodes: null, order});
      }
  }
}

/** The candidate, or nothing where the shards do not fit the scheme. */
function* built(
  spec: PlacementSpec,
  shards: readonly CandidateShard[],
  {nodes, order}: Pick<Candidate, 'nodes' | 'order'>,
): Generator<Candidate> {
  const sorted = inOrder(shards, order);
  let placement: Placement;
  try {
    placement = boundPlacement(
      spec,
      sorted.map(({name, node, weight}) => ({name, node, weight})),
    );
  } catch (error) {
    if (error instanceof RtopoError) return;
    throw error;
  }
  yield {spec, nodes, order, placement, shardOf: sorted.map((shard) => shards.indexOf(shard))};
}

function inOrder(shards: readonly CandidateShard[], order: Order): CandidateShard[] {
  const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  switch (order) {
    case 'file':
      return [...shards];
    case 'name':
      return shards.toSorted((a, b) => compare(a.name, b.name));
    case 'address':
      return shards.toSorted((a, b) => compare(a.host, b.host) || a.port - b.port);
  }
}
