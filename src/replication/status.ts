/** `rtopo status` as one call: observe, ask further where something is wrong, judge. Changes nothing. */
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import type {Earlier} from './earlier.js';
import {addMastership, type Journals} from './former.js';
import {judgeTopology} from './judge.js';
import {type Observation, observeTopology} from './observe.js';
import {probe} from './probe.js';
import {suspectsOf} from './suspects.js';

/** Of the limit for the first question, what the further ones may take: both together stay below two limits. */
const SHARE_OF_PROBES = 0.8;

/**
 * @param timeoutMs limit for the answer of each server
 * @throws RtopoError for what is wrong on this side: no secret, no TLS file
 */
export async function statusOf(
  topology: Topology,
  timeoutMs: number,
  journals: Journals | null = null,
): Promise<StatusReport> {
  return (await sampleOf(topology, timeoutMs, {journals, earlier: null})).report;
}

/** The same, with the observation that it rests on, for whoever looks again. */
export async function sampleOf(
  topology: Topology,
  timeoutMs: number,
  {journals, earlier}: {readonly journals: Journals | null; readonly earlier: Earlier | null},
): Promise<{readonly report: StatusReport; readonly observation: Observation}> {
  const observation = await observeTopology(topology, timeoutMs);
  const suspects = suspectsOf(topology, observation);
  const probes = await probe(suspects, {topology, observation, timeoutMs: Math.ceil(timeoutMs * SHARE_OF_PROBES)});
  const judged = judgeTopology(topology, observation, probes, earlier);
  const report = journals === null ? judged : addMastership(judged, {topology, observation}, journals);
  return {report, observation};
}
