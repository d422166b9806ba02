/** Pure: may this server be made a replica of that one? It loses everything that the other one does not have. */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText} from '../topology/types.js';
import {relationOf} from './plan.js';

export interface NotFree {
  readonly code: 'NOT_EMPTY' | 'FOLLOWS_ANOTHER';
  /** The end of a sentence that begins with the address of the server. */
  readonly why: string;
}

/** Null when nothing can be lost: it is empty, or all it holds is in the history of its future parent. */
export function whyNotFree(child: ServerFacts, parent: ServerFacts): NotFree | null {
  // Of a parent that was promoted a moment ago its former history counts too: whoever followed the same master goes on.
  const {replid} = child.lineage;
  const isOfOneHistory = replid !== '' && (replid === parent.lineage.replid || replid === parent.lineage.replid2);
  if (child.role.kind === 'replica' && !isOfOneHistory) {
    return {
      code: 'FOLLOWS_ANOTHER',
      why: `follows ${escapeText(addressText(child.role))}, which is another history`,
    };
  }
  const relation = relationOf(child, parent);
  if (relation.kind === 'same') return null;
  const held = `holds ${child.keys} ${child.keys === 1 ? 'key' : 'keys'}`;
  return {
    code: 'NOT_EMPTY',
    why:
      relation.kind === 'diverged'
        ? `${held} and went on by itself for ${relation.bytes} bytes after the histories parted`
        : `${held} of another history`,
  };
}
