/** The wing's story: observe, plan, prove, apply, and what it comes to. */
import {ExitCode, RtopoError} from '../errors.js';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import type {Address, Topology} from '../topology/types.js';
import {applyReplication, stepReport} from './apply.js';
import {type Observation, observeTopology} from './observe.js';
import {type Plan, planReplication} from './plan.js';
import {proveReplicationLogin} from './prove.js';

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
    this.report = reportOf(plan, plannedSteps(plan), false);
    this.verdict = verdictOf(this.report);
  }

  /** Observes and plans, and proves the replication login on every parent. Changes nothing. */
  static async plan(options: ReplicationOptions): Promise<Replication> {
    const {topology, discard, commandTimeoutMs} = options;
    const observation = await observeTopology(topology, commandTimeoutMs);
    const plan = planReplication({topology, observation, discard});
    const unproved = await proveReplicationLogin(plan, topology.replicationAuth, commandTimeoutMs);
    return new Replication({...plan, refused: [...plan.refused, ...unproved]}, observation, options);
  }

  /** False when there is nothing to do, or when it must not be done. */
  get hasWork(): boolean {
    return this.report.refused.length === 0 && this.#plan.shards.some(({steps}) => steps.length > 0);
  }

  async apply(say: (text: string) => void): Promise<{report: ReplicateReport; verdict: ReplicationVerdict}> {
    const steps = await applyReplication(this.#plan, {
      ...this.#options,
      observation: this.#observation,
      onStep: (step, moment) => {
        if (moment === 'start' && step.action === 'replicate-from')
          say(`${step.instance} → replica of ${step.target}, waiting for the link`);
      },
    });
    const report = reportOf(this.#plan, [...steps, ...skippedSteps(this.#plan)], true);
    return {report, verdict: verdictOf(report)};
  }
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
    message: `its parent ${parent} cannot be reached`,
  }));
}

function reportOf(plan: Plan, steps: readonly ReplicateStepReport[], applied: boolean): ReplicateReport {
  return {
    changed: steps.some(({outcome}) => outcome === 'done'),
    applied,
    steps,
    unchanged: plan.unchanged,
    refused: plan.refused,
    unreachable: plan.unreachable.map(({instance, fault}) => ({instance, code: fault.code, message: fault.message})),
  };
}

/** Refusals weigh most, then what was left half done, then what was out of reach, then what is still to do. */
function verdictOf(report: ReplicateReport): ReplicationVerdict {
  const [refusal] = report.refused;
  if (refusal !== undefined) {
    const {code, message, remedy} = refusal;
    return {
      exit: ExitCode.refused,
      error: new RtopoError({code, exit: ExitCode.refused, message, remedy, details: {refused: report.refused}}),
    };
  }
  const failed = report.steps.find(({outcome}) => outcome === 'failed');
  if (failed !== undefined) {
    const message = failed.message ?? `${failed.instance}: ${failed.action} failed`;
    return {
      exit: ExitCode.incomplete,
      error: new RtopoError({code: 'INCOMPLETE', exit: ExitCode.incomplete, message, remedy: 'rtopo replicate'}),
    };
  }
  const [out] = report.unreachable;
  if (out !== undefined) {
    const {code, message, instance} = out;
    return {
      exit: ExitCode.unreachable,
      error: new RtopoError({
        code,
        exit: ExitCode.unreachable,
        message,
        remedy: `start ${instance}, then: rtopo replicate`,
      }),
    };
  }
  return {exit: report.steps.some(({outcome}) => outcome === 'planned') ? ExitCode.attention : ExitCode.ok};
}
