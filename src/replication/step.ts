/**
 * One step on one server: the one place of this wing that changes servers. Each step reads the facts that the plan rests on again,
 * orders, persists, and reads back what came of it.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {LOCK_KEY} from '../journal/lock.js';
import type {ServerFacts} from '../redis/identity.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {isOrdered, waitForLink} from './link.js';
import {factsOf, type Observation} from './observe.js';
import {lastingRole, Orders, type Persisted, persist, replyOf, setLogin} from './orders.js';
import {relationOf, type Step} from './plan.js';
import {redisCli} from './redis-cli.js';
import type {Recorder} from './replicate-run.js';
import {applySettings} from './set-config.js';
import {Watched} from './sight.js';
import {Sources} from './sources.js';
import {promotionStaleness, sourceStaleness, targetStaleness} from './stale.js';
import {undo} from './undo.js';

export interface ApplyOptions {
  readonly topology: Topology;
  readonly observation: Observation;
  /** Limit for one command, in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Limit for one link to come up, in milliseconds, from the moment when it was ordered. */
  readonly linkTimeoutMs: number;
  /** Full synchronisations that one parent gives at a time. */
  readonly parallelSyncs?: number;
  /** Told about every step as it starts and as it ends. */
  readonly onStep?: (step: ReplicateStepReport, moment: 'start' | 'end') => void;
  /** Told every ten seconds what a link still lacks. */
  readonly onWait?: (step: ReplicateStepReport, missing: string) => void;
  /** Told before each order, and what came of it. */
  readonly recorder?: Recorder;
  /** Aborted: no further step is begun, and nobody waits any longer. */
  readonly signal?: AbortSignal;
}

export interface StepResult {
  readonly report: ReplicateStepReport;
  /** Why it failed; null when it did not. */
  readonly error: RtopoError | null;
  /** Something was changed, or may have been: an order whose reply was lost counts, one that was undone does not. */
  readonly changed: boolean;
  /** Of a link that has come up: the replica before and after. */
  readonly link?: {readonly before: ServerFacts; readonly after: ServerFacts};
}

export function stepReport(shard: string, step: Step, outcome: ReplicateStepReport['outcome']): ReplicateStepReport {
  const link = step.do === 'replicate-from' ? step : null;
  return {
    shard,
    instance: addressText(step.instance.address),
    action: step.do,
    target: link === null ? null : addressText(link.parent.peer),
    resync: link?.resync ?? null,
    resynced: null,
    keysAtRisk: link?.keysAtRisk ?? 0,
    bytesAtRisk: link?.bytesAtRisk ?? null,
    outcome,
    persisted: 'not-asked',
    ...(step.do === 'set-config' ? {settings: step.settings} : {}),
  };
}

export interface Task {
  readonly shard: Shard;
  readonly step: Step;
}

/** Everything that one step works with. */
interface Work extends Task {
  readonly child: Watched;
  readonly sources: Sources;
  readonly options: ApplyOptions;
}

export async function runStep(planned: ReplicateStepReport, task: Task, options: ApplyOptions): Promise<StepResult> {
  const work: Work = {
    ...task,
    child: new Watched(task.step.instance, options.commandTimeoutMs),
    sources: new Sources(options.commandTimeoutMs),
    options,
  };
  try {
    return await obey(planned, work);
  } finally {
    work.child.close();
    work.sources.close();
  }
}

async function obey(planned: ReplicateStepReport, work: Work): Promise<StepResult> {
  const {step, child, options} = work;
  let orders: Orders | null = null;
  let before: ServerFacts | null = null;
  // What was reached so far stays in the report when a later part fails.
  let report = planned;
  try {
    before = await assertFresh(work);
    orders = new Orders(await child.connection());
    const {instance, action, target} = planned;
    await options.recorder?.ordering({instance, what: action, target});
    // Persisted at once: a restart before the link is up must not bring the old role back.
    const persisted = await give(orders, work, before);
    options.recorder?.settled(instance, persisted);
    report = {...report, persisted};
    if (step.do === 'persist' && persisted !== 'yes') throw notPersisted(step.instance);
    if (step.do === 'promote') await assertMaster(work);
    if (step.do !== 'replicate-from') return {report: {...report, outcome: 'done'}, error: null, changed: true};
    const after = await waitForLink({
      ...{step, sources: work.sources, linkTimeoutMs: options.linkTimeoutMs, signal: options.signal},
      look: async () => (await child.look()).facts,
      onWait: (missing) => options.onWait?.(planned, missing),
    });
    return {report: {...report, outcome: 'done'}, error: null, changed: true, link: {before, after}};
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    return failed(report, error, {work, before, isOrdered: orders?.given ?? false});
  }
}

interface Failure {
  readonly work: Work;
  readonly before: ServerFacts | null;
  /** An order was given, or may have been. */
  readonly isOrdered: boolean;
}

/** An interrupt leaves the link to come up by itself; anything else that keeps it from coming up is undone. */
async function failed(report: ReplicateStepReport, error: RtopoError, failure: Failure): Promise<StepResult> {
  const {work, before, isOrdered: ordered} = failure;
  const {step, child, sources} = work;
  // What may have been given, and is not settled, stays owed.
  if (!ordered && before !== null) work.options.recorder?.settled(report.instance, 'nothing-ordered');
  const told = {code: error.code, ...(error.remedy === undefined ? {} : {remedy: error.remedy})};
  if (step.do !== 'replicate-from' || before === null || !ordered || error.code === 'INTERRUPTED') {
    return {report: {...report, ...told, outcome: 'failed', message: error.message}, error, changed: ordered};
  }
  const {isUndone, message, persisted} = await undo(step, before, {child, sources}, work.options.recorder);
  const {host, port} = step.parent.peer;
  const remedy = `on the host of ${report.instance}, does this answer? redis-cli -h ${host} -p ${port} PING; then: rtopo replicate`;
  return {
    report: {
      ...{...report, ...told, message: `${error.message} ${message}`},
      ...(isUndone ? {outcome: 'undone', remedy} : {outcome: 'failed'}),
      ...(persisted === null ? {} : {persisted}),
    },
    error: isUndone ? withRemedy(error, remedy) : error,
    changed: !isUndone,
  };
}

function withRemedy({code, exit, message}: RtopoError, remedy: string): RtopoError {
  return new RtopoError({code, exit, message, remedy});
}

/** An instance goes straight from its old master to the new one: by way of NO ONE it would lose its history and resync in full. */
async function give(orders: Orders, work: Work, facts: ServerFacts): Promise<Persisted> {
  const {shard, step, options} = work;
  switch (step.do) {
    case 'set-auth':
      await setLogin(orders, {
        auth: options.topology.replicationAuth,
        masters: instancesOf(shard).filter((instance) => instance !== step.instance),
      });
      return persist(orders);
    case 'set-config':
      await applySettings(orders, step, facts);
      return persist(orders);
    case 'persist':
      return persist(orders);
    case 'promote':
      return lastingRole(orders, step.instance, ['NO', 'ONE']);
    case 'replicate-from': {
      const {host, port} = step.parent.peer;
      // To the server a repetition is no change; while it loads the snapshot of its master, it is refused.
      if (isOrdered(step, facts)) return persist(orders);
      return orderOnce(orders, work, () => lastingRole(orders, step.instance, [host, port]));
    }
  }
}

/** A reply that was lost says nothing: whether it was obeyed is read from the server. */
async function orderOnce(orders: Orders, {step, child}: Work, order: () => Promise<Persisted>): Promise<Persisted> {
  try {
    return await order();
  } catch (error) {
    if (!(error instanceof RtopoError) || replyOf(error) !== null || !orders.given) throw error;
    child.close();
    const {facts} = await child.look();
    if (step.do !== 'replicate-from' || !isOrdered(step, facts)) throw error;
    return persist(new Orders(await child.connection()));
  }
}

/** The facts that the plan rests on, read again at the last moment, on both ends of the link. */
async function assertFresh({shard, step, child, sources, options}: Work): Promise<ServerFacts> {
  const check = (instance: Instance, compare: (planned: ServerFacts, who: string) => string | null): void => {
    const planned = factsOf(options.observation, instance);
    const who = addressText(instance.address);
    const stale = planned === null ? `${who} did not answer before` : compare(planned, who);
    if (stale !== null) throw staleError(stale);
  };
  const {facts: now} = await child.look();
  const compare = step.do === 'promote' ? promotionStaleness : targetStaleness;
  // One that was told to follow before may have come up meanwhile, with the login that this run has set.
  const isUnderWay = step.do === 'replicate-from' && isOrdered(step, now);
  const consented = step.do === 'replicate-from' && !isUnderWay ? step.keysAtRisk : 0;
  const keysAtRisk = consented + (consented > 0 && now.keys > consented ? await lockKeys(child) : 0);
  check(step.instance, (planned, who) => compare(mayHaveMoved(step, planned, now), now, who, keysAtRisk));
  if (step.do !== 'replicate-from') return now;
  // The child first: what the master has written since is then no reason to call the child ahead of it.
  const [parent, root] = await Promise.all([sources.look(step.parent), sources.look(shard.master)]);
  check(step.parent, (planned, who) => sourceStaleness(planned, parent.facts, who));
  check(shard.master, (planned, who) => sourceStaleness(planned, root.facts, who));
  // What it loads from its parent at this moment is not its own.
  const arriving = isOrdered(step, now) && now.loading;
  if (step.keysAtRisk === 0 && !arriving && relationOf(now, root.facts).kind !== 'same') {
    throw staleError(`${addressText(step.instance.address)} has received keys of its own since the plan was made`);
  }
  return now;
}

/** The lock of this run came with the stream of the master, to one that follows it already: it is nobody's data. */
async function lockKeys(child: Watched): Promise<number> {
  const lock = await (await child.connection()).attempt('GET', [LOCK_KEY]);
  return typeof lock === 'string' ? 1 : 0;
}

/** Settings come last: this very run may have promoted or attached the server by then, rightly. */
function mayHaveMoved(step: Step, planned: ServerFacts, now: ServerFacts): ServerFacts {
  return step.do === 'set-config' ? {...planned, role: now.role} : planned;
}

function staleError(fact: string): RtopoError {
  return new RtopoError({
    code: 'PLAN_STALE',
    exit: ExitCode.refused,
    message: `The plan is stale: ${fact}.`,
    remedy: 'run rtopo replicate again: it plans from what is there now',
  });
}

function notPersisted(instance: Instance): RtopoError {
  return new RtopoError({
    code: 'ROLE_NOT_PERSISTED',
    exit: ExitCode.failed,
    message: `${addressText(instance.address)} could not write its config file (CONFIG REWRITE failed): a restart brings its old role back.`,
    remedy: `let it write the directory of its config file, then: ${redisCli(instance, 'CONFIG REWRITE')}`,
  });
}

async function assertMaster({child, step}: Work): Promise<void> {
  const {facts} = await child.look();
  if (facts.role.kind === 'master') return;
  throw new RtopoError({
    code: 'PROMOTION_FAILED',
    exit: ExitCode.incomplete,
    message: `${addressText(step.instance.address)} answered OK to REPLICAOF NO ONE and is still a replica.`,
    remedy: `who else gives it orders? ${redisCli(step.instance, 'CLIENT LIST')}`,
  });
}
