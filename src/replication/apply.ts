/**
 * The order of the changes. Shards run side by side; inside a shard it is logins → promotion → replicas level by level → settings,
 * because a replica can only follow a parent that already leads where it should.
 */
import {RtopoError} from '../errors.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {addressText, type Instance, type Shard} from '../topology/types.js';
import type {Plan, ShardPlan, Step} from './plan.js';
import {countersOf, resyncsOf, type SyncCounters} from './resync.js';
import {SyncSlots} from './slots.js';
import {Sources} from './sources.js';
import {type ApplyOptions, runStep, type StepResult, stepReport} from './step.js';

export const DEFAULT_PARALLEL_SYNCS = 4;

/** Applies the plan as it was shown. Never throws for what goes wrong on a server: the step says `failed`, and why. */
export async function applyReplication(plan: Pick<Plan, 'shards'>, options: ApplyOptions): Promise<StepResult[]> {
  const slots = new SyncSlots(options.parallelSyncs ?? DEFAULT_PARALLEL_SYNCS);
  const sources = new Sources(options.commandTimeoutMs);
  try {
    const shards = await Promise.all(plan.shards.map((shard) => applyShard(shard, {options, slots, sources})));
    return shards.flat();
  } finally {
    sources.close();
  }
}

interface Run {
  readonly options: ApplyOptions;
  readonly slots: SyncSlots;
  readonly sources: Sources;
}

async function applyShard({shard, steps}: ShardPlan, run: Run): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const failed = new Set<string>();
  for (const wave of waves(steps)) {
    const lost = await lockLost(shard, run.options);
    if (lost !== null) {
      results.push(...stopped(shard, wave, lost));
      for (const step of wave) failed.add(keyOf({action: step.do, instance: addressText(step.instance.address)}));
      continue;
    }
    const before = await countSyncs(wave, run);
    const done = await Promise.all(
      wave.map(async (step): Promise<StepResult> => {
        const planned = stepReport(shard.name, step, 'planned');
        const blocker = blockedBy(step, failed);
        if (blocker !== null) return skipped(planned, {message: blocker});
        return run.slots.hold(step, () => begin(planned, {shard, step}, run.options));
      }),
    );
    for (const {report} of done) if (report.outcome !== 'done') failed.add(keyOf(report));
    results.push(...(await withResyncs(wave, done, before, run)));
  }
  return results;
}

/** Before each wave, for one may last as long as data travel. Null: the lock is ours. */
async function lockLost(shard: Shard, {recorder}: ApplyOptions): Promise<RtopoError | null> {
  try {
    await recorder?.checkpoint(shard);
    return null;
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    return error;
  }
}

/** Somebody else may be at work by now: nothing is ordered any more. */
function stopped(shard: Shard, wave: readonly Step[], error: RtopoError): StepResult[] {
  const {code, message, remedy = 'rtopo replicate'} = error;
  return wave.map((step) => ({
    report: {...stepReport(shard.name, step, 'failed'), code, message, remedy},
    ...{error, changed: false},
  }));
}

async function begin(
  planned: ReplicateStepReport,
  task: Parameters<typeof runStep>[1],
  options: ApplyOptions,
): Promise<StepResult> {
  if (options.signal?.aborted === true)
    return skipped(planned, {message: 'interrupted before it', code: 'INTERRUPTED'});
  options.onStep?.(planned, 'start');
  const result = await runStep(planned, task, options);
  options.onStep?.(result.report, 'end');
  return result;
}

function skipped(planned: ReplicateStepReport, why: {message: string; code?: string}): StepResult {
  return {report: {...planned, ...why, outcome: 'skipped'}, error: null, changed: false};
}

type Counters = ReadonlyMap<Instance, SyncCounters | null>;

/** Of every parent of a wave; null for one that cannot be asked: then nothing is said of how its replicas came by their data. */
async function countSyncs(wave: readonly Step[], {sources}: Run): Promise<Counters> {
  const parents = new Set(wave.flatMap((step) => (step.do === 'replicate-from' ? [step.parent] : [])));
  const counted = [...parents].map(async (parent) => {
    const sight = await sources.look(parent).catch(() => null);
    return [parent, sight && countersOf(sight.facts)] as const;
  });
  return new Map(await Promise.all(counted));
}

/** What the synchronisations of a wave came to, beside what was predicted. */
async function withResyncs(
  wave: readonly Step[],
  results: readonly StepResult[],
  before: Counters,
  run: Run,
): Promise<StepResult[]> {
  const after = await countSyncs(wave, run);
  const all = [...results];
  for (const parent of before.keys()) {
    const linked = wave.flatMap((step, i) => {
      const {link} = results[i]!;
      return step.do !== 'replicate-from' || step.parent !== parent || link === undefined ? [] : [{i, step, link}];
    });
    const witnesses = linked.map(({step, link}) => ({predicted: step.resync, ...link}));
    const kinds = resyncsOf({before: before.get(parent) ?? null, after: after.get(parent) ?? null}, witnesses);
    for (const [n, {i}] of linked.entries()) {
      all[i] = {...all[i]!, report: {...all[i]!.report, resynced: kinds[n]!}};
    }
  }
  return all;
}

function keyOf({action, instance}: Pick<ReplicateStepReport, 'action' | 'instance'>): string {
  return `${action} ${instance}`;
}

/** Steps that may run at the same time, in order: logins, promotion, one wave per level of replicas, settings. */
function waves(steps: readonly Step[]): Step[][] {
  const rank = (step: Step): number => {
    switch (step.do) {
      case 'set-auth':
        return 0;
      case 'promote':
        return 1;
      case 'replicate-from':
        return 1 + step.level;
      case 'set-config':
      case 'persist':
        return Number.POSITIVE_INFINITY;
    }
  };
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
