/** Pure: a run of `rtopo replicate` that did not come to its end, as a finding: who it was, what it had ordered, what goes on with it. */
import type {Finding} from '../report/finding.js';
import {addressText, instancesOf, type Topology} from '../topology/types.js';

/** What the journals of this account tell of one. */
export interface UnfinishedRun {
  readonly id: string;
  readonly startedMs: number;
  /** Process and host; null when it died before it said so. */
  readonly process: {readonly host: string; readonly pid: number} | null;
  /** A process of this host has its number. */
  readonly isAtWork: boolean;
  /** Given again it finishes what was begun. */
  readonly command: string;
  /** What was ordered, as sentences. */
  readonly ordered: readonly string[];
  /** Servers of which it is not known whether the config file has what was ordered. */
  readonly owed: readonly string[];
}

/** One for each server that owes something, so that it stands beside that server; else one for the whole. */
export function judgeUnfinishedRun(run: UnfinishedRun, topology: Topology, nowMs: number): Finding[] {
  const places = topology.shards.flatMap((shard) =>
    instancesOf(shard).map(({address}) => ({shard: shard.name, instance: addressText(address)})),
  );
  const [first] = places;
  if (first === undefined) return [];
  if (run.isAtWork) return [finding(run, first, 'info', `${began(run, nowMs)} is at work.`)];
  const text = `${began(run, nowMs)} ended before it was done. ${orderedText(run)}`;
  const owing = places.filter(({instance}) => run.owed.includes(instance));
  if (owing.length === 0) return [finding(run, first, 'warning', text)];
  return owing.map((place) =>
    finding(
      run,
      place,
      'warning',
      `${text} Whether ${place.instance} has it in its config file is not known: if not, a restart takes it back.`,
    ),
  );
}

function finding(
  run: UnfinishedRun,
  place: {shard: string; instance: string},
  severity: Finding['severity'],
  message: string,
): Finding {
  const remedy = run.isAtWork ? 'wait for it to end' : run.command;
  return {code: 'REPLICATE_UNFINISHED', severity, ...place, message, remedy};
}

function began({startedMs, process}: UnfinishedRun, nowMs: number): string {
  const who = process === null ? '' : ` (process ${process.pid} on ${process.host})`;
  const seconds = Math.max(0, Math.round((nowMs - startedMs) / 1000));
  return `rtopo replicate, begun ${new Date(startedMs).toISOString()}, ${seconds} s ago${who},`;
}

/** So many are named one by one. */
const NAMED = 6;

function orderedText({ordered}: UnfinishedRun): string {
  if (ordered.length === 0) return 'It had ordered nothing.';
  const more = ordered.length > NAMED ? ` and ${ordered.length - NAMED} more` : '';
  return `It had ordered: ${ordered.slice(0, NAMED).join('; ')}${more}.`;
}
