/**
 * The one place of this wing that changes servers. Shards run side by side; inside a shard the order is
 * logins → promotion → replicas level by level, because a replica can only follow a parent that already leads where it should.
 * An instance goes straight from its old master to the new one: by way of NO ONE it would lose its history and need a full resync.
 */
import {ExitCode, RtopoError} from '../errors.js';
import {Connection, endpointOf} from '../redis/connect.js';
import {resolveCredentials} from '../redis/credentials.js';
import {observeAll, readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import type {ReplicateStepReport} from '../report/replicate.js';
import {type Auth, addressText, type Instance, type Shard, type Topology} from '../topology/types.js';
import {follows, listed, relate} from './lineage.js';
import {factsOf, type Observation} from './observe.js';
import {type Plan, type ShardPlan, type Step, staleness} from './plan.js';

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

type ReplicateFrom = Step & {do: 'replicate-from'};

/** Applies the plan as it was shown. Never throws for what goes wrong on a server: the step says `failed`, and why. */
export async function applyReplication(plan: Plan, options: ApplyOptions): Promise<ReplicateStepReport[]> {
  const shards = await Promise.all(plan.shards.map((shard) => applyShard(shard, options)));
  return shards.flat();
}

async function applyShard({shard, steps}: ShardPlan, options: ApplyOptions): Promise<ReplicateStepReport[]> {
  const reports: ReplicateStepReport[] = [];
  const failed = new Set<string>();
  for (const wave of waves(steps)) {
    const done = await Promise.all(
      wave.map(async (step) => {
        const blocker = blockedBy(step, failed);
        const planned = stepReport(shard.name, step, 'planned');
        if (blocker !== null) return {...planned, outcome: 'skipped' as const, message: blocker};
        options.onStep?.(planned, 'start');
        const report = await runStep(planned, {shard, step}, options);
        options.onStep?.(report, 'end');
        return report;
      }),
    );
    for (const [i, report] of done.entries()) {
      reports.push(report);
      if (report.outcome !== 'done') failed.add(`${wave[i]!.do} ${report.instance}`);
    }
  }
  return reports;
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
  const [at, parent] = [addressText(step.instance.address), addressText(step.parent.address)];
  if (failed.has(`set-auth ${at}`)) return `the login towards ${parent} could not be set on ${at}`;
  if (failed.has(`promote ${parent}`) || failed.has(`replicate-from ${parent}`))
    return `its parent ${parent} is not ready`;
  return null;
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

interface Task {
  readonly shard: Shard;
  readonly step: Step;
}

async function runStep(planned: ReplicateStepReport, task: Task, options: ApplyOptions): Promise<ReplicateStepReport> {
  const {step} = task;
  let connection: Connection | null = null;
  // What was reached so far stays in the report when a later part fails.
  let report = planned;
  try {
    connection = await Connection.open(endpointOf(step.instance), options.commandTimeoutMs);
    await assertFresh(connection, task, options);
    switch (step.do) {
      case 'set-auth':
        await setAuth(connection, step.instance, options.topology.replicationAuth);
        break;
      case 'promote':
        await connection.call('REPLICAOF', ['NO', 'ONE']);
        break;
      case 'replicate-from':
        await connection.call('REPLICAOF', [step.parent.peer.host, step.parent.peer.port]);
        break;
    }
    // Persisted at once: a restart before the link is up must not bring the old role back.
    report = {...report, persisted: await persist(connection)};
    if (step.do === 'replicate-from') await awaitLink(connection, step, options);
    if (step.do === 'promote') await assertMaster(connection, step.instance);
    return {...report, outcome: 'done'};
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    return {...report, outcome: 'failed', message: error.message};
  } finally {
    connection?.close();
  }
}

/** The facts that the plan rests on, read again at the last moment, on both ends of the link. */
async function assertFresh(connection: Connection, {shard, step}: Task, options: ApplyOptions): Promise<void> {
  const check = (instance: Instance, now: ServerFacts): void => {
    const planned = factsOf(options.observation, instance);
    // A parent that this very run has just promoted or attached has another role by now, rightly.
    const comparable = planned === null || instance === step.instance ? planned : {...planned, role: now.role};
    const who = addressText(instance.address);
    const stale = comparable === null ? `${who} did not answer before` : staleness(comparable, now, who);
    if (stale !== null) throw staleError(stale);
  };
  const child = await readFacts(connection);
  check(step.instance, child);
  if (step.do !== 'replicate-from') return;
  const [parent, root] = await observeAll(
    [endpointOf(step.parent), endpointOf(shard.master)],
    options.commandTimeoutMs,
  );
  if (!parent!.reachable) throw parent!.fault;
  if (!root!.reachable) throw root!.fault;
  check(step.parent, parent!.facts);
  check(shard.master, root!.facts);
  if (step.keysAtRisk === 0 && child.keys > 0 && relate(child.lineage, root!.facts.lineage).kind !== 'same') {
    throw staleError(`${addressText(step.instance.address)} has received keys of its own since the plan was made`);
  }
}

function staleError(fact: string): RtopoError {
  return new RtopoError({
    code: 'PLAN_STALE',
    exit: ExitCode.incomplete,
    message: `The plan is stale: ${fact}.`,
    remedy: 'run rtopo replicate again: it plans from what is there now',
  });
}

/** The user first and the password second: between the two an old password fails closed. */
async function setAuth(connection: Connection, instance: Instance, auth: Auth | null): Promise<void> {
  if (auth !== null) {
    const credentials = await resolveCredentials(auth);
    await connection.call('CONFIG', ['SET', 'masteruser', credentials.username ?? '']);
    await connection.call('CONFIG', ['SET', 'masterauth', credentials.password]);
  }
  if (instance.tls !== null) await connection.call('CONFIG', ['SET', 'tls-replication', 'yes']);
}

async function persist(connection: Connection): Promise<ReplicateStepReport['persisted']> {
  try {
    await connection.call('CONFIG', ['REWRITE']);
    return 'yes';
  } catch (error) {
    const reply = error instanceof RtopoError ? error.details?.reply : undefined;
    if (typeof reply !== 'string') throw error;
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
  });
}

const POLL_MS = 50;

/** OK to REPLICAOF proves nothing: the link counts when both ends have the same lineage and the parent lists the child. */
async function awaitLink(connection: Connection, step: ReplicateFrom, options: ApplyOptions): Promise<void> {
  const deadline = Date.now() + options.linkTimeoutMs;
  const parent = await Connection.open(endpointOf(step.parent), options.commandTimeoutMs);
  try {
    for (;;) {
      const [child, above] = [await readFacts(connection), await readFacts(parent)];
      const missing = whatIsMissing(step, child, above);
      if (missing === null) return;
      if (Date.now() >= deadline) {
        throw new RtopoError({
          code: 'LINK_NOT_UP',
          exit: ExitCode.incomplete,
          message:
            `${addressText(step.instance.address)} follows ${addressText(step.parent.peer)} by order, but after ` +
            `${options.linkTimeoutMs} ms ${missing}.`,
          remedy: 'rtopo status says how far it is; rtopo replicate goes on from there',
        });
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    parent.close();
  }
}

/** What the link still lacks, as the end of a sentence; null when both ends agree that it is up. */
function whatIsMissing(step: ReplicateFrom, child: ServerFacts, above: ServerFacts): string | null {
  const parent = addressText(step.parent.address);
  const link = {child: {instance: step.instance, facts: child}, parent: {instance: step.parent, facts: above}};
  if (!follows(link)) return 'it follows another master';
  if (child.loading) return 'it is still loading the data set';
  if (child.linkUp !== true) {
    const state = child.role.kind === 'replica' ? child.role.state : 'gone';
    return child.syncInProgress ? 'the synchronisation is still running' : `the link is not up (state ${state})`;
  }
  if (child.lineage.replid !== above.lineage.replid) return `its history is not that of ${parent}`;
  const online = above.replicas.filter(({state}) => state === 'online').length;
  if (listed(link)?.state !== 'online' && online === 0) return `${parent} does not list it as online`;
  return null;
}
