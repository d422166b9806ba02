/** `rtopo status` as one call: observe, ask further where something is wrong, judge. Changes nothing. */
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import {addMastership, type Journals} from './former.js';
import {judgeTopology} from './judge.js';
import {observeTopology} from './observe.js';
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
  const observation = await observeTopology(topology, timeoutMs);
  const suspects = suspectsOf(topology, observation);
  const probes = await probe(suspects, {topology, observation, timeoutMs: Math.ceil(timeoutMs * SHARE_OF_PROBES)});
  const report = judgeTopology(topology, observation, probes);
  if (journals === null) return report;
  return addMastership(report, {topology, observation}, journals);
}
