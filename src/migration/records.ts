/** What a rebalance writes into its journal, in the order in which it happens. Keys are base64; values and secrets never occur. */

import type {Fence} from '../replication/handover.js';
import type {FenceRecord} from './fence.js';
import type {Readings} from './readings.js';
import type {Promoted, Settled} from './replacement.js';

export type Phase =
  | 'planned'
  | 'replicating'
  | 'copying'
  | 'copied'
  | 'verified'
  | 'cutover'
  | 'pruning'
  | 'done'
  | 'aborted';

/** A consent given at the start, for the whole operation. */
export interface Consents {
  /** Addresses of targets that may lose what they are given. */
  readonly acceptVolatile: readonly string[];
  /** Addresses of targets on which `onConflict: 'replace'` may overwrite values. */
  readonly replaceOn?: readonly string[];
}

/** How an operation shall behave. Part of its first record: a resume goes on in the same way. */
export interface Settings {
  /** What happens to a name that source and target hold with different values. `replace` keeps the target's value aside until the end. */
  readonly onConflict: 'fail' | 'skip' | 'replace';
  /** Keys that the present placement puts elsewhere: moved to their new owner, left where they are, or a reason not to start. */
  readonly strays: 'move' | 'keep' | 'fail';
  /** When somebody writes to the sources meanwhile: stop, or copy the touched keys again. */
  readonly writers: 'fail' | 'recopy';
  /** How writes to the sources are held off from the first copy to the cutover. */
  readonly fence: 'none' | 'pause' | 'min-replicas';
  /** Limits over all servers together; null: as fast as `maxLatencyMs` allows. */
  readonly maxKeysPerSecond: number | null;
  readonly maxBytesPerSecond: number | null;
  /** Batches shrink while another client of a server would wait longer than this. */
  readonly maxLatencyMs: number;
  /** Values above this size in memory are copied in pieces, bytes. */
  readonly bigKeyBytes: number;
  /** Which instance of a source is read: its master, or a replica that has caught up. */
  readonly readFrom: 'master' | 'replica';
  /** Function libraries that a target lacks: only told, or copied to it. */
  readonly functions: 'tell' | 'copy';
  /** How joining shards come by their keys: each key is copied, or all of their only source by replication. */
  readonly via: 'copy' | 'replicate';
}

export const DEFAULT_SETTINGS: Settings = {
  onConflict: 'fail',
  strays: 'move',
  writers: 'fail',
  fence: 'none',
  maxKeysPerSecond: null,
  maxBytesPerSecond: null,
  maxLatencyMs: 5,
  bigKeyBytes: 8 * 1024 * 1024,
  readFrom: 'master',
  functions: 'tell',
  via: 'copy',
};

/** Counts of the plan; `moving` is what copying should come to. */
export interface PlannedKeys {
  readonly scanned: number;
  readonly moving: number;
  readonly strays: number;
}

export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly keys: number;
  /** Memory at the source, extrapolated from a sample; bytes. */
  readonly bytes: number;
}

/** Canonical digest of a value, in hex, and its expiry, as they were when it was copied. */
export interface ElementDigest {
  readonly digest: string;
  readonly expireAtMs: number;
}

export type RebalanceRecord =
  /** J1, before the first change: all that a resume needs, should the command line and the file be gone. */
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly file: string;
      readonly fromText: string;
      readonly toText: string;
      readonly consents: Consents;
      readonly settings: Settings;
      readonly planned: PlannedKeys;
      readonly matrix: readonly MatrixCell[];
      /** Hash of the saved plan that it carries out. */
      readonly plan?: string;
    }
  /** A process opens the journal: who can be asked whether it still lives. */
  | {readonly type: 'process'; readonly host: string; readonly pid: number}
  /** A process starts to work on the operation: who the servers are now. A copying pass counts from the last of these. */
  | {readonly type: 'run'; readonly servers: readonly {readonly at: string; readonly runId: string}[]}
  /** What the sources had to tell before the first copy of a pass: what a proof that nobody wrote compares with, in whatever process. */
  | {readonly type: 'watch'; readonly readings: Readings}
  /** About to keep writers away; what is needed to let them in again. */
  | {readonly type: 'fence'; readonly record: FenceRecord}
  | {readonly type: 'unfence'}
  /** J2. */
  | {
      readonly type: 'phase';
      readonly phase: Phase;
      /** With `verified`; and what decided it. */
      readonly writers?: Writers;
      readonly method?: string;
    }
  /**
   * Before the copies of a batch are sent: these names, on this target, may be ours from now on. `keys` and `sums` are packed
   * (`packing.ts`); a checksum is that of what the source holds, `of` its DUMP or its text, none for a value that is carried element
   * by element; `expiries` are the source's, by position, of those that have one. All are what pruning compares with.
   */
  | {
      readonly type: 'copy';
      readonly batch: number;
      readonly source: number;
      readonly target: number;
      readonly db: number;
      readonly keys: string;
      readonly sums: string;
      /** Packed. */
      readonly of: string;
      readonly expiries: Readonly<Record<number, number>>;
    }
  /**
   * J3: the batch is copied and read back. One letter per key (`OUTCOME_LETTERS`). `landed`: the checksum at the target where its
   * bytes differ, in base64, for undoing. Not waited for: a batch whose record was lost is copied once more, and found equal.
   */
  | {
      readonly type: 'copied';
      readonly batch: number;
      readonly outcomes: string;
      readonly landed: Readonly<Record<number, string>>;
      readonly bytes: number;
      /** So many of the payloads went with another version in their footer. */
      readonly refooted?: number;
      /** Of values that were carried element by element: what is compared in place of a checksum. */
      readonly elements?: Readonly<Record<number, ElementDigest>>;
    }
  /** All batches of the pages before this cursor are copied; null: of the whole database. A resume on the same processes goes on from here. */
  | {readonly type: 'cursor'; readonly source: number; readonly db: number; readonly cursor: string | null}
  /** About to take our copies of these keys off the target, to copy the keys again: batches below `before` do not speak for them any more. */
  | {
      readonly type: 'withdrawn';
      readonly source: number;
      readonly target: number;
      readonly db: number;
      readonly keys: string;
      readonly before: number;
    }
  /** About to give these values of the target another name, so that the source's can take theirs. `keys` packed. */
  | {readonly type: 'aside'; readonly target: number; readonly db: number; readonly keys: string}
  /** J4: what makes each target keep its copies through a crash. */
  | {
      readonly type: 'barrier';
      readonly targets: readonly {readonly at: string; readonly runId: string; readonly by: Durability}[];
    }
  /** J5: about to delete the sources of this batch. */
  | {readonly type: 'prune'; readonly batch: number}
  /** J6. One letter per key: deleted, expired, kept because it changed, kept because its owner does not hold it. */
  | {readonly type: 'pruned'; readonly batch: number; readonly outcomes: string}
  /** All is pruned that could be, and keys are left where they do not belong: a resume looks at every key again. */
  | {readonly type: 'leftovers'; readonly code: string; readonly keys: number}
  /** J7. */
  | {
      readonly type: 'end';
      readonly phase: 'done' | 'aborted';
      readonly writers: Writers;
      readonly finalCheck: FinalCheck | null;
    }
  /** A shard gets another master by replication. How far it is the servers say; this is what they cannot say. */
  | {readonly type: 'replace'; readonly shard: string; readonly event: ReplaceEvent}
  /** An empty server is about to be filled as a replica: from here on all that it holds is ours. */
  | {readonly type: 'split'; readonly at: string; readonly runId: string};

export type ReplaceEvent =
  /** Before the new server is told to follow the old one: from then on it is ours to take off again. */
  | {readonly did: 'attach'; readonly runId: string; readonly keys: number}
  | {readonly did: 'detach'}
  /** Before the old master is demoted. */
  | {readonly did: 'fence'; readonly fence: Fence}
  | {readonly did: 'promote'; readonly promoted: Promoted}
  /** All that is left is done: roles persisted, the others repointed, the old master linked to the new one. */
  | {readonly did: 'settle'; readonly settled: Settled};

/** How the old master came to follow the new one; null: not seen. */
export type Resync = 'partial' | 'full' | null;

/** Whether roles outlive a restart; of several servers the worst. */
export type Persisted = 'yes' | 'no-config-file' | 'failed';

/** Whether anybody else changed keys on the sources while they were copied. */
export type Writers = 'none-seen' | 'seen' | 'unknown';

/** Names counted on all servers after pruning. */
export interface FinalCheck {
  readonly keys: number;
  readonly misplaced: number;
  readonly duplicates: number;
}

export type Durability = 'aof' | 'replica' | 'bgsave' | 'accepted-volatile' | 'no-copies';

export const OUTCOME_LETTERS = {created: 'c', equal: 'e', gone: 'g', conflict: 'f', unreadable: 'u'} as const;
export const PRUNE_LETTERS = {deleted: 'd', expired: 'x', changed: 'k', missing: 'm'} as const;
