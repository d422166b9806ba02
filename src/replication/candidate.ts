/**
 * Pure: who takes over. A replica with the data, and by an order that every operator comes to alike: how much it has, then the
 * operator's own preference, then the run id.
 */
import {escapeText, type RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {CandidateReport} from '../report/failover.js';
import {addressText, type Instance} from '../topology/types.js';

export interface Contender {
  readonly instance: Instance;
  /** Null: it does not answer. */
  readonly facts: ServerFacts | null;
  /** Why, where that is known: one that refuses a login or runs a script is not dead. */
  readonly fault?: RtopoError | null;
  /** Of the topology file, else of the server; null when neither says. */
  readonly priority: number | null;
  /** The link to its master was up at some time since the process started or was told to follow; null: it does not say. */
  readonly wasLinked: boolean | null;
  /** Under the master itself, not under another replica. */
  readonly isDirect: boolean;
}

/** The server's own default. */
const DEFAULT_PRIORITY = 100;
/** What a live master has sent and a replica has not yet applied is on its way: so much of it makes no difference. */
const SAME_BYTES = 64 * 1024;

export interface Ranking {
  /** The best first. */
  readonly eligible: readonly (Contender & {readonly facts: ServerFacts})[];
  readonly all: readonly CandidateReport[];
}

/** @param rule `alive`: lags that a moment makes up count as equal. `dead`: every byte counts, because no more will come. */
export function rank(contenders: readonly Contender[], rule: {readonly master: 'alive' | 'dead'}): Ranking {
  const judged = contenders.map((one) => ({one, excluded: whyNot(one, rule.master) ?? doubt(one, rule.master)}));
  const fit = judged.flatMap(({one, excluded}) =>
    excluded === null && one.facts !== null ? [{...one, facts: one.facts}] : [],
  );
  const most = Math.max(...fit.map(({facts}) => facts.lineage.offset));
  const behind = (facts: ServerFacts): number => {
    const bytes = most - facts.lineage.offset;
    return rule.master === 'alive' && bytes <= SAME_BYTES ? 0 : bytes;
  };
  const eligible = [...fit].sort(
    (a, b) =>
      behind(a.facts) - behind(b.facts) ||
      (a.priority ?? DEFAULT_PRIORITY) - (b.priority ?? DEFAULT_PRIORITY) ||
      (a.facts.runId < b.facts.runId ? -1 : 1),
  );
  return {eligible, all: judged.map(({one, excluded}) => told(one, excluded))};
}

function doubt({wasLinked}: Contender, master: 'alive' | 'dead'): string | null {
  return master === 'dead' && wasLinked === false
    ? 'has had no link to the master since it started or was told to follow it: only --to chooses it'
    : null;
}

function told({instance, facts, priority}: Contender, excluded: string | null): CandidateReport {
  return {instance: addressText(instance.address), offset: facts?.lineage.offset ?? null, priority, excluded};
}

/** In brackets, behind what it does or does not do. */
export function because(fault: RtopoError | null): string {
  return fault === null ? '' : ` (${fault.code}: ${fault.message.replace(/\.$/, '')})`;
}

/** Why it cannot take over, as the end of a sentence that begins with its address; null when it can. */
export function whyNot(
  {facts, fault = null, priority, isDirect, wasLinked}: Contender,
  master: 'alive' | 'dead',
): string | null {
  if (facts === null) return `does not answer${because(fault)}`;
  if (facts.role.kind !== 'replica') return 'is not a replica';
  if (facts.tampered.length > 0) return 'has a forged INFO, so its numbers cannot be trusted';
  if (facts.loading) return 'is loading its data set';
  if (facts.syncInProgress) return 'is in the middle of a full synchronisation';
  if (wasLinked === false && facts.keys === 0) return 'has never synchronised';
  if (priority === 0) return 'has priority 0: never promoted';
  if (master === 'dead') return null;
  if (!isDirect) return `follows ${escapeText(addressText(facts.role))}, not the master itself`;
  return facts.linkUp === true ? null : 'has no link to the master';
}
