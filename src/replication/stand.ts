/** Pure: where a change of master stands, as its two servers tell it. The servers are the truth: a record of it may be older. */
import type {ServerFacts} from '../redis/identity.js';
import type {Address, Instance} from '../topology/types.js';

/** The two servers between which the mastership passes. */
export interface Handover {
  readonly old: Instance;
  readonly next: Instance;
}

/**
 * `old-leads`: the new one follows the old one. `nobody-leads`: each follows the other, so that none takes writes.
 * `next-leads`: it is done. `apart`: neither follows the other. `old-gone`, `next-gone`: that one does not answer.
 */
export type Stand = 'old-leads' | 'nobody-leads' | 'next-leads' | 'apart' | 'old-gone' | 'next-gone';

export interface Pair<T> {
  readonly old: T;
  readonly next: T;
}

/** Null: the server does not answer. */
export function standOf(handover: Handover, facts: Pair<ServerFacts | null>): Stand {
  if (facts.next === null) return 'next-gone';
  if (facts.old === null) return 'old-gone';
  const oldFollows = isUnder(facts.old, handover.next);
  const nextFollows = isUnder(facts.next, handover.old) || isUnderUnknownName(facts.next, facts.old);
  if (oldFollows && nextFollows) return 'nobody-leads';
  if (oldFollows && facts.next.role.kind === 'master') return 'next-leads';
  return nextFollows && facts.old.role.kind === 'master' ? 'old-leads' : 'apart';
}

/** By any of the names under which it is declared. */
export function isUnder({role}: ServerFacts, {address, peer, announce}: Instance): boolean {
  if (role.kind !== 'replica') return false;
  const names: readonly (Address | null)[] = [peer, address, announce];
  return names.some(
    (name) => name !== null && name.port === role.port && name.host.toLowerCase() === role.host.toLowerCase(),
  );
}

/** A good link and one history: it can be no other master. */
function isUnderUnknownName(child: ServerFacts, parent: ServerFacts): boolean {
  return (
    child.role.kind === 'replica' &&
    child.linkUp === true &&
    child.lineage.replid === parent.lineage.replid &&
    parent.role.kind === 'master'
  );
}

/** Was the new one promoted out of the history that the old one had, and after the offset at which that one was fenced? */
export function isPromotedAfter(
  {role, lineage}: ServerFacts,
  fence: {readonly replid: string; readonly offset: number},
): boolean {
  const {replid2, secondOffset} = lineage;
  return (
    role.kind === 'master' && replid2 === fence.replid && secondOffset !== null && secondOffset - 1 >= fence.offset
  );
}
