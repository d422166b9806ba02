/** Pure: what has changed since a plan was saved. Keys come and go; what must be as it was is who the servers are, and what the file says. */
import {type RtopoError, refusal} from '../errors.js';
import type {Census} from './census.js';
import type {Node} from './nodes.js';
import type {SavedPlan} from './saved-plan.js';

/** One fact that is not what the plan was made for. */
export interface StaleFact {
  readonly fact: 'topology' | 'servers' | 'run-id' | 'role' | 'version' | 'keys' | 'moving';
  /** The server; null where it is none. */
  readonly at: string | null;
  readonly was: string;
  readonly is: string;
}

/** Keys may come and go while a plan is reviewed: so much of them, but never fewer than this. */
export const DRIFT_SHARE = 0.1;
export const DRIFT_KEYS = 100;

export function staleTopology(plan: SavedPlan, sha256: string): StaleFact[] {
  if (plan.topologySha256 === sha256) return [];
  return [{fact: 'topology', at: null, was: shortSha(plan.topologySha256), is: shortSha(sha256)}];
}

export function staleServers(plan: SavedPlan, nodes: readonly Node[]): StaleFact[] {
  const [planned, now] = [plan.servers.map(({at}) => at).join(', '), nodes.map(({at}) => at).join(', ')];
  if (planned !== now) return [{fact: 'servers', at: null, was: planned, is: now}];
  return nodes.flatMap(({at, facts}, i): StaleFact[] => {
    const was = plan.servers[i]!;
    const facts2: StaleFact[] = [
      {fact: 'run-id', at, was: was.runId, is: facts.runId},
      {fact: 'role', at, was: was.role, is: facts.role.kind},
      {fact: 'version', at, was: `${was.server} ${was.version}`, is: `${facts.server} ${facts.version}`},
    ];
    const keysThen = was.keys.reduce((sum, {keys}) => sum + keys, 0);
    return [...facts2.filter((fact) => fact.was !== fact.is), ...drift('keys', at, {was: keysThen, is: facts.keys})];
  });
}

/** A sample misses by chance; the counts of the servers have to do. */
export function staleCensus(plan: SavedPlan, census: Census): StaleFact[] {
  return plan.estimate === 'sample' ? [] : drift('moving', null, {was: plan.census.moving, is: census.moving});
}

function drift(fact: 'keys' | 'moving', at: string | null, {was, is}: {was: number; is: number}): StaleFact[] {
  if (Math.abs(is - was) <= Math.max(DRIFT_KEYS, was * DRIFT_SHARE)) return [];
  return [{fact, at, was: String(was), is: String(is)}];
}

const shortSha = (sha: string): string => sha.slice(0, 12);

const WORDS: Readonly<Record<StaleFact['fact'], string>> = {
  topology: 'the text of the topology file (SHA-256)',
  servers: 'the servers concerned',
  'run-id': 'run id: the server was restarted or replaced',
  role: 'role',
  version: 'version',
  keys: 'keys: more than a tenth came or went',
  moving: 'keys to be moved: more than a tenth came or went',
};

/** @param facts at least one */
export function planStale(plan: SavedPlan, facts: readonly StaleFact[]): RtopoError {
  const lines = facts.map(({fact, at, was, is}) => `${at === null ? '' : `${at}: `}${WORDS[fact]}: ${was} → ${is}`);
  return refusal({
    code: 'PLAN_STALE',
    message: `The plan of ${plan.created} was made for other facts. Nothing was changed.\n  ${lines.join('\n  ')}`,
    remedy: plan.command,
    details: {facts, hash: plan.hash},
  });
}
