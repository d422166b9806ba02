/**
 * The server's own FAILOVER (Redis 6.2, Valkey) as the middle of a handover: it demotes the old master and promotes the new one in one
 * exchange between the two. Our fence is up all the while, so that nothing is acknowledged should it end in any other way.
 *
 * Its TIMEOUT bounds the waiting for the replica alone. What comes then, `failover-in-progress`, ends only with an answer of the new
 * master, and an ABORT in that state can make two masters: whoever has received the request obeys it, however late.
 */
import type {ServerFacts} from '../redis/identity.js';
import type {Address} from '../topology/types.js';
import type {Fence, Run} from './handover.js';
import * as trouble from './handover-trouble.js';
import {Orders, replicaOf, replyOf} from './orders.js';
import {glance, unfence} from './promotion.js';
import {isPromotedAfter, isUnder} from './stand.js';

const POLL_MS = 2;
/** An aborted failover is looked after for so long: the request for it may have been on its way. */
const ECHO_MS = 250;
/** What an order whose answer was lost may need until it shows. */
const LOST_REPLY_MS = 500;

/**
 * `over`: the new master leads and the old one follows it. `undone`: the old one leads as before. `nobody`: each follows the other.
 * `refused`: the server would not even begin.
 */
export type FailoverEnd = 'over' | 'undone' | 'nobody' | 'refused';

export function isFailingOver(facts: ServerFacts | null | undefined): boolean {
  return facts != null && facts.failoverState !== null && facts.failoverState !== 'no-failover';
}

/**
 * Orders the failover and sees it to its end.
 * @param target the new master exactly as the old one lists it
 * @param leftMs what is left of the time that writes may be held off, in milliseconds
 * @throws RtopoError exit 4, saying who leads
 */
export async function failOver(run: Run, {fence, target, leftMs}: Failing): Promise<FailoverEnd> {
  const timeoutMs = Math.max(100, Math.round(leftMs));
  const deadlineMs = performance.now() + timeoutMs;
  let isSure = true;
  try {
    const orders = new Orders(await run.old.connection());
    await orders.give('FAILOVER', ['TO', target.host, target.port, 'TIMEOUT', timeoutMs]);
  } catch (error) {
    if (replyOf(error) !== null) return 'refused';
    run.old.close();
    isSure = false;
  }
  return settleFailover(run, fence, {deadlineMs, beganMs: performance.now() + (isSure ? 0 : LOST_REPLY_MS)});
}

export interface Failing {
  readonly fence: Fence;
  readonly target: Address;
  readonly leftMs: number;
}

export interface SettleLimits {
  /** Until then the server may end it by itself. */
  readonly deadlineMs: number;
  /** Before that, no failover to be seen does not mean that there will be none. */
  readonly beganMs: number;
}

/** Waits for the end of a failover that runs, whoever has ordered it; beyond the deadline it is ended where that is safe. */
export async function settleFailover(run: Run, fence: Fence | null, limits: SettleLimits): Promise<FailoverEnd> {
  for (;;) {
    const [old, next] = await Promise.all([glance(run.old), glance(run.next)]);
    const [before, after] = [old?.facts ?? null, next?.facts ?? null];
    const isLate = performance.now() >= limits.deadlineMs + 200;
    if (before !== null && !isFailingOver(before)) {
      const isFollowing = isUnder(before, run.handover.next);
      if (isFollowing && after?.role.kind === 'master') return 'over';
      if (before.role.kind === 'master' && after?.role.kind === 'master') {
        // The two were not asked at the same moment.
        const {facts} = await run.old.look();
        if (facts.role.kind === 'master' && !isFailingOver(facts))
          return demoteAgain(run, {before: facts, after, fence});
      } else if (before.role.kind === 'master' && performance.now() >= limits.beganMs) return 'undone';
      if (isLate && isFollowing && after !== null) return 'nobody';
    }
    if (isLate) return endLate(run, {before, after, fence});
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

interface Seen {
  readonly before: ServerFacts | null;
  readonly after: ServerFacts | null;
  readonly fence: Fence | null;
}

/** Looks at the old master once more: while the new one did not answer, the server may have ended it by itself. */
async function endLate(run: Run, seen: Seen): Promise<FailoverEnd> {
  const {after, fence} = seen;
  const before = (await glance(run.old))?.facts ?? null;
  if (before === null) throw trouble.oldSilent(run.handover);
  if (!isFailingOver(before)) {
    if (before.role.kind === 'master' && after?.role.kind !== 'master') return 'undone';
    if (!isUnder(before, run.handover.next)) throw trouble.oldChanged(run.handover);
    if (after === null) throw trouble.promotionUnknown(run.handover);
    return settleFailover(run, fence, {deadlineMs: performance.now(), beganMs: 0});
  }
  if (before.failoverState === 'waiting-for-sync') {
    // Nobody has been asked for anything yet: an end here is harmless.
    await abort(run);
    await unfence(run.old);
    throw trouble.late(run.handover, 'the server waited in vain for it to catch up');
  }
  // It has been promoted, and the old one will hear of it, or return as a master: `settle` attaches it then.
  if (after?.role.kind === 'master') return 'over';
  if (after === null && !(await run.next.isGone())) throw trouble.failoverStuck(run.handover);
  return abortGuarded(run, seen);
}

/** One that has just ended by itself is no fault. */
async function abort(run: Run): Promise<void> {
  try {
    await new Orders(await run.old.connection()).give('FAILOVER', ['ABORT']);
  } catch (error) {
    if (!/no failover in progress/i.test(replyOf(error) ?? '')) throw error;
  }
}

/** The new master is gone, or answers and knows of nothing. Writes are held off anew, until it is certain that it did not obey after all. */
async function abortGuarded(run: Run, {fence}: Seen): Promise<FailoverEnd> {
  const old = await run.old.connection();
  await old.call('CLIENT', ['PAUSE', run.options.fenceMs, 'WRITE']);
  await abort(run);
  for (const untilMs = performance.now() + ECHO_MS; performance.now() < untilMs; ) {
    const next = await glance(run.next);
    if (next?.facts.role.kind === 'master') {
      const {facts} = await run.old.look();
      return demoteAgain(run, {before: facts, after: next.facts, fence});
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await unfence(run.old);
  return 'undone';
}

interface TwoMasters {
  readonly before: ServerFacts;
  readonly after: ServerFacts;
  readonly fence: Fence | null;
}

/** The request reached the new master and its answer did not reach the old one, which leads again. It goes under, if it has taken nothing since. */
async function demoteAgain(run: Run, {before, after, fence}: TwoMasters): Promise<FailoverEnd> {
  const isHeldOff = fence !== null && Date.now() - fence.atMs < 0.9 * run.options.fenceMs;
  const own = ownBytes(before);
  const isOurs = fence === null || isPromotedAfter(after, fence);
  if (!isOurs || !(isHeldOff || own === 0)) throw trouble.twoMasters(run.handover, own);
  const {host, port} = run.handover.next.peer;
  await replicaOf(new Orders(await run.old.connection()), run.handover.old, [host, port]);
  return 'over';
}

/** What a master has written since it was promoted out of another history; null when it was not. */
function ownBytes({lineage}: ServerFacts): number | null {
  return lineage.secondOffset === null ? null : Math.max(0, lineage.offset - (lineage.secondOffset - 1));
}
