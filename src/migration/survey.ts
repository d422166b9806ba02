/** The keys by which placements are compared: synthetic ones, or a sample of the live ones. */
import {balanceOf, comparePlacements, syntheticKeys} from '../placement/compare.js';
import type {Placement} from '../placement/placement.js';
import type {BalanceReport, CompareReport, Sides} from '../report/compare.js';
import type {Topology} from '../topology/types.js';
import {sampleKeys} from './sample.js';

export interface Survey {
  readonly topology: Topology;
  readonly live: boolean;
  readonly count: number;
  readonly timeoutMs: number;
}

/** How many keys a change moves between which shards. */
export async function surveyMovement(survey: Survey, {from, to}: Sides): Promise<CompareReport> {
  const comparison = comparePlacements(from, to, await surveyKeys(survey));
  const told = ({scheme, shards}: Placement) => ({scheme, shards: shards.map(({name}) => name)});
  return {source: survey.live ? 'live' : 'synthetic', from: told(from), to: told(to), ...comparison};
}

/** How evenly a placement spreads keys. */
export async function surveyBalance(survey: Survey, placement: Placement): Promise<BalanceReport> {
  const balance = balanceOf(placement, await surveyKeys(survey));
  return {source: survey.live ? 'live' : 'synthetic', scheme: placement.scheme, ...balance};
}

/** @throws RtopoError exit 5 when live keys are wanted and a server cannot be asked */
async function surveyKeys({topology, live, count, timeoutMs}: Survey): Promise<Iterable<Buffer>> {
  if (!live) return syntheticKeys(count);
  const servers = topology.shards.map(({master}) => master);
  const wanted = (keys: number, total: number): number => Math.ceil((count * keys) / Math.max(1, total));
  return (await sampleKeys({servers, wanted, timeoutMs})).keys.map(({key}) => key);
}
