/** The wing's story: observe, plan, prove, apply, and what it comes to. */

import {RtopoError} from '../errors.js';
import type {Finding} from '../report/finding.js';
import type {ReplicateReport, ReplicateStepReport} from '../report/replicate.js';
import {type Address, addressText, allInstances, type Topology} from '../topology/types.js';
import {applyReplication} from './apply.js';
import {judgeUnfinishedRun} from './judge-unfinished.js';
import {factsOf} from './observe.js';
import type {Plan} from './plan.js';
import {makePlan, type Planned} from './planning.js';
import {isAtWork, type RunsAt, unfinishedRun, unfinishedRuns} from './replicate-history.js';
import type {ReplicateTold} from './replicate-record.js';
import {closeOthers, type Recorder, underJournal} from './replicate-run.js';
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
  /** Where the journal is kept. Absent: no journal and no lock, for whoever applies a plan under a lock of its own. */
  readonly at?: RunsAt;
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
  /** Runs that died, newest first. */
  readonly #unfinished: readonly ReplicateTold[];

  private constructor(planned: Planned, options: ReplicationOptions, unfinished: readonly ReplicateTold[]) {
    this.#planned = planned;
    this.#options = options;
    const {plan} = planned;
    this.#unfinished = unfinished;
    const warnings = [...toldUnfinished(unfinished, options.topology), ...planned.warnings];
    this.report = reportOf(plan, plannedSteps(plan), {applied: false, changed: false, warnings});
    this.verdict = verdictOf(this.report, null);
  }

  /** Observes and plans, and proves what can be proved beforehand. Changes nothing. */
  static async plan(options: ReplicationOptions): Promise<Replication> {
    const all = options.at === undefined ? [] : unfinishedRuns(options.at);
    const dead = all.filter((told) => !isAtWork(told));
    return new Replication(await makePlan({...options, unfinished: dead}), options, all);
  }

  /**
   * The plan of a file, with the consents it was made with, against the servers as they are now.
   * @throws RtopoError exit 3 `PLAN_STALE` naming every fact that has changed, exit 3 `PLAN_DAMAGED`, exit 64 without a file
   */
  static async saved(path: string, options: ReplicationOptions): Promise<Replication> {
    const saved = await readPlan(path);
    const now = {...options, discard: saved.discard};
    const replication = await Replication.plan(now);
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
    const {plan, observation} = this.#planned;
    const {parallelSyncs, ...options} = this.#options;
    const unlocked = new Set<string>();
    const results = await this.#recorded(unlocked, (recorder) =>
      applyReplication(plan, {
        ...{...options, observation},
        ...(recorder === null ? {} : {recorder}),
        ...(parallelSyncs === undefined ? {} : {parallelSyncs}),
        ...(signal === undefined ? {} : {signal}),
        onStep: (step, moment) => narrate(step, moment, say),
        onWait: ({instance}, missing) => say(`${instance}: ${missing}`),
      }),
    );
    const steps = results.map((result) => result.report);
    const changed = results.some((result) => result.changed);
    // Whether it lasts is known now, step by step.
    const lasting = this.report.warnings.filter(({code}) => code !== 'NOT_PERSISTABLE');
    const bare = notLocked(plan, unlocked);
    const report = reportOf(plan, [...steps, ...skippedSteps(plan)], {
      ...{applied: true, changed},
      warnings: [...lasting, ...bare, ...missedPredictions(steps)],
    });
    const failure = results.find(({error}) => error !== null)?.error ?? null;
    const surprises = [...bare, ...missedPredictions(steps)].map(({message}: Finding) => message);
    const verdict = withCommand(verdictOf(report, failure), this.#options.at?.command);
    return {report, verdict, warnings: [...volatile(steps), ...surprises]};
  }

  /** Runs that died and left nothing to do are ended, so that nobody is told of them again. Orders nothing. */
  conclude(): void {
    const {at} = this.#options;
    if (at === undefined || this.report.refused.length > 0) return;
    const forgiven = new Set(this.#forgiven());
    try {
      closeOthers(at, null, ({owed}) => owed.some(({instance}) => !forgiven.has(instance)));
    } catch (error) {
      // There was nothing to do, and nothing was done: a journal that stays open is told again.
      if (!(error instanceof RtopoError)) throw error;
    }
  }

  /** Owed by servers that are declared no more, or have no config file: nothing can be done about it. */
  #forgiven(): string[] {
    const {topology} = this.#options;
    const {observation} = this.#planned;
    const declared = new Map(allInstances(topology).map(({instance}) => [addressText(instance.address), instance]));
    const owed = this.#unfinished.flatMap((told) => told.owed.map(({instance}) => instance));
    return [...new Set(owed)].filter((at) => {
      const instance = declared.get(at);
      const facts = instance === undefined ? null : factsOf(observation, instance);
      return instance === undefined || facts?.configFile === false;
    });
  }

  async #recorded<T>(unlocked: Set<string>, work: (recorder: Recorder | null) => Promise<T>): Promise<T> {
    const {at, topology, commandTimeoutMs: timeoutMs} = this.#options;
    if (at === undefined) return work(null);
    const {plan, observation} = this.#planned;
    const shards = plan.shards.filter(({steps}) => steps.length > 0).map(({shard}) => shard);
    const options = {at, topology: topology.name, shards, timeoutMs, observation};
    return underJournal(options, async (recorder, bare) => {
      for (const instance of this.#forgiven()) recorder.settled(instance, 'nothing-ordered');
      try {
        return await work(recorder);
      } finally {
        for (const shard of bare) unlocked.add(shard);
      }
    });
  }
}

/** Its master takes no writes, so that it could hold no lock. */
function notLocked({shards}: Plan, unlocked: ReadonlySet<string>): Finding[] {
  return shards
    .filter(({shard}) => unlocked.has(shard.name))
    .map(({shard}) => {
      const at = addressText(shard.master.address);
      return {
        ...{code: 'NOT_LOCKED', severity: 'warning', shard: shard.name, instance: at},
        message: `${at} takes no writes, so it could not be locked: rtopo on another machine would not have been kept off.`,
        remedy: 'rtopo status says why it takes none',
      };
    });
}

/** The command that goes on, as it was typed: with the file and the state that it was about. */
function withCommand(verdict: ReplicationVerdict, command: string | undefined): ReplicationVerdict {
  const {error} = verdict;
  if (command === undefined || error?.remedy !== 'rtopo replicate') return verdict;
  const {code, exit, message, details} = error;
  return {
    ...verdict,
    error: new RtopoError({code, exit, message, remedy: command, ...(details === undefined ? {} : {details})}),
  };
}

function toldUnfinished(unfinished: readonly ReplicateTold[], topology: Topology): Finding[] {
  return unfinished.flatMap((told) => judgeUnfinishedRun(unfinishedRun(told, 'rtopo replicate'), topology, Date.now()));
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
