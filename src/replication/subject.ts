/** Pure: what a finding is about, and the form all findings share. */
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import {addressText, type Shard} from '../topology/types.js';
import {liveParent, type Node} from './graph.js';

/** One instance among its shard. */
export interface Subject {
  readonly shard: Shard;
  readonly node: Node;
  /** All of the shard, master first. */
  readonly nodes: readonly Node[];
}

/** One instance that answered. */
export interface Answered extends Subject {
  readonly facts: ServerFacts;
}

export function problem({shard, node}: Subject, code: string, message: string, remedy: string): Finding {
  return {
    code,
    severity: 'critical',
    shard: shard.name,
    instance: addressText(node.instance.address),
    message,
    remedy,
  };
}

export function warning(subject: Subject, code: string, message: string, remedy: string): Finding {
  return {...problem(subject, code, message, remedy), severity: 'warning'};
}

/** Worth knowing, and nothing to mend in a hurry. */
export function note(subject: Subject, code: string, message: string, remedy: string): Finding {
  return {...problem(subject, code, message, remedy), severity: 'info'};
}

/** The live parent by its declared name when it is declared, else as the server names it; null for a master. */
export function liveParentText({node, nodes, facts}: Answered): string | null {
  if (facts.role.kind !== 'replica') return null;
  return addressText(liveParent(node, nodes)?.instance.address ?? facts.role);
}
