/** Pure: a run of `replicate` as its report, and what that comes to for whoever reads the exit code. */
import {ExitCode, RtopoError} from '../errors.js';
import type {Finding} from '../report/finding.js';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import type {Plan} from './plan.js';
import {unreachableOf} from './planning.js';
import {stepReport} from './step.js';

/** The verdict on a report: the exit code, and the error beside it when a script should read one. */
export interface ReplicationVerdict {
  readonly exit: ExitCode;
  readonly error?: RtopoError;
}

export function plannedSteps(plan: Plan): ReplicateStepReport[] {
  const outcome = plan.refused.length > 0 ? 'skipped' : 'planned';
  const steps = plan.shards.flatMap(({shard, steps: list}) =>
    list.map((step) => stepReport(shard.name, step, outcome)),
  );
  return [...steps, ...skippedSteps(plan)];
}

export function skippedSteps({skipped}: Plan): ReplicateStepReport[] {
  return skipped.map(({shard, instance, parent}) => ({
    ...{shard, instance, action: 'replicate-from', target: parent, resync: null, resynced: null},
    ...{keysAtRisk: 0, bytesAtRisk: null, outcome: 'skipped', persisted: 'not-asked'},
    message: `its parent ${parent} is out of reach`,
  }));
}

export function reportOf(
  plan: Plan,
  steps: readonly ReplicateStepReport[],
  how: {readonly applied: boolean; readonly changed: boolean; readonly warnings: readonly Finding[]},
): ReplicateReport {
  return {
    ...{changed: how.changed, applied: how.applied, steps},
    ...{unchanged: plan.unchanged, refused: plan.refused},
    unreachable: plan.unreachable.map(unreachableOf),
    warnings: how.warnings,
  };
}

/** What was predicted as cheap and was not. */
export function missedPredictions(steps: readonly ReplicateStepReport[]): Finding[] {
  return steps
    .filter(({resync, resynced}) => resync === 'partial' && resynced === 'full')
    .map(({shard, instance, target}) => ({
      ...{code: 'FULL_INSTEAD_OF_PARTIAL', severity: 'warning', shard, instance},
      message: `${instance} was expected to go on from where it stood, and received all of the data of ${target} anew.`,
      remedy: `a larger backlog on ${target} keeps more of the history: CONFIG SET repl-backlog-size 64mb`,
    }));
}

/** Refusals weigh most, then what was left half done, then what was out of reach, then what is still to do. */
export function verdictOf(report: ReplicateReport, failure: RtopoError | null): ReplicationVerdict {
  const verdict = (exit: ExitCode, about: {code: string; remedy: string}, message: string) => ({
    exit,
    error: new RtopoError({code: about.code, exit, message, remedy: about.remedy}),
  });
  const [refusal] = report.refused;
  if (refusal !== undefined) {
    const all = report.refused.map(({code, instance}) => `${code} on ${instance}`).join(', ');
    const about = {code: refusal.code, remedy: consentToAll(report.refused) ?? refusal.remedy};
    return verdict(ExitCode.refused, about, `Refused for safety, nothing was changed: ${all}.`);
  }
  if (report.steps.some(({code}) => code === 'INTERRUPTED')) {
    const about = {code: 'INTERRUPTED', remedy: 'rtopo replicate'};
    return verdict(ExitCode.interrupted, about, 'Interrupted: what was ordered stays ordered, the rest was not begun.');
  }
  if (failure !== null) return failureVerdict(report, failure);
  const [out] = report.unreachable;
  if (out !== undefined) {
    const all = report.unreachable.map(({code, instance}) => `${instance} (${code})`).join(', ');
    return verdict(ExitCode.unreachable, out, `Out of reach: ${all}.`);
  }
  return {exit: report.steps.some(({outcome}) => outcome === 'planned') ? ExitCode.attention : ExitCode.ok};
}

/** Where nothing but consents is missing, one command holds all of them; null where there is one only, or where something else is in the way. */
function consentToAll(refused: ReplicateReport['refused']): string | null {
  const consents = refused.flatMap(({consent}) => (consent === null ? [] : [consent]));
  if (consents.length < 2 || consents.length < refused.length) return null;
  return `look at what each of them holds; if all of it may go: rtopo replicate ${consents.join(' ')}`;
}

function failureVerdict(report: ReplicateReport, failure: RtopoError): ReplicationVerdict {
  const exit = report.changed ? ExitCode.incomplete : failure.exit;
  const failed = report.steps.filter(({outcome}) => outcome === 'failed' || outcome === 'undone');
  const all = failed.map(
    ({code, instance, outcome}) => `${code} on ${instance}${outcome === 'undone' ? ' (undone)' : ''}`,
  );
  const isUndone = failed.some(({outcome}) => outcome === 'undone');
  const untouched = isUndone ? 'Failed, and all is as it was' : 'Failed, nothing was changed';
  const message = `${report.changed ? 'Incomplete' : untouched}: ${all.join(', ')}.`;
  const remedy = failure.remedy ?? 'rtopo replicate';
  return {exit, error: new RtopoError({code: failure.code, exit, message, remedy})};
}
