/** Where every key of an operation is, in words: what a person wants to know who finds it interrupted. Knows no server. */
import type {Counts} from './operation.js';
import type {Phase} from './records.js';

export interface Standing {
  readonly phase: Phase;
  readonly counts: Pick<Counts, 'copied' | 'deleted'>;
  /** The topology file has the new text. */
  readonly hasCutOver: boolean;
}

const number = (value: number): string => value.toLocaleString('en-US');
const copies = (value: number): string => `${number(value)} ${value === 1 ? 'copy' : 'copies'}`;

export function standingOf({phase, counts, hasCutOver}: Standing): string {
  const {copied, deleted} = counts;
  const are = copied === 1 ? 'is' : 'are';
  switch (phase) {
    case 'planned':
      return 'The sources hold every key; nothing was copied yet.';
    case 'replicating':
      return 'Servers are being brought together by replication: each of them holds every key of its shard, or is being filled. No key was copied or deleted.';
    case 'aborted':
      return 'The sources hold every key, as before; the copies are removed.';
    case 'done':
      return 'Every key is on its owner, once.';
    case 'pruning':
      return `The new owners hold every key and the topology file names them; ${number(deleted)} of the old ${copies(copied)} are deleted at their sources, the rest is there too.`;
    case 'cutover':
      return `The new owners hold every key and the topology file names them; the old ${copies(copied - deleted)} ${are} still at their sources too.`;
    case 'copying':
    case 'copied':
    case 'verified':
      if (hasCutOver) {
        return 'The topology file names the new owners. Keys that were left at their old owners are brought across once more: each key is at its new owner, its old one, or both.';
      }
      return copied === 0
        ? 'The sources hold every key; nothing is deleted and the topology file is unchanged.'
        : `The sources hold every key; ${copies(copied)} ${are} on the targets too. Nothing is deleted and the topology file is unchanged.`;
  }
}
