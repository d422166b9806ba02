/** The verbs on a change of master that was begun: it is finished, or undone, from wherever the servers stand. */
import {ExitCode, RtopoError} from '../errors.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {SwitchoverReport} from '../report/switchover.js';
import type {Instance} from '../topology/types.js';
import {type Cast, type ChangeHooks, Changing, castOf, locksFor, unfinished} from './changing.js';
import {abortFailover, carryOutFailover} from './failover-run.js';
import {handBack} from './handover.js';
import * as trouble from './handover-trouble.js';
import type {ShardLocks} from './shard-lock.js';
import {type Changed, changed} from './switchover.js';
import {findChange, type Where} from './switchover-history.js';
import {readChange, type Told} from './switchover-record.js';
import {afterwards, toldReport, verdictOf} from './switchover-report.js';
import {carryOutSwitchover} from './switchover-run.js';

export interface RecoverOptions extends ChangeHooks {
  readonly where: Where;
  readonly id: string | undefined;
}

/** What a verb is about, to be looked at before it goes on. Asks no server. */
export function changeTold(where: Where, id: string | undefined): SwitchoverReport {
  return toldReport(findChange(where, id));
}

/** Goes on to the end. A finished change is reported as it ended. */
export function resumeChange(options: RecoverOptions): Promise<Changed> {
  return reopened(options, async (changing) => {
    if (changing.told.begin.kind === 'failover') return carryOutFailover(changing);
    // Whether FAILOVER can be used would have to be found out anew; a pause and two orders can do what it does.
    return carryOutSwitchover(changing, null);
  });
}

/** Undoes it, as long as the new master was not promoted. @throws RtopoError exit 3 `ALREADY_HANDED_OVER` */
export function abortChange(options: RecoverOptions): Promise<Changed> {
  return reopened(options, async (changing) => {
    let bothLead = false;
    try {
      if (changing.told.begin.kind === 'failover') await abortFailover(changing);
      else {
        bothLead = await undo(changing);
        // Where nobody led there was no lock to be taken, and that of the dead process has outlived the change of roles.
        await changing.locks.take(changing.cast.shard.name, changing.cast.old);
      }
      await changing.end('aborted');
    } catch (error) {
      const isRefused = error instanceof RtopoError && error.exit === ExitCode.refused;
      throw isRefused ? withResume(error, changing) : unfinished(changing, error);
    } finally {
      await changing.close();
    }
    if (bothLead) throw trouble.bothLead(changing.cast);
  });
}

function undo({cast: {old, next, topology}, told, hooks}: Changing): Promise<boolean> {
  const limits = {commandTimeoutMs: hooks.timeoutMs, fenceMs: told.begin.fenceMs};
  return handBack({old, next}, {login: topology.replicationAuth, ...limits, fence: told.fence});
}

function withResume({code, message, exit}: RtopoError, changing: Changing): RtopoError {
  const {shard, old} = changing.told.begin;
  const back = `rtopo switchover ${shard} --to ${old}${changing.again}`;
  return new RtopoError({code, message, exit, remedy: `${changing.resume}; and back again: ${back}`});
}

async function reopened(options: RecoverOptions, work: (changing: Changing) => Promise<unknown>): Promise<Changed> {
  const {where, id, ...hooks} = options;
  const found = findChange(where, id);
  if (found.end !== null) return ended(found);
  const locks = locksFor(found.begin, hooks.timeoutMs);
  let changing: Changing;
  try {
    const cast = castOf(found.begin);
    await lockLeader(locks, cast, {told: found, timeoutMs: hooks.timeoutMs});
    // Until the lock was ours another process may have gone on with it, and even ended it.
    const told = readChange(found.path) ?? found;
    if (told.end !== null) {
      await locks.release();
      return ended(told);
    }
    changing = await Changing.reopen({told, cast, locks, hooks, again: where.again});
  } catch (error) {
    await locks.release();
    const isLocked = error instanceof RtopoError && error.code === 'LOCKED';
    throw isLocked ? error : unfinished({told: found, again: where.again}, error);
  }
  await work(changing);
  return changed(changing);
}

function ended(told: Told): Changed {
  const report = toldReport(told);
  return {report, verdict: verdictOf(report), warnings: afterwards(report)};
}

/** Where nobody leads the lock can be read and not taken. */
async function lockLeader(
  locks: ShardLocks,
  {shard, old, next}: Cast,
  {told, timeoutMs}: {readonly told: Told; readonly timeoutMs: number},
): Promise<void> {
  const inherited = told.promoting?.inherited ?? null;
  if (await leads(old, timeoutMs)) return locks.take(shard.name, old);
  if (await leads(next, timeoutMs)) return locks.take(shard.name, next, inherited);
  // What a dead master has left in its replicas is nobody's.
  if (told.begin.kind === 'switchover') await locks.assertNotForeign(next);
}

async function leads(instance: Instance, timeoutMs: number): Promise<boolean> {
  try {
    const facts = await withConnection(endpointOf(instance), timeoutMs, readFacts);
    return facts.role.kind === 'master' && (facts.failoverState ?? 'no-failover') === 'no-failover';
  } catch (error) {
    if (error instanceof RtopoError && error.exit === ExitCode.unreachable) return false;
    throw error;
  }
}
