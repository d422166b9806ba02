/** Pure: what two looks at the same server tell that one of them does not. Null wherever it is another process, or another stream. */
import type {Observed} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Observation} from './observe.js';

/** Looks at the same topology before the one that is judged. */
export interface Earlier {
  /** The first one: everything since has been watched. */
  readonly first: Observation;
  /** The one before. */
  readonly previous: Observation;
}

type Answered = Observed & {readonly reachable: true};

/** The same process, then and now, and the time between, in milliseconds. */
function pairOf(now: Answered, then: Observation | undefined, instance: Instance) {
  const before = then?.byAddress.get(addressText(instance.address));
  if (!before?.reachable || before.facts.runId !== now.facts.runId) return null;
  const ms = now.atMs - before.atMs;
  return ms <= 0 ? null : {before: before.facts, ms};
}

/**
 * Seconds until a snapshot has arrived, by the bytes that came between two looks. Null on a single look, while nothing comes, and where its size is
 * not known: a master without a disk sends it as it is made.
 */
export function transferEta(now: Answered, earlier: Earlier | null, instance: Instance): number | null {
  const pair = pairOf(now, earlier?.previous, instance);
  const {syncReadBytes: read, syncTotalBytes: total} = now.facts;
  if (pair === null || read === null || total === null || total <= 0) return null;
  const {syncReadBytes: readBefore, syncTotalBytes: totalBefore} = pair.before;
  // Another size is another snapshot: it began anew.
  if (readBefore === null || totalBefore !== total || read <= readBefore) return null;
  const bytesPerMs = (read - readBefore) / pair.ms;
  return Math.round(Math.max(0, total - read) / bytesPerMs / 1000);
}

/** Full resyncs that a server has given since the first look, and how long ago that was. Null: nobody watched. */
export function watchedResyncs(
  now: Answered,
  earlier: Earlier | null,
  instance: Instance,
): {readonly given: number; readonly ms: number; readonly before: ServerFacts} | null {
  const pair = pairOf(now, earlier?.first, instance);
  if (pair === null || now.facts.fullSyncs === null || pair.before.fullSyncs === null) return null;
  return {given: now.facts.fullSyncs - pair.before.fullSyncs, ms: pair.ms, before: pair.before};
}
