/**
 * The mastership of a shard passes from one server to another that follows it, and no acknowledged write is lost:
 * hold writes off at the old one → let the new one catch up → the old one follows the new one → promote the new one → let clients go on.
 *
 * The old one is demoted before the new one is promoted. Whoever dies in between leaves two servers that take no writes, which can be
 * mended; the other order leaves two that do. Late writers are refused with READONLY, so what is lost was never acknowledged.
 */
import {RtopoError} from '../errors.js';
import type {Connection} from '../redis/connect.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Address, Auth} from '../topology/types.js';
import {parentGone} from './follow.js';
import {failOver, isFailingOver, settleFailover} from './handover-failover.js';
import * as trouble from './handover-trouble.js';
import {Orders, replicaOf, replyOf, setLogin} from './orders.js';
import {finish, glance, proofOf, reached, takeBack, unfence} from './promotion.js';
import {type Sight, Watched} from './sight.js';
import {type Handover, isPromotedAfter, isUnder, type Pair, standOf} from './stand.js';

/** Up to where the old master had written when its writes were held off. */
export interface Fence {
  readonly replid: string;
  readonly offset: number;
  /** Full synchronisations that the new one had given by then; null when it does not say. One more, and the old one came to it by a full one. */
  readonly fullSyncs: number | null;
  /** When writes were held off, epoch milliseconds. */
  readonly atMs: number;
}

/** By the server's own FAILOVER, or by a write pause and two orders. */
export type Engine = 'failover' | 'pause';

export interface HandoverOptions {
  /** How the old master will log in to the new one; null: as it is configured. */
  readonly login: Auth | null;
  readonly commandTimeoutMs: number;
  /** How long writes may be held off, in milliseconds. The server itself lets them go then, whatever becomes of us. */
  readonly fenceMs: number;
  /** What an earlier run had fenced before it died. */
  readonly fence: Fence | null;
  /** The new master has everything; the old one is demoted next. Awaited: what it writes is on disk before that. */
  readonly onFenced: (fence: Fence) => unknown;
  /**
   * When the old master goes away, take the new one off it, lest it be emptied by one that comes back empty. Not where clients know the
   * new one: they would take it for the master, while the old one may only be out of our sight. Default: true.
   */
  readonly detachesNext?: boolean;
  /** The old master follows the new one, and takes no writes for good. Not awaited. */
  readonly onDemoted?: () => void;
  /** The new master exactly as the old one lists it: FAILOVER is used. Absent: a write pause and two orders. */
  readonly failover?: FailoverTo | null;
}

export interface FailoverTo extends Address {
  /** Where the server refuses FAILOVER, go on without it: the writes are held off already. */
  readonly orPause: boolean;
}

/** The proof: nothing was acknowledged beyond `fencedOffset`, and the new master has all up to `promotedOffset`, which is no less. */
export interface Handed {
  readonly fencedOffset: number;
  readonly promotedOffset: number;
  /** From the order that held writes off to the promotion, by whichever runs; null when an earlier one made both. */
  readonly writeGapMs: number | null;
  /** See `Fence`. */
  readonly fullSyncs: number | null;
  /** Null when an earlier run has done it. */
  readonly engine: Engine | null;
}

export interface Run extends Pair<Watched> {
  readonly handover: Handover;
  readonly options: HandoverOptions;
}

/**
 * Goes on from wherever the two servers stand. The new one must follow the old one and have caught up once.
 * @throws RtopoError exit 4: before the demotion all is as it was; after it the message says who leads
 */
export async function handOver(handover: Handover, options: HandoverOptions): Promise<Handed> {
  const {commandTimeoutMs} = options;
  const run: Run = {
    ...{handover, options},
    ...{old: new Watched(handover.old, commandTimeoutMs), next: new Watched(handover.next, commandTimeoutMs)},
  };
  try {
    const seen = await bothSettled(run);
    const stand = standOf(handover, {old: seen.old?.facts ?? null, next: seen.next?.facts ?? null});
    switch (stand) {
      case 'old-leads':
        return await change(run, seen.old!.facts);
      case 'nobody-leads':
        return await finish(run, options.fence);
      case 'next-leads':
        return handedBy(run, seen.next!);
      case 'old-gone':
      case 'apart':
        return await withoutOld(run, seen.next!);
      case 'next-gone':
        throw trouble.nextGone(handover, seen.old?.facts.role.kind === 'master');
    }
  } finally {
    run.old.close();
    run.next.close();
  }
}

/** A failover that an earlier run has ordered goes on in the server: it has to end before anything else is done. */
async function bothSettled(run: Run): Promise<Pair<Sight | null>> {
  const old = await glance(run.old);
  if (isFailingOver(old?.facts)) {
    const now = performance.now();
    await settleFailover(run, run.options.fence, {deadlineMs: now + run.options.fenceMs, beganMs: now});
  }
  return {old: await glance(run.old), next: await glance(run.next)};
}

/**
 * Undoes what an earlier run has begun: the old master leads, and takes writes. Only as long as the new one was not promoted.
 * Returns whether the new one leads too: the old one came back as a master by itself, after the other had been promoted.
 * @throws RtopoError exit 3 `ALREADY_HANDED_OVER`; exit 4 where it cannot be told what the new one does
 */
export async function handBack(handover: Handover, options: Omit<HandoverOptions, 'onFenced'>): Promise<boolean> {
  const {commandTimeoutMs} = options;
  const run: Run = {
    ...{handover, options: {...options, onFenced: () => undefined}},
    ...{old: new Watched(handover.old, commandTimeoutMs), next: new Watched(handover.next, commandTimeoutMs)},
  };
  try {
    const {old, next} = await bothSettled(run);
    if (old === null) throw trouble.oldLost(handover);
    if (next?.facts.role.kind === 'master' && isUnder(old.facts, handover.next)) throw trouble.alreadyHanded(handover);
    // One that is merely late may be obeying an order at this moment.
    if (next === null && old.facts.role.kind !== 'master' && !(await run.next.isGone()))
      throw trouble.nextGone(handover, false);
    if (old.facts.role.kind === 'master') await unfence(run.old);
    else if (isUnder(old.facts, handover.next)) await takeBack(run);
    else throw trouble.notAttached(handover);
    return next?.facts.role.kind === 'master';
  } finally {
    run.old.close();
    run.next.close();
  }
}

async function change(run: Run, seen: ServerFacts): Promise<Handed> {
  await prepareOld(run);
  const [beganMs, atMs] = [performance.now(), Date.now()];
  const old = await run.old.connection();
  let fence: Fence;
  try {
    await old.call('CLIENT', ['PAUSE', run.options.fenceMs, 'WRITE']);
    fence = {...(await catchUpFenced(run, seen, beganMs)), atMs};
    await run.options.onFenced(fence);
    // Held up on the way, by a slow disk or a stopped process: what is written after the fence has ended would be in no proof.
    if (performance.now() - beganMs > 0.8 * run.options.fenceMs)
      throw trouble.late(run.handover, 'the time was nearly over');
  } catch (error) {
    await unfence(run.old);
    await protect(run, seen, error);
    throw error;
  }
  const {failover = null, fenceMs} = run.options;
  if (failover !== null) {
    const leftMs = 0.9 * fenceMs - (performance.now() - beganMs);
    const end = await failOver(run, {fence, target: failover, leftMs});
    if (end === 'over') return failedOver(run, fence);
    if (end === 'nobody') return finish(run, fence);
    if (end === 'undone' || !failover.orPause) {
      await unfence(run.old);
      throw end === 'undone' ? trouble.failoverUndone(run.handover) : trouble.failoverRefused(run.handover);
    }
  }
  const orderedMs = Date.now();
  await demote(run, old, seen);
  run.options.onDemoted?.();
  return finish(run, fence, orderedMs);
}

async function failedOver(run: Run, fence: Fence): Promise<Handed> {
  const writeGapMs = Date.now() - fence.atMs;
  const {facts} = await run.next.look();
  await unfence(run.old);
  return {...proofOf(run, facts, fence), writeGapMs, fullSyncs: fence.fullSyncs, engine: 'failover'};
}

/** The old master is gone or another process: were it to come back empty, the new one must not follow it there. */
async function protect(run: Run, seen: ServerFacts, error: unknown): Promise<void> {
  if (!(error instanceof RtopoError) || error.code === 'TIMEOUT') return;
  const now = await glance(run.old);
  if (now?.facts.runId === seen.runId) return;
  if (run.options.detachesNext === false) throw trouble.oldGone(run.handover);
  throw await parentGone({child: run.handover.next, parent: run.handover.old}, run.next);
}

/** The old master is about to be a replica: it needs a login, and must refuse writes. A writable replica would acknowledge and lose them. */
async function prepareOld({old, handover, options}: Run): Promise<void> {
  const connection = await old.connection();
  const orders = new Orders(connection);
  await setLogin(orders, {auth: options.login, masters: [handover.next]});
  const readOnly = await connection.attempt('CONFIG', ['GET', 'replica-read-only']);
  if (Array.isArray(readOnly) && readOnly[1] === 'no') await orders.give('CONFIG', ['SET', 'replica-read-only', 'yes']);
}

async function catchUpFenced(run: Run, planned: ServerFacts, beganMs: number): Promise<Omit<Fence, 'atMs'>> {
  const {facts} = await run.old.look();
  if (facts.runId !== planned.runId || facts.role.kind !== 'master') throw trouble.oldChanged(run.handover);
  const {replid, offset} = facts.lineage;
  // A part of the time is left for the demotion.
  const next = await reached(run.next, {replid, offset}, beganMs + 0.7 * run.options.fenceMs);
  if (next !== null) return {replid, offset, fullSyncs: next.facts.fullSyncs};
  throw trouble.late(run.handover, `it had not caught up with offset ${offset} in time`);
}

async function demote(run: Run, old: Connection, seen: ServerFacts): Promise<void> {
  const {host, port} = run.handover.next.peer;
  try {
    await replicaOf(new Orders(old), run.handover.old, [host, port]);
  } catch (error) {
    const isRefused = replyOf(error) !== null;
    // Without a reply it may have happened: only the server knows.
    const facts = isRefused ? null : ((await glance(run.old))?.facts ?? null);
    if (facts?.role.kind === 'replica') return;
    if (isRefused || facts !== null) await unfence(run.old);
    await protect(run, seen, error);
    throw isRefused || facts !== null ? error : trouble.oldSilent(run.handover);
  }
}

/** An earlier run has promoted it. The old one, its replica since, has all that it had before and what came later. */
function handedBy(run: Run, next: Sight): Handed {
  const {lineage} = next.facts;
  const {fence} = run.options;
  const promotedOffset = lineage.secondOffset === null ? lineage.offset : lineage.secondOffset - 1;
  const fencedOffset = fence !== null && lineage.replid2 === fence.replid ? fence.offset : promotedOffset;
  if (promotedOffset < fencedOffset) throw trouble.notProved(run.handover, fencedOffset, promotedOffset);
  return {fencedOffset, promotedOffset, writeGapMs: null, fullSyncs: fence?.fullSyncs ?? null, engine: null};
}

/** The old master does not answer, or leads a life of its own: only what was written down before its demotion allows to go on. */
async function withoutOld(run: Run, next: Sight): Promise<Handed> {
  const {handover, options} = run;
  if (options.fence !== null && isPromotedAfter(next.facts, options.fence)) return handedBy(run, next);
  // Whether it acknowledged more after the fence cannot be told without it. What the new one has is kept, and nobody is promoted.
  if (options.detachesNext === false && options.fence === null) throw trouble.oldGone(handover);
  if (options.detachesNext !== false && isUnder(next.facts, handover.old) && (await run.old.isGone()))
    throw await parentGone({child: handover.next, parent: handover.old}, run.next);
  throw options.fence === null ? trouble.notAttached(handover) : trouble.oldLost(handover);
}
