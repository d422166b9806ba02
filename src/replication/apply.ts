/**
 * The order of the changes. Shards run side by side; inside a shard it is logins → promotion → replicas level by level,
 * because a replica can only follow a parent that already leads where it should.
 */
import type {ReplicateStepReport} from '../report/replicate.js';
import {addressText} from '../topology/types.js';
import type {Plan, ShardPlan, Step} from './plan.js';
import {type ApplyOptions, runStep, type StepResult, stepReport} from './step.js';

/** Applies the plan as it was shown. Never throws for what goes wrong on a server: the step says `failed`, and why. */
export async function applyReplication(plan: Plan, options: ApplyOptions): Promise<StepResult[]> {
  const shards = await Promise.all(plan.shards.map((shard) => applyShard(shard, options)));
  return shards.flat();
}

async function applyShard({shard, steps}: ShardPlan, options: ApplyOptions): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const failed = new Set<string>();
  for (const wave of waves(steps)) {
    const done = await Promise.all(
      wave.map(async (step): Promise<StepResult> => {
        const planned = stepReport(shard.name, step, 'planned');
        const blocker = blockedBy(step, failed);
        if (blocker !== null)
          return {report: {...planned, outcome: 'skipped', message: blocker}, error: null, changed: false};
        options.onStep?.(planned, 'start');
        const result = await runStep(planned, {shard, step}, options);
        options.onStep?.(result.report, 'end');
        return result;
      }),
    );
    for (const {report} of done) if (report.outcome !== 'done') failed.add(keyOf(report));
    results.push(...done);
  }
  return results;
}

function keyOf({action, instance}: Pick<ReplicateStepReport, 'action' | 'instance'>): string {
  return `${action} ${instance}`;
}

/** Steps that may run at the same time, in order: logins, promotion, then one wave per level of replicas. */
function waves(steps: readonly Step[]): Step[][] {
  const rank = (step: Step): number => (step.do === 'set-auth' ? 0 : step.do === 'promote' ? 1 : 1 + step.level);
  const ranks = [...new Set(steps.map(rank))].sort((a, b) => a - b);
  return ranks.map((r) => steps.filter((step) => rank(step) === r));
}

/** A replica is not attached without its login, nor under a parent that did not come to where it belongs. */
function blockedBy(step: Step, failed: ReadonlySet<string>): string | null {
  if (step.do !== 'replicate-from') return null;
  const [instance, parent] = [addressText(step.instance.address), addressText(step.parent.address)];
  if (failed.has(keyOf({action: 'set-auth', instance})))
    return `the login towards ${parent} could not be set on ${instance}`;
  const ends = (['promote', 'replicate-from'] as const).some((action) => failed.has(keyOf({action, instance: parent})));
  return ends ? `its parent ${parent} is not ready` : null;
}
