/**
 * One step on one server: the one place of this wing that changes servers. Each step reads the facts that the plan rests on again,
 * orders, persists, and reads back what came of it.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {type Argument, Connection, endpointOf} from '../redis/connect.js';
import {resolveCredentials} from '../redis/credentials.js';
import {observeAll, readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {awaitLink, isOrdered} from './link.js';
import {factsOf, type Observation} from './observe.js';
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

/** Commands that change a server, and whether any of them may have taken effect. */
class Orders {
  readonly connection: Connection;
  given = false;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  async give(command: string, args: readonly Argument[]): Promise<void> {
    try {
      await this.connection.call(command, args);
      this.given = true;
    } catch (error) {
      // An error reply says that nothing happened. A lost reply says nothing.
      if (replyOf(error) === null) this.given = true;
      throw error;
    }
  }
}

function replyOf(error: unknown): string | null {
  const reply = error instanceof RtopoError ? error.details?.reply : undefined;
  return typeof reply === 'string' ? reply : null;
}

/** An instance goes straight from its old master to the new one: by way of NO ONE it would lose its history and resync in full. */
async function give(orders: Orders, subject: {task: Task; facts: ServerFacts}, options: ApplyOptions): Promise<void> {
  const {task, facts} = subject;
  const {step} = task;
  switch (step.do) {
    case 'set-auth':
      return setLogin(orders, task, options.topology);
    case 'promote':
      return replicaOf(orders, step.instance, ['NO', 'ONE']);
    case 'replicate-from': {
      const {host, port} = step.parent.peer;
      // To the server a repetition is no change; while it loads the snapshot of its master, it is refused.
      return isOrdered(step, facts) ? undefined : replicaOf(orders, step.instance, [host, port]);
    }
  }
}

/** Some servers are made safe by renaming REPLICAOF, and keep its older name. */
async function replicaOf(orders: Orders, instance: Instance, args: readonly Argument[]): Promise<void> {
  const unknown = (error: unknown): boolean => /unknown command/i.test(replyOf(error) ?? '');
  try {
    return await orders.give('REPLICAOF', args);
  } catch (error) {
    if (!unknown(error)) throw error;
  }
  try {
    await orders.give('SLAVEOF', args);
  } catch (error) {
    if (!unknown(error)) throw error;
    throw new RtopoError({
      code: 'REPLICAOF_DISABLED',
      exit: ExitCode.failed,
      message: `${addressText(instance.address)} knows neither REPLICAOF nor SLAVEOF: renamed away, or a managed service.`,
      remedy: "use the provider's tools for its replication, or restore the command in its configuration",
    });
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

/** How the instance logs in to a master, and whether it uses TLS on the way. */
async function setLogin(orders: Orders, {shard, step}: Task, {replicationAuth}: Topology): Promise<void> {
  const set = (name: string, value: string) => orders.give('CONFIG', ['SET', name, value]);
  if (replicationAuth !== null) {
    const {username, password} = await resolveCredentials(replicationAuth);
    // The user first and the password second: between the two an old password fails closed.
    // Redis 5 knows no users: its CONFIG GET lists nothing, and there is none to take back.
    const known = await orders.connection.attempt('CONFIG', ['GET', 'masteruser']);
    if (username !== null || !Array.isArray(known) || known.length > 0) await set('masteruser', username ?? '');
    await set('masterauth', password);
  }
  // The link dials the ports that are declared, so it speaks TLS where rtopo does.
  const masters = instancesOf(shard).filter((instance) => instance !== step.instance);
  if (masters.some(({tls}) => tls !== null)) await set('tls-replication', 'yes');
}

async function persist(orders: Orders): Promise<ReplicateStepReport['persisted']> {
  try {
    await orders.give('CONFIG', ['REWRITE']);
    return 'yes';
  } catch (error) {
    const reply = replyOf(error);
    if (reply === null) throw error;
    return /without a config file/i.test(reply) ? 'no-config-file' : 'failed';
  }
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
