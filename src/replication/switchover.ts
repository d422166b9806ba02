/** A planned change of master: observe, plan, prove, carry out, and what it comes to. */
import type {SwitchoverReport} from '../report/switchover.js';
import {addressText} from '../topology/types.js';
import {type ChangeHooks, Changing} from './changing.js';
import {Watched} from './sight.js';
import {changesDir, refuseUnfinished, type Where} from './switchover-history.js';
import type {SwitchPlan} from './switchover-plan.js';
import {prepareSwitchover, type SwitchRequest} from './switchover-preflight.js';
import {afterwards, type ChangeVerdict, plannedReport, toldReport, verdictOf} from './switchover-report.js';
import {carryOutSwitchover, planStale} from './switchover-run.js';

export interface Changed {
  readonly report: SwitchoverReport;
  readonly verdict: ChangeVerdict;
  readonly warnings: readonly string[];
}

export interface SwitchOptions extends SwitchRequest {
  /** The topology file as it was read. */
  readonly text: string;
  readonly where: Where;
  readonly timeoutMs: number;
}

export class Switchover {
  readonly report: SwitchoverReport;
  readonly verdict: ChangeVerdict;
  readonly warnings: readonly string[];
  readonly #plan: SwitchPlan;
  readonly #options: SwitchOptions;

  private constructor(plan: SwitchPlan, options: SwitchOptions) {
    this.#plan = plan;
    this.#options = options;
    this.report = plannedReport(plan);
    this.verdict = verdictOf(this.report);
    this.warnings = plan.warnings;
  }

  /** Changes nothing. @throws RtopoError exit 3 while an earlier change of this shard is unfinished; exit 64 for unknown names */
  static async plan(options: SwitchOptions): Promise<Switchover> {
    refuseUnfinished(options.where, options.shard.name);
    return new Switchover(await prepareSwitchover(options, options.timeoutMs), options);
  }

  /** False when it must not be done. */
  get mayRun(): boolean {
    return this.report.phase === 'planned';
  }

  async run(hooks: Omit<ChangeHooks, 'timeoutMs'>): Promise<Changed> {
    const {where, timeoutMs, shard, fenceMs, killClients} = this.#options;
    const {old, next, engine, engineReason, failover} = this.#plan;
    // The folder is looked at before anything is begun: without a journal nothing is changed.
    changesDir(where);
    const names = {shard: shard.name, old: addressText(old.address), next: addressText(next!.address)};
    const intent = {
      ...{
        kind: 'switchover' as const,
        ...names,
        fromText: this.#options.text,
        engine,
        engineReason,
        fenceMs,
        killClients,
      },
      ...{discard: [], isDeclaredDead: false},
    };
    const changing = await Changing.begin(where, intent, {...hooks, timeoutMs});
    await this.#begun(changing);
    await carryOutSwitchover(changing, failover);
    return changed(changing);
  }

  /** Nothing is changed yet: an operation that cannot be begun leaves no journal. */
  async #begun(changing: Changing): Promise<void> {
    try {
      await changing.locks.take(changing.cast.shard.name, changing.cast.old);
      await this.#assertFresh(changing);
    } catch (error) {
      await changing.locks.release();
      await changing.journal.discard();
      throw error;
    }
  }

  /** Somebody may have thought about the question for an hour. */
  async #assertFresh({cast: {old, next}, hooks}: Changing): Promise<void> {
    for (const [instance, kind] of [
      [old, 'master'],
      [next, 'replica'],
    ] as const) {
      const server = new Watched(instance, hooks.timeoutMs);
      const {facts} = await server.look().finally(() => server.close());
      const at = addressText(instance.address);
      if (facts.runId !== this.#plan.runIds.get(at))
        throw planStale(`${at} was restarted or replaced since the plan was made`);
      if (facts.role.kind !== kind) throw planStale(`${at} changed its role since the plan was made`);
    }
  }
}

export function changed({told}: Changing): Changed {
  const report = toldReport(told);
  return {report, verdict: verdictOf(report), warnings: afterwards(report)};
}
