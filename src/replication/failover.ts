/** The master is dead: observe, judge, choose, promote, and what it comes to. */

import {escapeText, refusal, usageError} from '../errors.js';
import {isAlive} from '../journal/lock.js';
import {Journal} from '../journal/record.js';
import type {FailoverReport} from '../report/failover.js';
import type {Refusal} from '../report/replicate.js';
import {addressText, type Topology} from '../topology/types.js';
import {type ChangeHooks, Changing} from './changing.js';
import {type FailoverInput, type FailoverPlan, planFailover} from './failover-plan.js';
import {carryOutFailover} from './failover-run.js';
import {factsOf, type Observation, observeTopology} from './observe.js';
import {proveOrders} from './prove.js';
import {Watched} from './sight.js';
import {changesDir, resumeCommand, unfinishedChanges, type Where} from './switchover-history.js';
import {meansOf, ordersOf, refuseRights, refuseSentinel} from './switchover-preflight.js';
import type {ChangeRecord, Told} from './switchover-record.js';
import {afterwards, type ChangeVerdict, NOTHING_DONE, toldReport, verdictOf} from './switchover-report.js';
import {planStale} from './switchover-run.js';

export interface FailoverOptions extends Omit<FailoverInput, 'observation' | 'means' | 'earlier'> {
  readonly where: Where;
  readonly text: string;
  readonly timeoutMs: number;
}

export interface FailedOver {
  readonly report: FailoverReport;
  readonly verdict: ChangeVerdict;
  readonly warnings: readonly string[];
}

export class Failover {
  readonly report: FailoverReport;
  readonly verdict: ChangeVerdict;
  readonly warnings: readonly string[];
  readonly #plan: FailoverPlan;
  readonly #earlier: Told | null;
  readonly #options: FailoverOptions;

  private constructor(plan: FailoverPlan, earlier: Told | null, options: FailoverOptions) {
    [this.#plan, this.#earlier, this.#options] = [plan, earlier, options];
    this.report = reportOf(plan);
    this.verdict = verdictOf(this.report);
    this.warnings = plan.warnings;
  }

  /** Changes nothing. @throws RtopoError exit 3 while an earlier failover of this shard is unfinished; exit 64 for unknown names */
  static async plan(options: FailoverOptions): Promise<Failover> {
    const {topology, shard, timeoutMs, where} = options;
    assertConsents(options);
    const earlier = earlierOf(where, shard.name);
    const observation = await observeTopology({...topology, shards: [shard]}, timeoutMs);
    const means = await meansOf(shard, observation, timeoutMs);
    const plan = planFailover({...options, observation, means, earlier});
    // Of locks only the one that is taken counts: what the dead master's last operation has left travelled with the data.
    const others = refuseSentinel(shard, means);
    const {next} = plan;
    const rights =
      next === null ? [] : refuseRights(shard, next, means.get(addressText(next.address)), isPartOfPromotion);
    const refused = [...plan.refused, ...others, ...rights];
    const proved = refused.length > 0 ? [] : await proveLinks(plan, topology, {observation, timeoutMs});
    return new Failover({...plan, refused: [...refused, ...proved]}, earlier, options);
  }

  get mayRun(): boolean {
    return this.report.phase === 'planned';
  }

  /** The evidence does not suffice, and a person has said so instead: it is to be typed in full at a terminal. */
  get isDeclared(): boolean {
    return this.#options.isDeclaredDead;
  }

  async run(hooks: Omit<ChangeHooks, 'timeoutMs'>): Promise<FailedOver> {
    const {where, timeoutMs, text, discard, isDeclaredDead} = this.#options;
    const {shard, old, next, bytesLost} = this.#plan;
    changesDir(where);
    const names = {shard: shard.name, old: addressText(old.address), next: addressText(next!.address)};
    const intent = {
      ...{kind: 'failover' as const, ...names, fromText: text, engine: 'promotion' as const, engineReason: null},
      ...{fenceMs: 0, killClients: false, discard: discard.map(addressText), isDeclaredDead},
    };
    const changing = await Changing.begin(where, intent, {...hooks, timeoutMs});
    try {
      await this.#assertFresh(timeoutMs);
      await supersede(this.#earlier);
    } catch (error) {
      await changing.journal.discard();
      throw error;
    }
    await carryOutFailover(changing, bytesLost);
    return failedOver(changing.told, this.#plan);
  }

  async #assertFresh(timeoutMs: number): Promise<void> {
    const {next, runIds} = this.#plan;
    const server = new Watched(next!, timeoutMs);
    const {facts} = await server.look().finally(() => server.close());
    const at = addressText(next!.address);
    if (facts.runId !== runIds.get(at)) throw planStale(`${at} was restarted or replaced since the plan was made`);
  }
}

/** With a wrong login the replicas would knock at the new master without an end, and nobody would follow it. */
async function proveLinks(
  {shard, next, siblings}: FailoverPlan,
  topology: Topology,
  {observation, timeoutMs}: {readonly observation: Observation; readonly timeoutMs: number},
): Promise<Refusal[]> {
  if (next === null) return [];
  const reachable = siblings.filter((one) => factsOf(observation, one) !== null);
  return proveOrders(ordersOf(shard, next, reachable), topology, timeoutMs);
}

/** Nobody is fenced, and that a role cannot be written down is told afterwards. */
const isPartOfPromotion = (command: string): boolean => !/^(CLIENT|CONFIG) /.test(command);

function assertConsents({discard, shard}: FailoverOptions): void {
  const names = shard.replicas.map(({address}) => addressText(address));
  const stray = discard.find((address) => !names.includes(addressText(address)));
  if (stray === undefined) return;
  throw usageError({
    code: 'CONSENT_UNKNOWN',
    message: `--discard-data ${escapeText(addressText(stray))} names no declared replica of shard ${shard.name}.`,
    remedy: `name one of ${names.join(', ')}`,
  });
}

/** An unfinished switchover of the shard is overtaken by the death of its master; an unfinished failover is to be finished. */
function earlierOf(where: Where, shard: string): Told | null {
  const told = unfinishedChanges(where).find(({begin}) => begin.shard === shard);
  if (told === undefined) return null;
  const {id, kind} = told.begin;
  if (kind === 'switchover' && !isRunning(told)) return told;
  throw refusal({
    code: 'CHANGE_UNFINISHED',
    message: `The ${kind} ${id} of shard ${shard} is unfinished${isRunning(told) ? ', and its process still runs' : ''}. Nothing was changed.`,
    remedy: resumeCommand(told, where.again),
    details: {id},
  });
}

function isRunning({process: one}: Told): boolean {
  return one !== null && one.pid !== process.pid && isAlive(one) === true;
}

async function supersede(earlier: Told | null): Promise<void> {
  if (earlier === null) return;
  const journal = Journal.resume<ChangeRecord>(earlier.path, earlier.tail);
  await journal.append({type: 'end', phase: 'aborted'}, Date.now());
  await journal.close();
}

function reportOf(plan: FailoverPlan): FailoverReport {
  const {shard, old, next, steps, refused, evidence, candidates} = plan;
  return {
    ...{shard: shard.name, from: addressText(old.address), to: next === null ? '' : addressText(next.address)},
    ...{engine: 'promotion', engineReason: null, steps, refused, ...NOTHING_DONE},
    phase: refused.length > 0 ? 'refused' : 'planned',
    ...{evidence, candidates, fencingDuty: dutyOf(addressText(old.address))},
  };
}

/** Of a failover that is done, or was begun. */
export function failedOver(told: Told, plan: Pick<FailoverPlan, 'evidence' | 'candidates'> | null = null): FailedOver {
  const base = toldReport(told);
  const report: FailoverReport = {
    ...base,
    ...{evidence: plan?.evidence ?? [], candidates: plan?.candidates ?? []},
    fencingDuty: told.promoting === null ? null : dutyOf(told.begin.old),
  };
  return {report, verdict: verdictOf(report), warnings: afterwards(base)};
}

function dutyOf(old: string): string {
  return (
    `${old} must not come back as a master: stop its unit, or close its port to clients, before it starts again (its own file may still say master). ` +
    'When it is back: rtopo status says whether it leads, and what it has of its own; rtopo replicate attaches it, and asks before anything is lost.'
  );
}
