/** Pure: who can be told anything at all. Out of reach is also who answers and does not know yet what it holds. */
import {ExitCode, RtopoError} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Node} from './graph.js';
import type {Observation} from './observe.js';
import type {Answering} from './refuse.js';

export interface OutOfReach {
  readonly instance: string;
  readonly fault: RtopoError;
}

/** A server that loads its own data can neither be told what to do, nor does it know yet what it holds. */
export function isUsable(node: Node): node is Node & Answering {
  return node.facts !== null && !isLoadingItsOwn(node.facts);
}

/** As opposed to the snapshot of its master, which it loads in the course of a full resync. */
function isLoadingItsOwn({loading, syncInProgress}: ServerFacts): boolean {
  return loading && !syncInProgress;
}

/** Why an instance cannot be told anything: at most one reason. */
export function outOfReach(observation: Observation, instance: string): readonly OutOfReach[] {
  const observed = observation.byAddress.get(instance);
  if (observed === undefined) return [];
  if (!observed.reachable) return [{instance, fault: observed.fault}];
  if (!isLoadingItsOwn(observed.facts)) return [];
  const fault = new RtopoError({
    code: 'LOADING',
    exit: ExitCode.unreachable,
    message: `${instance} is still loading its data set.`,
    remedy: 'wait until it has loaded, then: rtopo replicate',
  });
  return [{instance, fault}];
}
