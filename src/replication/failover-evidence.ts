/**
 * Pure: is a master dead? rtopo alone cannot know: it may be the one that is cut off. So the replicas are asked what they see. A stopped
 * process keeps its links "up" while nothing comes over them any more.
 */
import type {Observed} from '../redis/fleet.js';
import type {DeathEvidence} from '../report/failover.js';
import type {Refusal} from '../report/replicate.js';
import {addressText} from '../topology/types.js';
import type {FailoverInput} from './failover-plan.js';
import type {Node} from './graph.js';
import {isUnder} from './stand.js';

/** Faults that nobody answering can have. Everything else is an answer: of a server that lives, or of something at its address. */
export const SILENCE = ['CONNECTION_REFUSED', 'CONNECTION_LOST', 'TIMEOUT', 'NO_ROUTE', 'DNS_FAILED'];

export function evidenceOf(input: FailoverInput, nodes: readonly Node[]): DeathEvidence[] {
  const {shard, observation} = input;
  const own = observation.byAddress.get(addressText(shard.master.address));
  return [ownEvidence(own), ...nodes.slice(1).flatMap((node) => replicaEvidence(input, node))];
}

function ownEvidence(own: Observed | undefined): DeathEvidence {
  const observer = 'rtopo';
  if (own === undefined) return {observer, isLost: null, message: 'did not ask it'};
  if (own.reachable) return {observer, isLost: false, message: `gets an answer: it is a ${own.facts.role.kind}`};
  return {observer, isLost: SILENCE.includes(own.fault.code), message: `${own.fault.code}: ${own.fault.message}`};
}

function replicaEvidence({shard, silenceSeconds}: FailoverInput, {instance, facts}: Node): DeathEvidence[] {
  const observer = addressText(instance.address);
  // Of one that follows somebody else nothing is learnt.
  if (facts === null || !isUnder(facts, shard.master)) return [];
  if (facts.linkUp !== true) return [{observer, isLost: true, message: 'has lost its link to it'}];
  const silent = facts.lastIoSeconds;
  if (silent === null)
    return [{observer, isLost: null, message: 'says its link is up, and not since when it is silent'}];
  const isLost = silent >= silenceSeconds;
  return [{observer, isLost, message: `says its link is up, and heard from it ${silent} s ago`}];
}

export interface Death {
  readonly isDead: boolean;
  readonly refusal: Omit<Refusal, 'shard' | 'instance'> | null;
}

export function isDead(
  {shard, isDeclaredDead}: Pick<FailoverInput, 'shard' | 'isDeclaredDead'>,
  own: Observed | undefined,
  evidence: readonly DeathEvidence[],
): Death {
  const refuse = (code: string, message: string, consent: string | null, remedy: string): Death => ({
    ...{isDead: false, refusal: {code, message, consent, remedy}},
  });
  if (own?.reachable) {
    return own.facts.role.kind === 'master'
      ? refuse(
          'MASTER_ALIVE',
          'The master answers: it can hand over without losing anything.',
          null,
          `rtopo switchover ${shard.name}`,
        )
      : refuse(
          'NOT_A_MASTER',
          'The declared master answers, and is a replica: it was demoted, or is on its way.',
          null,
          'rtopo status; an interrupted change goes on with rtopo switchover resume',
        );
  }
  const [first, ...others] = evidence as [DeathEvidence, ...DeathEvidence[]];
  if (first.isLost !== true) {
    return refuse(
      'MASTER_ALIVE',
      `Something answers at the address of the master (${first.message}): it is not dead.`,
      null,
      'mend what it complains of, or stop the process',
    );
  }
  if (isDeclaredDead) return {isDead: true, refusal: null};
  const against = others.filter(({isLost}) => isLost !== true);
  if (others.length > 0 && against.length === 0) return {isDead: true, refusal: null};
  const said = against.map(({observer, message}) => `${observer} ${message}`).join('; ');
  return refuse(
    'MASTER_NOT_PROVED_DEAD',
    `The master does not answer rtopo, but ${said === '' ? 'no replica that follows it can be asked' : said}. It may be alive and taking writes.`,
    '--master-is-dead',
    'wait until its replicas have lost it, or, when it is certain, say so with --master-is-dead',
  );
}
