/** What the journals of this account tell of a topology file's masters: who was succeeded, and what is unfinished. Reads only. */
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import {withMastership} from './judge-former.js';
import type {Observation} from './observe.js';
import {allChanges} from './switchover-history.js';
import type {Mark} from './switchover-record.js';

/** A master that was declared dead and succeeded: should it come back, it has a history of its own. */
export interface Former {
  readonly shard: string;
  readonly address: string;
  readonly successor: string;
  readonly mark: Mark;
  readonly atMs: number;
}

export interface UnfinishedChange {
  readonly shard: string;
  readonly kind: 'switchover' | 'failover';
  readonly id: string;
  readonly old: string;
  readonly next: string;
  readonly isPromoted: boolean;
}

export interface Mastership {
  readonly former: readonly Former[];
  readonly unfinished: readonly UnfinishedChange[];
}

/** @param file path of the topology file; null: it is none, and nothing is known */
export function readMastership(file: string | null, stateDir: string | undefined): Mastership {
  const all = file === null ? [] : allChanges({file, stateDir});
  const former: Former[] = [];
  /** Addresses that have led again since, newest change first. */
  const since = new Set<string>();
  for (const {begin, promoting, promotingMs, promoted} of all) {
    const key = (address: string): string => `${begin.shard} ${address}`;
    if (promoting !== null && !since.has(key(begin.old))) {
      const {mark} = promoting;
      former.push({shard: begin.shard, address: begin.old, successor: begin.next, mark, atMs: promotingMs});
      // One warning for one server, about its last succession.
      since.add(key(begin.old));
    }
    if (promoted !== null) since.add(key(begin.next));
  }
  const unfinished = all
    .filter(({end}) => end === null)
    .map(({begin: {shard, kind, id, old, next}, promoted}) => ({
      ...{shard, kind, id, old, next},
      isPromoted: promoted !== null,
    }));
  return {former, unfinished};
}

/** A report on the live servers, with what the journals of this account add to it. */
export function addMastership(
  report: StatusReport,
  seen: {readonly topology: Topology; readonly observation: Observation},
  {
    file,
    stateDir,
    again,
  }: {readonly file: string | null; readonly stateDir: string | undefined; readonly again: string},
): StatusReport {
  return withMastership(report, {...seen, known: readMastership(file, stateDir), again});
}
