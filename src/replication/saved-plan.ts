/**
 * A plan of `replicate` as a file: written by one person, reviewed by another, carried out as it stands, or refused with the fact that
 * has changed. It holds addresses, run ids, histories and counts; no key, no value and no secret.
 */
import {escapeText, type RtopoError, refusal} from '../errors.js';
import {hashOf, readSealed, type Sealed, type SealedKind, seal, writeSealed} from '../journal/sealed.js';
import type {ServerFacts} from '../redis/identity.js';
import {type Address, addressText, allInstances, type Topology} from '../topology/types.js';
import {factsOf, type Observation} from './observe.js';
import type {Plan, Step} from './plan.js';

const KIND: SealedKind = {
  kind: 'rtopo-replication-plan',
  version: 1,
  flag: '--plan-out',
  command: 'rtopo replicate --plan-out plan.json',
};

/** A server as the plan met it. */
export interface SavedServer {
  readonly at: string;
  readonly runId: string;
  readonly role: string;
  /** Whom it followed, as it said; null for a master. */
  readonly of: string | null;
  readonly history: string;
  readonly version: string;
  readonly keys: number;
}

export interface PlanContent {
  readonly kind: string;
  readonly version: 1;
  readonly created: string;
  /** The command that made it, and makes a new one. */
  readonly command: string;
  readonly topology: string;
  /** Over what the topology file declares of replication. */
  readonly topologySha256: string;
  /** Addresses whose data may be discarded. */
  readonly discard: readonly Address[];
  /** One sentence per step, in order; a step that costs more than was reviewed is another step. */
  readonly steps: readonly {readonly instance: string; readonly what: string}[];
  readonly servers: readonly SavedServer[];
}

export type SavedPlan = Sealed<PlanContent>;

/** What a plan rests on. */
export interface Grounds {
  readonly topology: Topology;
  readonly observation: Observation;
  readonly plan: Plan;
}

export function savedPlan(
  {topology, observation, plan}: Grounds,
  made: {readonly command: string; readonly nowMs: number; readonly discard: readonly Address[]},
): SavedPlan {
  return seal<PlanContent>({
    ...{kind: KIND.kind, version: 1, created: new Date(made.nowMs).toISOString(), command: made.command},
    ...{topology: topology.name, topologySha256: declaredHash(topology), discard: made.discard},
    steps: stepsOf(plan),
    servers: serversOf(topology, observation),
  });
}

export const writePlan = (path: string, plan: SavedPlan): Promise<void> => writeSealed(path, plan, KIND);
export const readPlan = (path: string): Promise<SavedPlan> => readSealed<PlanContent>(path, KIND);

/** Where a secret comes from may differ between the machines of two people; what is done with the servers may not. */
function declaredHash({name, replicationAuth, shards}: Topology): string {
  const instances = shards.map(({master, replicas, minReplicas, name: shard}) => ({
    ...{shard, minReplicas},
    servers: [master, ...replicas].map(({address, peer, announce, of, priority, tls}) => ({
      ...{address, peer, announce, of, priority},
      tls: tls !== null,
    })),
  }));
  return hashOf({name, login: replicationAuth === null ? null : {user: replicationAuth.username}, instances});
}

function stepsOf({shards}: Plan): PlanContent['steps'] {
  return shards.flatMap(({steps}) =>
    steps.map((step) => ({instance: addressText(step.instance.address), what: wordsOf(step)})),
  );
}

function wordsOf(step: Step): string {
  switch (step.do) {
    case 'set-auth':
    case 'promote':
    case 'persist':
      return step.do;
    case 'set-config':
      return `set-config ${step.settings.map(({name, to}) => `${name}=${to}`).join(' ')}`;
    case 'replicate-from': {
      const loss = step.keysAtRisk > 0 ? ', discards what it holds' : '';
      return `replicate-from ${addressText(step.parent.peer)}, ${step.resync} resync${loss}`;
    }
  }
}

function serversOf(topology: Topology, observation: Observation): SavedServer[] {
  return allInstances(topology).flatMap(({instance}) => {
    const facts = factsOf(observation, instance);
    return facts === null ? [] : [serverOf(addressText(instance.address), facts)];
  });
}

function serverOf(at: string, {role, runId, lineage, server, version, keys}: ServerFacts): SavedServer {
  return {
    ...{at, runId, role: role.kind, history: lineage.replid, version: `${server} ${version}`, keys},
    of: role.kind === 'replica' ? escapeText(addressText(role)) : null,
  };
}

/** One fact that is not what the plan was made for. */
export interface StaleFact {
  readonly fact: 'topology' | 'answers' | 'run-id' | 'role' | 'parent' | 'history' | 'version' | 'keys' | 'step';
  /** The server; null where it is none. */
  readonly at: string | null;
  readonly was: string;
  readonly is: string;
}

/**
 * Empty: what is to be done now is what is left of the plan. Steps that were done since, by a run of the same plan that was interrupted,
 * are no change.
 */
export function staleFacts(saved: SavedPlan, {topology, observation, plan}: Grounds): StaleFact[] {
  const sha256 = declaredHash(topology);
  if (saved.topologySha256 !== sha256)
    return [{fact: 'topology', at: null, was: saved.topologySha256.slice(0, 12), is: sha256.slice(0, 12)}];
  // What a run of this plan did and could not write down any more is written down now: that is no other step than what was reviewed.
  const left = stepsOf(plan).filter(({what}) => what !== 'persist');
  const now = serversOf(topology, observation);
  const isDone = (at: string): boolean =>
    saved.steps.some(({instance}) => instance === at) && left.every(({instance}) => instance !== at);
  const servers = saved.servers.flatMap((was) =>
    staleServer(
      was,
      now.find(({at}) => at === was.at),
      {saved, isDone},
    ),
  );
  const steps = left
    .filter((step) => !saved.steps.some((one) => one.instance === step.instance && one.what === step.what))
    .map(({instance, what}): StaleFact => {
      const was = saved.steps.filter((one) => one.instance === instance).map((one) => one.what);
      return {fact: 'step', at: instance, was: was.join('; ') || 'nothing to do', is: what};
    });
  return [...servers, ...steps];
}

interface Comparison {
  readonly saved: SavedPlan;
  readonly isDone: (at: string) => boolean;
}

function staleServer(was: SavedServer, now: SavedServer | undefined, {saved, isDone}: Comparison): StaleFact[] {
  const {at} = was;
  if (now === undefined) return [{fact: 'answers', at, was: 'yes', is: 'no'}];
  const same: StaleFact[] = [
    {fact: 'run-id', at, was: was.runId, is: now.runId},
    {fact: 'version', at, was: was.version, is: now.version},
  ];
  const moved: StaleFact[] = [
    {fact: 'role', at, was: was.role, is: now.role},
    {fact: 'parent', at, was: was.of ?? 'none', is: now.of ?? 'none'},
    // A master begins a new history by itself, with its first replica and long after its last one.
    {fact: 'history', at, was: was.history, is: was.of === null ? was.history : now.history},
  ];
  const isVictim = saved.discard.some((address) => addressText(address) === at);
  const isLost = was.keys > 0 && now.keys === 0;
  const keys: StaleFact[] =
    (isVictim && now.keys > was.keys) || isLost
      ? [{fact: 'keys', at, was: String(was.keys), is: String(now.keys)}]
      : [];
  const facts = isDone(at) ? same : [...same, ...moved, ...keys];
  return facts.filter((fact) => fact.was !== fact.is);
}

const WORDS: Readonly<Record<StaleFact['fact'], string>> = {
  topology: 'what the topology file declares (SHA-256)',
  answers: 'answers',
  'run-id': 'run id: the server was restarted or replaced',
  role: 'role',
  parent: 'whom it follows',
  history: 'replication history',
  version: 'version',
  keys: 'keys',
  step: 'what there is to do',
};

/** @param facts at least one */
export function planStale(plan: SavedPlan, facts: readonly StaleFact[]): RtopoError {
  const lines = facts.map(
    ({fact, at, was, is}) => `${at === null ? '' : `${at}: `}${WORDS[fact]}: ${escapeText(was)} → ${escapeText(is)}`,
  );
  return refusal({
    code: 'PLAN_STALE',
    message: `The plan of ${plan.created} was made for other facts. Nothing was changed.\n  ${lines.join('\n  ')}`,
    remedy: plan.command,
    details: {facts, hash: plan.hash},
  });
}
