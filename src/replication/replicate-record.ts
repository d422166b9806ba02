/**
 * What the journal of `rtopo replicate` keeps: what was ordered, and of which orders it is not known that they will outlive a restart.
 * Everything else the servers say themselves. Never a secret, never a value.
 */
import {EMPTY_TAIL, readJournal, type Tail} from '../journal/reading.js';
import type {ReplicateStepReport} from '../report/replicate.js';

/** `undo`: a link that did not come up is taken back. */
export type OrderKind = ReplicateStepReport['action'] | 'undo';

export interface Order {
  readonly instance: string;
  readonly what: OrderKind;
  /** The new parent; null where there is none. */
  readonly target: string | null;
}

export type ReplicateRecord =
  /** Before the first lock and the first order. */
  | {readonly type: 'begin'; readonly id: string; readonly topology: string}
  /** A process opens the journal: who can be asked whether it still lives, and the command that goes on. */
  | {readonly type: 'process'; readonly host: string; readonly pid: number; readonly command: string}
  /** On disk before the order leaves. */
  | ({readonly type: 'order'} & Order)
  /** What came of everything that was ordered of a server so far. Not waited for: without it the config file is written once more. */
  | {
      readonly type: 'settled';
      readonly instance: string;
      readonly persisted: Exclude<ReplicateStepReport['persisted'], 'not-asked'> | 'nothing-ordered';
    }
  | {readonly type: 'end'; readonly phase: 'done' | 'incomplete'};

/** What a journal says of its run. */
export interface ReplicateTold {
  readonly path: string;
  readonly id: string;
  readonly startedMs: number;
  readonly process: {readonly host: string; readonly pid: number; readonly command: string} | null;
  readonly ordered: readonly Order[];
  /** Ordered, or about to be, and not settled. */
  readonly owed: readonly Order[];
  /** Null while unfinished. */
  readonly end: 'done' | 'incomplete' | null;
  readonly tail: Tail;
}

/** Adds what one record says. */
export function retellRun(told: ReplicateTold, record: ReplicateRecord): ReplicateTold {
  switch (record.type) {
    case 'begin':
      return told;
    case 'process':
      return {...told, process: {host: record.host, pid: record.pid, command: record.command}};
    case 'order': {
      const {instance, what, target} = record;
      const order = {instance, what, target};
      return {...told, ordered: [...told.ordered, order], owed: [...told.owed, order]};
    }
    case 'settled':
      // CONFIG REWRITE writes all of a server down, whatever was ordered of it before.
      return {...told, owed: told.owed.filter(({instance}) => instance !== record.instance)};
    case 'end':
      return {...told, end: record.phase};
  }
}

export function toldOf(path: string, id: string, startedMs: number): ReplicateTold {
  return {path, id, startedMs, process: null, ordered: [], owed: [], end: null, tail: EMPTY_TAIL};
}

/** Reads one journal. Null when the process died before its first record was complete: then nothing was changed. */
export function readRun(path: string): ReplicateTold | null {
  let told: ReplicateTold | null = null;
  for (const {record, tail} of readJournal<ReplicateRecord>(path)) {
    if (told === null) {
      if (record.type !== 'begin') return null;
      told = toldOf(path, record.id, record.t);
    }
    told = {...retellRun(told, record), tail};
  }
  return told;
}
