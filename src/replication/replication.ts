/** The wing's story: observe, plan, prove, apply, and what it comes to. */
import {ExitCode, RtopoError} from '../errors.js';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import type {Address, Topology} from '../topology/types.js';
import {applyReplication} from './apply.js';
import {type Observation, observeTopology} from './observe.js';
import {type Plan, planReplication} from './plan.js';
import {proveOrders} from './prove.js';
import {stepReport} from './step.js';

export interface ReplicationOptions {
  readonly topology: Topology;
  readonly discard: readonly Address[];
  readonly commandTimeoutMs: number;
  readonly linkTimeoutMs: number;
}

/** The verdict on a report: the exit code, and the error beside it when a script should read one. */
export interface ReplicationVerdict {
  readonly exit: ExitCode;
  readonly error?: RtopoError;
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
  readonly #plan: Plan;
  readonly #observation: Observation;
  readonly #options: ReplicationOptions;

  private constructor(plan: Plan, observation: Observation, options: ReplicationOptions) {
    this.#plan = plan;
    this.#observation = observation;
    this.#options = options;
    this.report = reportOf(plan, plannedSteps(plan), {applied: false, changed: false});
    this.verdict = verdictOf(this.report, null);
  }

  /** Observes and plans, and proves what can be proved beforehand. Changes nothing. */
  static async plan(options: ReplicationOptions): Promise<Replication> {
    const {topology, discard, commandTimeoutMs} = options;
    const observation = await observeTopology(topology, commandTimeoutMs);
    const plan = planReplication({topology, observation, discard});
    // A refused plan is not carried out, and the servers it names may be any.
    const unproved = plan.refused.length > 0 ? [] : await proveOrders(plan, topology, commandTimeoutMs);
    return new Replication({...plan, refused: [...plan.refused, ...unproved]}, observation, options);
  }

  /** False when there is nothing to do, or when it must not be done. */
  get hasWork(): boolean {
    return this.report.refused.length === 0 && this.#plan.shards.some(({steps}) => steps.length > 0);
  }

  async apply(say: (text: string) => void): Promise<Applied> {
    const results = await applyReplication(this.#plan, {
      ...this.#options,
      observation: this.#observation,
      onStep: (step, moment) => {
        if (moment === 'start' && step.action === 'replicate-from')
          say(`${step.instance} → replica of ${step.target}, waiting for the link`);
      },
    });
    const steps = results.map((result) => result.report);
    const changed = results.some((result) => result.changed);
    const report = reportOf(this.#plan, [...steps, ...skippedSteps(this.#plan)], {applied: true, changed});
    const failure = results.find(({error}) => error !== null)?.error ?? null;
    return {report, verdict: verdictOf(report, failure), warnings: volatile(steps)};
  }
}

/** Roles that the next restart takes back. */
function volatile(steps: readonly ReplicateStepReport[]): string[] {
  const list = (persisted: ReplicateStepReport['persisted']): string[] => [
    ...new Set(steps.filter((step) => step.persisted === persisted).map(({instance}) => instance)),
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

function plannedSteps(plan: Plan): ReplicateStepReport[] {
  const outcome = plan.refused.length > 0 ? 'skipped' : 'planned';
  const steps = plan.shards.flatMap(({shard, steps: list}) =>
    list.map((step) => stepReport(shard.name, step, outcome)),
  );
  return [...steps, ...skippedSteps(plan)];
}

function skippedSteps({skipped}: Plan): ReplicateStepReport[] {
  return skipped.map(({shard, instance, parent}) => ({
    shard,
    instance,
    action: 'replicate-from',
    target: parent,
    resync: null,
    keysAtRisk: 0,
    outcome: 'skipped',
    persisted: 'not-asked',
    message: `its parent ${parent} is out of reach`,
  }));
}

function reportOf(
  plan: Plan,
  steps: readonly ReplicateStepReport[],
  how: {readonly applied: boolean; readonly changed: boolean},
): ReplicateReport {
  return {
    changed: how.changed,
    applied: how.applied,
    steps,
    unchanged: plan.unchanged,
    refused: plan.refused,
    unreachable: plan.unreachable.map(({instance, fault}) => ({
      instance,
      code: fault.code,
      message: fault.message,
      remedy: fault.remedy ?? `mend ${instance}, then: rtopo replicate`,
    })),
  };
}

/** Refusals weigh most, then what was left half done, then what was out of reach, then what is still to do. */
function verdictOf(report: ReplicateReport, failure: RtopoError | null): ReplicationVerdict {
  const verdict = (exit: ExitCode, about: {code: string; remedy: string}, message: string) => ({
    exit,
    error: new RtopoError({code: about.code, exit, message, remedy: about.remedy}),
  });
  const [refusal] = report.refused;
  if (refusal !== undefined) {
    const all = report.refused.map(({code, instance}) => `${code} on ${instance}`).join(', ');
    return verdict(ExitCode.refused, refusal, `Refused for safety, nothing was changed: ${all}.`);
  }
  if (failure !== null) {
    const exit = report.changed ? ExitCode.incomplete : failure.exit;
    const failed = report.steps.filter(({outcome}) => outcome === 'failed');
    const all = failed.map(({code, instance}) => `${code} on ${instance}`).join(', ');
    const state = report.changed ? 'Incomplete' : 'Failed, nothing was changed';
    return verdict(exit, {code: failure.code, remedy: failure.remedy ?? 'rtopo replicate'}, `${state}: ${all}.`);
  }
  const [out] = report.unreachable;
  if (out !== undefined) {
    const all = report.unreachable.map(({code, instance}) => `${instance} (${code})`).join(', ');
    return verdict(ExitCode.unreachable, out, `Out of reach: ${all}.`);
  }
  return {exit: report.steps.some(({outcome}) => outcome === 'planned') ? ExitCode.attention : ExitCode.ok};
}
