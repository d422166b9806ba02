/** The wing's story: observe, plan, prove, apply, and what it comes to. */
import type {Finding} from '../report/finding.js';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import type {Address, Topology} from '../topology/types.js';
import {applyReplication} from './apply.js';
import {makePlan, type Planned} from './planning.js';
import {planStale, readPlan, savedPlan, staleFacts, writePlan} from './saved-plan.js';
import {
  missedPredictions,
  plannedSteps,
  type ReplicationVerdict,
  reportOf,
  skippedSteps,
  verdictOf,
} from './verdict.js';

export type {ReplicationVerdict} from './verdict.js';

export interface ReplicationOptions {
  readonly topology: Topology;
  readonly discard: readonly Address[];
  readonly commandTimeoutMs: number;
  readonly linkTimeoutMs: number;
  /** Full synchronisations that one parent gives at a time; null: the default. */
  readonly parallelSyncs?: number | undefined;
}

export interface Applied {
  readonly report: ReplicateReport;
  readonly verdict: ReplicationVerdict;
  /** What was done and may surprise later, as sentences. */
  readonly warnings: readonly string[];
}

export class Replication {
  readonly report: ReplicateReport;
  readonly verdict: ReplicationVerdict;
  readonly #planned: Planned;
  readonly #options: ReplicationOptions;

  private constructor(planned: Planned, options: ReplicationOptions) {
    this.#planned = planned;
    this.#options = options;
    const {plan, warnings} = planned;
    this.report = reportOf(plan, plannedSteps(plan), {applied: false, changed: false, warnings});
    this.verdict = verdictOf(this.report, null);
  }

  /** Observes and plans, and proves what can be proved beforehand. Changes nothing. */
  static async plan(options: ReplicationOptions): Promise<Replication> {
    return new Replication(await makePlan(options), options);
  }

  /**
   * The plan of a file, with the consents it was made with, against the servers as they are now.
   * @throws RtopoError exit 3 `PLAN_STALE` naming every fact that has changed, exit 3 `PLAN_DAMAGED`, exit 64 without a file
   */
  static async saved(path: string, options: ReplicationOptions): Promise<Replication> {
    const saved = await readPlan(path);
    const now = {...options, discard: saved.discard};
    const replication = new Replication(await makePlan(now), now);
    const {plan, observation} = replication.#planned;
    const facts = staleFacts(saved, {topology: options.topology, observation, plan});
    if (facts.length > 0) throw planStale(saved, facts);
    return replication;
  }

  /** False when there is nothing to do, or when it must not be done. */
  get hasWork(): boolean {
    return this.report.refused.length === 0 && this.#planned.plan.shards.some(({steps}) => steps.length > 0);
  }

  /** A plan that is refused is not worth a file. */
  async save(path: string, command: string): Promise<ReplicateReport> {
    if (this.report.refused.length > 0) return this.report;
    const made = {command, nowMs: Date.now(), discard: this.#options.discard};
    await writePlan(path, savedPlan({...this.#planned, topology: this.#options.topology}, made));
    return {...this.report, planFile: path};
  }

  async apply(say: (text: string) => void, signal?: AbortSignal): Promise<Applied> {
    const {plan, observation, warnings} = this.#planned;
    const {parallelSyncs, ...options} = this.#options;
    const results = await applyReplication(plan, {
      ...{...options, observation},
      ...(parallelSyncs === undefined ? {} : {parallelSyncs}),
      ...(signal === undefined ? {} : {signal}),
      onStep: (step, moment) => narrate(step, moment, say),
      onWait: ({instance}, missing) => say(`${instance}: ${missing}`),
    });
    const steps = results.map((result) => result.report);
    const changed = results.some((result) => result.changed);
    // Whether it lasts is known now, step by step.
    const lasting = warnings.filter(({code}) => code !== 'NOT_PERSISTABLE');
    const report = reportOf(plan, [...steps, ...skippedSteps(plan)], {
      ...{applied: true, changed},
      warnings: [...lasting, ...missedPredictions(steps)],
    });
    const failure = results.find(({error}) => error !== null)?.error ?? null;
    const surprises = missedPredictions(steps).map(({message}: Finding) => message);
    return {report, verdict: verdictOf(report, failure), warnings: [...volatile(steps), ...surprises]};
  }
}

function narrate(step: ReplicateStepReport, moment: 'start' | 'end', say: (text: string) => void): void {
  const {action, instance, target, outcome} = step;
  if (action !== 'replicate-from') return;
  if (moment === 'start') say(`${instance} → replica of ${target}, waiting for the link`);
  else if (outcome === 'undone') say(`${instance}: the link did not come up, and was undone`);
}

/** Roles that the next restart takes back. */
function volatile(steps: readonly ReplicateStepReport[]): string[] {
  const list = (persisted: ReplicateStepReport['persisted']): string[] => [
    ...new Set(
      steps.filter((step) => step.persisted === persisted && step.outcome !== 'undone').map(({instance}) => instance),
    ),
  ];
  const [without, failed] = [list('no-config-file'), list('failed')];
  return [
    ...(without.length === 0
      ? []
      : [
          `not persisted on ${without.join(', ')}: started without a config file, so a restart brings the old role back`,
        ]),
    ...(failed.length === 0
      ? []
      : [
          `not persisted on ${failed.join(', ')}: CONFIG REWRITE failed; the server must be able to write the directory ` +
            'of its config file, or a restart brings the old role back',
        ]),
  ];
}
