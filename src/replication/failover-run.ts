/** A dead master is succeeded, under journal: the evidence is looked at once more, then the candidate is promoted, and locked at once. */
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import {addressText} from '../topology/types.js';
import {type Changing, unfinished} from './changing.js';
import {Orders, replicaOf, replyOf} from './orders.js';
import {type Sight, Watched} from './sight.js';
import {planStale} from './switchover-run.js';
import {finishChange} from './switchover-settle.js';

/** The way to the end, from wherever it stands. @throws RtopoError exit 3 (nothing changed), 4 or 130 */
export async function carryOutFailover(changing: Changing, bytesLost: number | null = null): Promise<void> {
  try {
    if (changing.told.promoted === null) await promote(changing, bytesLost);
    await finishChange(changing);
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'LOCKED') await changing.end('aborted');
    throw changing.told.end === null ? unfinished(changing, error) : error;
  } finally {
    await changing.close();
  }
}

async function promote(changing: Changing, bytesLost: number | null): Promise<void> {
  const {cast, hooks, told} = changing;
  const next = new Watched(cast.next, hooks.timeoutMs);
  try {
    const sight = await next.look();
    const {lineage, role} = sight.facts;
    if (role.kind !== 'master') {
      if (hooks.interrupted()) throw await endedBefore(changing, interrupted());
      if (isLess(changing, sight.facts)) throw await endedBefore(changing, replaced(changing));
      if (await answersAsMaster(changing)) throw await endedBefore(changing, alive(changing));
      const mark = {replid: lineage.replid, offset: lineage.offset};
      const inherited = await lockOn(next);
      await changing.note({type: 'promoting', mark, fullSyncs: sight.facts.fullSyncs, bytesLost, inherited});
      if (!(await order(next, sight.facts.runId, hooks.timeoutMs)))
        throw await endedBefore(changing, replaced(changing));
    } else if (told.promoting === null) {
      // Promoted by somebody else: what it was promoted from is the history of the dead one.
      const mark = {
        replid: lineage.replid2 ?? lineage.replid,
        offset: (lineage.secondOffset ?? lineage.offset + 1) - 1,
      };
      await changing.note({type: 'promoting', mark, fullSyncs: sight.facts.fullSyncs, bytesLost, inherited: null});
    }
    await noteProof(changing, await next.look());
  } finally {
    next.close();
  }
}

async function lockOn(next: Watched): Promise<string | null> {
  const lock = await (await next.connection()).attempt('GET', [LOCK_KEY]);
  return typeof lock === 'string' ? lock : null;
}

async function noteProof(changing: Changing, {facts: {lineage}}: Sight): Promise<void> {
  const {mark, fullSyncs, bytesLost} = changing.told.promoting!;
  const promotedOffset =
    lineage.replid2 === mark.replid && lineage.secondOffset !== null ? lineage.secondOffset - 1 : lineage.offset;
  const handed = {fencedOffset: mark.offset, promotedOffset, writeGapMs: null, fullSyncs, bytesLost};
  await changing.note({type: 'promoted', handed: {...handed, engine: 'promotion'}});
  changing.hooks.say(`${addressText(changing.cast.next.address)} leads, from offset ${promotedOffset}`);
}

/**
 * An order without a reply may have been obeyed, or be obeyed later: only the server knows. False: the process that was chosen is gone, and
 * the one at its address, which may hold nothing, was told nothing.
 */
async function order(next: Watched, runId: string, timeoutMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + 2 * timeoutMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      if (!isFirst) {
        const {facts} = await next.look();
        if (facts.runId !== runId) return false;
        if (facts.role.kind === 'master') return true;
      }
      await replicaOf(new Orders(await next.connection()), next.instance, ['NO', 'ONE']);
      if ((await next.look()).facts.role.kind === 'master') return true;
    } catch (error) {
      if (replyOf(error) !== null) throw error;
      next.close();
    }
    if (performance.now() >= deadlineMs) throw unknown(next);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function unknown({instance}: Watched): RtopoError {
  const at = addressText(instance.address);
  return new RtopoError({
    code: 'PROMOTION_UNKNOWN',
    exit: ExitCode.incomplete,
    message: `${at} was told to lead and does not answer. Nobody else is promoted as long as it may have obeyed.`,
    remedy: `bring ${at} back, or make certain that it is gone`,
  });
}

async function answersAsMaster({cast: {old}, hooks}: Changing): Promise<boolean> {
  const server = new Watched(old, hooks.timeoutMs);
  try {
    return (await server.look()).facts.role.kind === 'master';
  } catch (error) {
    if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return false;
    throw error;
  } finally {
    server.close();
  }
}

async function endedBefore(changing: Changing, error: RtopoError): Promise<RtopoError> {
  await changing.end('aborted');
  return error;
}

function interrupted(): RtopoError {
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: 'Interrupted. Nothing was changed.',
  });
}

/** The same command chooses anew, from what there is then. */
function replaced({cast: {next}}: Changing): RtopoError {
  return planStale(`${addressText(next.address)} was restarted or replaced since it was chosen`);
}

/** What an earlier run of it had chosen has lost something since: it came back empty, or with an old snapshot. */
function isLess({told: {promoting}}: Changing, {lineage}: Sight['facts']): boolean {
  // Its history may be another one by now: it was promoted before it fell.
  return promoting !== null && lineage.offset < promoting.mark.offset;
}

function alive({cast: {old, shard}, again}: Changing): RtopoError {
  return refusal({
    code: 'MASTER_ALIVE',
    message: `${addressText(old.address)} answers again, as a master. Nobody was promoted.`,
    remedy: `rtopo switchover ${shard.name}${again}`,
  });
}

/** As long as nobody was promoted there is nothing to undo. @throws RtopoError exit 3 `ALREADY_PROMOTED` */
export async function abortFailover({cast, hooks}: Changing): Promise<void> {
  const next = new Watched(cast.next, hooks.timeoutMs);
  try {
    const {facts} = await next.look();
    if (facts.role.kind !== 'master') return;
    throw refusal({
      code: 'ALREADY_HANDED_OVER',
      message: `${addressText(cast.next.address)} leads already and clients may have written to it. It cannot be undone, only finished.`,
    });
  } finally {
    next.close();
  }
}
