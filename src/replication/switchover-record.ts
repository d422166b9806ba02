/**
 * What the journal of a change of master keeps: what was intended, and what the servers cannot tell afterwards. How far it is they say
 * themselves. Never a secret, never a value.
 */
import {EMPTY_TAIL, readJournal, type Tail} from '../journal/reading.js';
import type {LeftBehind} from '../report/switchover.js';
import type {Engine, Fence, Handed} from './handover.js';

export type ChangeKind = 'switchover' | 'failover';

/** The old master as its replicas knew it last: by this it is recognised when it comes back. */
export interface Mark {
  readonly replid: string;
  /** What the new master had when it was promoted, in bytes of that history. */
  readonly offset: number;
}

export interface Settled {
  readonly repointed: readonly string[];
  readonly left: readonly LeftBehind[];
  readonly notPersisted: readonly string[];
  readonly fullResyncs: number | null;
}

export type ChangeRecord =
  /** Before the first change: all that a resume needs, should the command line and the file be gone. */
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly kind: ChangeKind;
      readonly file: string;
      readonly fromText: string;
      readonly shard: string;
      /** Addresses as declared. */
      readonly old: string;
      readonly next: string;
      readonly engine: Engine | 'promotion';
      readonly engineReason: string | null;
      readonly fenceMs: number;
      readonly killClients: boolean;
      /** Siblings that may lose what the new master does not have. */
      readonly discard: readonly string[];
      /** The master was declared dead by a person. */
      readonly isDeclaredDead: boolean;
    }
  /** A process opens the journal: who can be asked whether it still lives. */
  | {readonly type: 'process'; readonly host: string; readonly pid: number}
  /** Writes are held off and the new master has everything; the old one is demoted next. */
  | {readonly type: 'fence'; readonly fence: Fence}
  /** The old master takes no writes for good. Not waited for: its absence says nothing. */
  | {readonly type: 'demoted'}
  /** The master is dead and the candidate is promoted next. `fullSyncs`: those that it had given by then; `inherited`: the lock that came to it with the data. */
  | {
      readonly type: 'promoting';
      readonly mark: Mark;
      readonly fullSyncs: number | null;
      readonly bytesLost: number | null;
      readonly inherited: string | null;
    }
  | {readonly type: 'promoted'; readonly handed: Promoted}
  | {readonly type: 'killed'; readonly clients: number}
  | {readonly type: 'edited'; readonly backup: string | null}
  | {readonly type: 'settled'; readonly settled: Settled}
  | {readonly type: 'end'; readonly phase: 'done' | 'aborted'};

export type Promoted = Omit<Handed, 'engine'> & {
  readonly bytesLost: number | null;
  readonly engine: Handed['engine'] | 'promotion';
};

export type Begin = ChangeRecord & {type: 'begin'};

/** What a journal says of its operation. */
export interface Told {
  readonly path: string;
  readonly begin: Begin;
  readonly startedMs: number;
  readonly fence: Fence | null;
  readonly isDemoted: boolean;
  readonly promoting: (ChangeRecord & {type: 'promoting'}) | null;
  readonly promotingMs: number;
  readonly promoted: Promoted | null;
  readonly killed: number | null;
  readonly backup: string | null;
  readonly settled: Settled | null;
  readonly process: {readonly host: string; readonly pid: number} | null;
  /** Null while unfinished. */
  readonly end: 'done' | 'aborted' | null;
  readonly tail: Tail;
}

export function toldBy(path: string, begin: Begin, startedMs: number): Told {
  return {
    ...{
      path,
      begin,
      startedMs,
      fence: null,
      isDemoted: false,
      promoting: null,
      promotingMs: 0,
      promoted: null,
      killed: null,
    },
    ...{backup: null, settled: null, process: null, end: null, tail: EMPTY_TAIL},
  };
}

/** Adds what one record says. */
export function retell(told: Told, record: ChangeRecord, nowMs: number): Told {
  switch (record.type) {
    case 'begin':
      return {...told, begin: record, startedMs: nowMs};
    case 'process':
      return {...told, process: {host: record.host, pid: record.pid}};
    case 'fence':
      return {...told, fence: record.fence};
    case 'demoted':
      return {...told, isDemoted: true};
    case 'promoting':
      return {...told, promoting: record, promotingMs: nowMs};
    case 'promoted':
      return {...told, promoted: record.handed};
    case 'killed':
      return {...told, killed: record.clients};
    case 'edited':
      return {...told, backup: record.backup};
    case 'settled':
      return {...told, settled: record.settled};
    case 'end':
      return {...told, end: record.phase};
  }
}

/** Reads one journal. Null when the process died before its first record was complete: then nothing was changed. */
export function readChange(path: string): Told | null {
  let told: Told | null = null;
  for (const {record, tail} of readJournal<ChangeRecord>(path)) {
    if (told === null) {
      if (record.type !== 'begin') return null;
      told = toldBy(path, record, record.t);
    }
    told = {...retell(told, record, record.t), tail};
  }
  return told;
}
