/** What the journals of this account tell of a topology file's masters: who was succeeded, and what is unfinished. Reads only. */
import {RtopoError} from '../errors.js';
import type {StatusReport} from '../report/status.js';
import type {Topology} from '../topology/types.js';
import {withMastership} from './judge-former.js';
import type {UnfinishedRun} from './judge-unfinished.js';
import type {Observation} from './observe.js';
import {declaredBy, unfinishedRun, unfinishedRuns} from './replicate-history.js';
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
  /** Runs of `replicate` that did not come to their end, newest first. */
  readonly runs?: readonly UnfinishedRun[];
}

/** @param file path of the topology file; null: it is none, and nothing is known of masters that changed */
export function readKnown(
  topology: Topology,
  {file, stateDir, again}: {file: string | null; stateDir: string | undefined; again: string},
): Mastership {
  const runs = unfinishedRuns({stateDir, declared: declaredBy(file, topology)});
  return {
    ...readMastership(file, stateDir),
    runs: runs.map((told) => unfinishedRun(told, `rtopo replicate${again}`)),
  };
}

function readMastership(file: string | null, stateDir: string | undefined): Mastership {
  const all = file === null ? [] : allChanges({file, stateDir});
  const former: Former[] = [];
  /** Addresses that have led again since, newest change first. */
  const since = new Set<string>();
  for (const {begin, promoting, promotingMs, promoted, end} of all) {
    const key = (address: string): string => `${begin.shard} ${address}`;
    // One that was undone never took over.
    const isSucceeded = promoting !== null && (promoted !== null || end !== 'aborted');
    if (isSucceeded && !since.has(key(begin.old))) {
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

/** What changes of master and runs of `replicate` have left behind, for servers that cannot tell it. */
export interface Journals {
  readonly readKnown: () => Mastership;
  /** Flags that a printed command must repeat. */
  readonly again: string;
}

/** A report on the live servers, with what the journals of this account add to it. */
export function addMastership(
  report: StatusReport,
  seen: {readonly topology: Topology; readonly observation: Observation},
  {readKnown, again}: Journals,
): StatusReport {
  try {
    return withMastership(report, {...seen, known: readKnown(), again, nowMs: Date.now()});
  } catch (error) {
    if (!(error instanceof RtopoError)) throw error;
    // The servers have been asked, and what they said counts more than a journal that cannot be read.
    const {code, message, remedy = 'rtopo status --state-dir DIR reads another one'} = error;
    const {name = '', instances = []} = report.shards[0] ?? {};
    const finding = {
      code,
      severity: 'warning' as const,
      shard: name,
      instance: instances[0]?.address ?? '',
      message,
      remedy,
    };
    return {...report, problems: [...report.problems, finding]};
  }
}
