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

/** From here on the old master takes no writes, so what it has is all that was ever acknowledged. */
export async function finish(run: Run, fence: Fence | null): Promise<Handed> {
  let last: Mark | null;
  try {
    last = await lastOffset(run, fence);
    if (last !== null && (await reached(run.next, last, performance.now() + SETTLE_MS)) === null)
      throw trouble.incompleteCopy(run.handover, last.offset);
  } catch (error) {
    // Nobody has ordered the promotion yet: the old master has everything and takes over again.
    await takeBack(run);
    throw error;
  }
  if (last === null) throw trouble.unclear(run.handover);
  const promoted = await promote(run);
  const writeGapMs = fence === null ? null : Date.now() - fence.atMs;
  await unfence(run.old);
  return {...proofOf(run, promoted, last), writeGapMs, fullSyncs: fence?.fullSyncs ?? null, engine: 'pause'};
}

/** Null when nobody can tell. */
async function lastOffset(run: Run, fence: Fence | null): Promise<Mark | null> {
  const [old, next] = [await glance(run.old), await run.next.look()];
  const {replid} = next.facts.lineage;
  if (old !== null && old.facts.lineage.replid === replid) return {replid, offset: old.facts.lineage.offset};
  // It died just now, or came back with another history: what was written down before its demotion counts.
  return fence?.replid === replid ? fence : null;
}

/** An order without a reply may have been obeyed, or be obeyed later; so from the first one on there is only the way forward. */
async function promote(run: Run): Promise<ServerFacts> {
  const deadlineMs = performance.now() + 2 * run.options.commandTimeoutMs;
  for (let isFirst = true; ; isFirst = false) {
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
