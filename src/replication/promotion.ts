/**
 * The second half of a handover: the old master takes no writes any more. Until the promotion is ordered it can be taken back;
 * from then on there is only the way forward.
 */
import {ExitCode, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Fence, Handed, Run} from './handover.js';
import * as trouble from './handover-trouble.js';
import {Orders, replicaOf, replyOf} from './orders.js';
import type {Sight, Watched} from './sight.js';

const POLL_MS = 2;
/** What the old master had sent to the new one before it was demoted arrives within this time, or not at all. */
const SETTLE_MS = 2000;

/** A place in a replication history. */
export interface Mark {
  readonly replid: string;
  readonly offset: number;
}

/** Beyond this nobody can tell what others have done meanwhile: a process that slept, or a machine. Well below the lease of the lock. */
const stallMs = ({options}: Run): number => Math.min(40_000, SETTLE_MS + 4 * options.commandTimeoutMs);

/**
 * From here on the old master takes no writes, so what it has is all that was ever acknowledged.
 * @param sinceMs when that was last known, epoch milliseconds: the clock that goes on while a machine sleeps
 */
export async function finish(run: Run, fence: Fence | null, sinceMs = Date.now()): Promise<Handed> {
  const assertAwake = (): void => {
    if (Date.now() - sinceMs > stallMs(run)) throw trouble.stalled(run.handover);
  };
  let last: Mark | null;
  let runId = '';
  try {
    last = await lastOffset(run, fence);
    if (last !== null) runId = await hasAll(run, last);
    assertAwake();
  } catch (error) {
    assertAwake();
    // Another run may have gone on with it, and promoted it: then this one must not give the old master orders.
    if (await leads(run.next)) throw trouble.stalled(run.handover);
    // Nobody has ordered the promotion yet: the old master has everything and takes over again.
    await takeBack(run);
    throw error;
  }
  if (last === null) throw (await leads(run.next)) ? trouble.stalled(run.handover) : trouble.unclear(run.handover);
  const promoted = await promote(run, {last, runId});
  const writeGapMs = fence === null ? null : Date.now() - fence.atMs;
  await unfence(run.old);
  return {...proofOf(run, promoted, last), writeGapMs, fullSyncs: fence?.fullSyncs ?? null, engine: 'pause'};
}

const leads = async (server: Watched): Promise<boolean> => (await glance(server))?.facts.role.kind === 'master';

/** Null when nobody can tell. */
async function lastOffset(run: Run, fence: Fence | null): Promise<Mark | null> {
  const [old, next] = [await glance(run.old), await run.next.look()];
  const {replid} = next.facts.lineage;
  if (old !== null && old.facts.lineage.replid === replid) return {replid, offset: old.facts.lineage.offset};
  // It died just now, or came back with another history: what was written down before its demotion counts.
  return fence?.replid === replid ? fence : null;
}

/** Run id of the process that has everything up to there. */
async function hasAll(run: Run, last: Mark): Promise<string> {
  const sight = await reached(run.next, last, performance.now() + SETTLE_MS);
  if (sight === null) throw trouble.incompleteCopy(run.handover, last.offset);
  return sight.facts.runId;
}

interface Complete {
  readonly last: Mark;
  readonly runId: string;
}

/** An order without a reply may have been obeyed, or be obeyed later; so from the first one on there is only the way forward. */
async function promote(run: Run, complete: Complete): Promise<ServerFacts> {
  const deadlineMs = performance.now() + 2 * run.options.commandTimeoutMs;
  for (let isFirst = true; ; isFirst = false) {
    // A connection that was made anew may lead to another process than the one that had everything.
    if (!isFirst && (await isReplaced(run, complete.runId))) {
      await takeBack(run);
      throw trouble.incompleteCopy(run.handover, complete.last.offset);
    }
    try {
      await replicaOf(new Orders(await run.next.connection()), run.handover.next, ['NO', 'ONE']);
      const {facts} = await run.next.look();
      if (facts.role.kind === 'master') return facts;
      throw trouble.notPromoted(run.handover);
    } catch (error) {
      if (isFirst && replyOf(error) !== null) {
        await takeBack(run);
        throw error;
      }
      run.next.close();
      if (performance.now() >= deadlineMs) throw trouble.promotionUnknown(run.handover);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Gone with the process that was told to lead: whatever comes now at its address was told nothing, unless it leads by itself. */
async function isReplaced(run: Run, runId: string): Promise<boolean> {
  const facts = (await glance(run.next))?.facts;
  return facts !== undefined && facts.runId !== runId && facts.role.kind !== 'master';
}

/** The old master leads again. Only while the new one is known not to lead. */
export async function takeBack(run: Run): Promise<void> {
  try {
    await replicaOf(new Orders(await run.old.connection()), run.handover.old, ['NO', 'ONE']);
  } catch {
    run.old.close();
    throw trouble.noMaster(run.handover);
  }
  await unfence(run.old);
}

/** At the latest the server lifts it by itself. */
export async function unfence(old: Watched): Promise<void> {
  try {
    await (await old.connection()).call('CLIENT', ['UNPAUSE']);
  } catch {
    old.close();
  }
}

export function proofOf(
  run: Run,
  {lineage}: ServerFacts,
  fence: Mark,
): Pick<Handed, 'fencedOffset' | 'promotedOffset'> {
  const isSame = lineage.replid2 === fence.replid && lineage.secondOffset !== null;
  const promotedOffset = isSame ? lineage.secondOffset! - 1 : lineage.offset;
  if (promotedOffset < fence.offset) throw trouble.notProved(run.handover, fence.offset, promotedOffset);
  return {fencedOffset: fence.offset, promotedOffset};
}

/** The server, as soon as it has everything up to there; null when it has not in time. */
export async function reached(server: Watched, to: Mark, deadlineMs: number, pollMs = POLL_MS): Promise<Sight | null> {
  for (;;) {
    const sight = await server.look();
    const {lineage} = sight.facts;
    if (lineage.replid === to.replid && lineage.offset >= to.offset) return sight;
    if (performance.now() >= deadlineMs) return null;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Null when it does not answer. */
export async function glance(server: Watched): Promise<Sight | null> {
  try {
    return await server.look();
  } catch (error) {
    if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return null;
    throw error;
  }
}
