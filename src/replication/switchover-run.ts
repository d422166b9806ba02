/** A live master hands over, under lock and journal. What fails before the demotion leaves everything as it was, and ends the operation. */
import {ExitCode, RtopoError, refusal} from '../errors.js';
import {addressText} from '../topology/types.js';
import {type Changing, unfinished} from './changing.js';
import {handOver} from './handover.js';
import {isFailingOver} from './handover-failover.js';
import {glance, reached, unfence} from './promotion.js';
import {Watched} from './sight.js';
import {isUnder} from './stand.js';
import {abortCommand} from './switchover-history.js';
import type {SwitchPlan} from './switchover-plan.js';
import {finishChange} from './switchover-settle.js';

/** Lets a replica that is far behind come near before writes are held off, so that they are held off for a moment only. */
const NEAR_BYTES = 256 * 1024;
const POLL_MS = 20;

/** The way to the end, from wherever it stands. @throws RtopoError exit 1 (nothing changed), 3, 4 or 130 */
export async function carryOutSwitchover(changing: Changing, failover: SwitchPlan['failover']): Promise<void> {
  try {
    if (changing.told.promoted === null) await change(changing, failover);
    await finishChange(changing);
  } catch (error) {
    throw changing.told.end === null ? unfinished(changing, error) : error;
  } finally {
    await changing.close();
  }
}

async function change(changing: Changing, failover: SwitchPlan['failover']): Promise<void> {
  const {hooks, told} = changing;
  const {old, next, topology} = changing.cast;
  if (told.fence === null) await comeNear(changing);
  if (hooks.interrupted() && told.fence === null) throw await interruptedBefore(changing);
  changing.locks.assertHeld();
  hooks.say(`${addressText(old.address)} → ${addressText(next.address)}: holding writes off`);
  try {
    const handed = await handOver(
      {old, next},
      {
        ...{login: topology.replicationAuth, commandTimeoutMs: hooks.timeoutMs},
        ...{fenceMs: told.begin.fenceMs, fence: told.fence, failover, detachesNext: false},
        onFenced: async (fence) => {
          await changing.note({type: 'fence', fence});
          changing.locks.assertHeld();
        },
        // Not waited for: it only makes a later judgement more certain, and clients are waiting.
        onDemoted: () => void changing.note({type: 'demoted'}).catch(() => undefined),
      },
    );
    await changing.note({type: 'promoted', handed: {...handed, bytesLost: 0}});
    const gap = handed.writeGapMs === null ? '' : ` after ${handed.writeGapMs} ms`;
    hooks.say(
      `${addressText(next.address)} leads${gap}, from offset ${handed.promotedOffset} (fenced at ${handed.fencedOffset})`,
    );
  } catch (error) {
    throw await ending(changing, error);
  }
}

async function comeNear(changing: Changing): Promise<void> {
  const {hooks} = changing;
  const {old, next} = changing.cast;
  const [before, after] = [new Watched(old, hooks.timeoutMs), new Watched(next, hooks.timeoutMs)];
  try {
    const {facts} = await before.look();
    if (facts.role.kind !== 'master') return;
    const near = {replid: facts.lineage.replid, offset: facts.lineage.offset - NEAR_BYTES};
    if ((await reached(after, near, performance.now() + 4 * hooks.timeoutMs, POLL_MS)) !== null) return;
    await changing.end('aborted');
    throw new RtopoError({
      code: 'CANDIDATE_LAGS',
      exit: ExitCode.failed,
      message: `${addressText(next.address)} is more than ${NEAR_BYTES / 1024} kB behind and does not come nearer. Nothing was changed.`,
      remedy: 'rtopo status shows the lag; try again when less is written, or name another replica with --to',
    });
  } finally {
    before.close();
    after.close();
  }
}

async function interruptedBefore(changing: Changing): Promise<RtopoError> {
  await changing.end('aborted');
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: 'Interrupted. Nothing was changed.',
  });
}

/** Ends the operation where the old master leads as before, or where it is no planned change any more; else it stays unfinished. */
async function ending(changing: Changing, error: unknown): Promise<unknown> {
  if (!(error instanceof RtopoError)) return error;
  const {code, message, remedy, details} = error;
  const about = {code, message, cause: error, ...(details === undefined ? {} : {details})};
  if (code === 'OLD_UNREACHABLE') {
    const dead = `rtopo failover ${changing.cast.shard.name}${changing.again}`;
    return new RtopoError({
      ...about,
      exit: ExitCode.incomplete,
      remedy: `${remedy}, then: ${changing.resume}; if it leads, and is the right one: ${abortCommand(changing.told, changing.again)}; if it is dead: ${dead}`,
    });
  }
  if (!(await isAsBefore(changing))) return error;
  await changing.end('aborted');
  return new RtopoError({...about, exit: ExitCode.failed, ...(remedy === undefined ? {} : {remedy})});
}

/** The old master leads and takes writes, and the new one, when it answers, follows it. */
async function isAsBefore({cast: {old, next}, hooks}: Changing): Promise<boolean> {
  const [before, after] = [new Watched(old, hooks.timeoutMs), new Watched(next, hooks.timeoutMs)];
  try {
    const [one, two] = [await glance(before), await glance(after)];
    if (one === null || one.facts.role.kind !== 'master' || isFailingOver(one.facts)) return false;
    await unfence(before);
    // One that does not answer has been ordered nothing: an order to it comes after the demotion.
    return two === null || (isUnder(two.facts, old) && two.facts.role.kind === 'replica');
  } finally {
    before.close();
    after.close();
  }
}

export function planStale(fact: string): RtopoError {
  return refusal({
    code: 'PLAN_STALE',
    message: `The plan is stale: ${fact}. Nothing was changed.`,
    remedy: 'run the command again: it plans from what is there now',
  });
}
