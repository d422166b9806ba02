/**
 * One step on one server: the one place of this wing that changes servers. Each step reads the facts that the plan rests on again,
 * orders, persists, and reads back what came of it.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {Connection, endpointOf} from '../redis/connect.js';
import {observeAll, readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {awaitLink, isOrdered} from './link.js';
import {factsOf, type Observation} from './observe.js';
import {Orders, persist, replicaOf, setLogin} from './orders.js';
import {relationOf, type Step, sourceStaleness, staleness} from './plan.js';
import {redisCli} from './redis-cli.js';

export interface ApplyOptions {
  readonly topology: Topology;
  readonly observation: Observation;
  /** Limit for one command, in milliseconds. */
  readonly commandTimeoutMs: number;
  /** Limit for one link to come up, in milliseconds. */
  readonly linkTimeoutMs: number;
  /** Told about every step as it starts and as it ends. */
  readonly onStep?: (step: ReplicateStepReport, moment: 'start' | 'end') => void;
}

export interface StepResult {
  readonly report: ReplicateStepReport;
  /** Why it failed; null when it did not. */
  readonly error: RtopoError | null;
  /** Something was changed, or may have been: an order whose reply was lost counts. */
  readonly changed: boolean;
}

export function stepReport(shard: string, step: Step, outcome: ReplicateStepReport['outcome']): ReplicateStepReport {
  return {
    shard,
    instance: addressText(step.instance.address),
    action: step.do,
    target: step.do === 'replicate-from' ? addressText(step.parent.peer) : null,
    resync: step.do === 'replicate-from' ? step.resync : null,
    keysAtRisk: step.do === 'replicate-from' ? step.keysAtRisk : 0,
    outcome,
    persisted: 'not-asked',
  };
}

export interface Task {
  readonly shard: Shard;
  readonly step: Step;
}

export async function runStep(planned: ReplicateStepReport, task: Task, options: ApplyOptions): Promise<StepResult> {
  const {step} = task;
  let orders: Orders | null = null;
  // What was reached so far stays in the report when a later part fails.
  let report = planned;
  try {
    const connection = await Connection.open(endpointOf(step.instance), options.commandTimeoutMs);
    orders = new Orders(connection);
    const facts = await assertFresh(connection, task, options);
    await give(orders, {task, facts}, options);
    // Persisted at once: a restart before the link is up must not bring the old role back.
    report = {...report, persisted: await persist(orders)};
    if (step.do === 'replicate-from') await awaitLink(connection, step, options);
    if (step.do === 'promote') await assertMaster(connection, step.instance);
    return {report: {...report, outcome: 'done'}, error: null, changed: true};
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    const {code, message, remedy} = error;
    const failed = {...report, outcome: 'failed' as const, code, message, ...(remedy === undefined ? {} : {remedy})};
    return {report: failed, error, changed: orders?.given ?? false};
  } finally {
    orders?.connection.close();
  }
}

/** An instance goes straight from its old master to the new one: by way of NO ONE it would lose its history and resync in full. */
async function give(orders: Orders, subject: {task: Task; facts: ServerFacts}, options: ApplyOptions): Promise<void> {
  const {task, facts} = subject;
  const {step} = task;
  switch (step.do) {
    case 'set-auth':
      return setLogin(orders, {
        auth: options.topology.replicationAuth,
        masters: instancesOf(task.shard).filter((instance) => instance !== step.instance),
      });
    case 'promote':
      return replicaOf(orders, step.instance, ['NO', 'ONE']);
    case 'replicate-from': {
      const {host, port} = step.parent.peer;
      // To the server a repetition is no change; while it loads the snapshot of its master, it is refused.
      return isOrdered(step, facts) ? undefined : replicaOf(orders, step.instance, [host, port]);
    }
  }
}

/** The facts that the plan rests on, read again at the last moment, on both ends of the link. */
async function assertFresh(connection: Connection, {shard, step}: Task, options: ApplyOptions): Promise<ServerFacts> {
  const check = (compare: typeof staleness, instance: Instance, now: ServerFacts): void => {
    const planned = factsOf(options.observation, instance);
    const who = addressText(instance.address);
    const stale = planned === null ? `${who} did not answer before` : compare(planned, now, who);
    if (stale !== null) throw staleError(stale);
  };
  const child = await readFacts(connection);
  check(staleness, step.instance, child);
  if (step.do !== 'replicate-from') return child;
  const sources = [step.parent, shard.master];
  const [parent, root] = await observeAll(sources.map(endpointOf), options.commandTimeoutMs);
  if (!parent!.reachable) throw parent!.fault;
  if (!root!.reachable) throw root!.fault;
  check(sourceStaleness, step.parent, parent!.facts);
  check(sourceStaleness, shard.master, root!.facts);
  // What it loads from its parent at this moment is not its own.
  const arriving = isOrdered(step, child) && child.loading;
  if (step.keysAtRisk === 0 && !arriving && relationOf(child, root!.facts).kind !== 'same') {
    throw staleError(`${addressText(step.instance.address)} has received keys of its own since the plan was made`);
  }
  return child;
}

function staleError(fact: string): RtopoError {
  return new RtopoError({
    code: 'PLAN_STALE',
    exit: ExitCode.refused,
    message: `The plan is stale: ${fact}.`,
    remedy: 'run rtopo replicate again: it plans from what is there now',
  });
}

async function assertMaster(connection: Connection, instance: Instance): Promise<void> {
  const facts = await readFacts(connection);
  if (facts.role.kind === 'master') return;
  throw new RtopoError({
    code: 'PROMOTION_FAILED',
    exit: ExitCode.incomplete,
    message: `${addressText(instance.address)} answered OK to REPLICAOF NO ONE and is still a replica.`,
    remedy: `who else gives it orders? ${redisCli(instance, 'CLIENT LIST')}`,
  });
}
