/** What a rebalance writes into its journal, in the order in which it happens. Keys are base64; values and secrets never occur. */

export type Phase = 'planned' | 'copying' | 'copied' | 'verified' | 'cutover' | 'pruning' | 'done' | 'aborted';

/** A consent given at the start, for the whole operation. */
export interface Consents {
  /** Addresses of targets that may lose what they are given. */
  readonly acceptVolatile: readonly string[];
}

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

export type RebalanceRecord =
  /** J1, before the first change: all that a resume needs, should the command line and the file be gone. */
  | {
      readonly type: 'begin';
      readonly id: string;
      readonly file: string;
      readonly fromText: string;
      readonly toText: string;
      readonly consents: Consents;
      readonly planned: PlannedKeys;
      readonly matrix: readonly MatrixCell[];
    }
  /** A process starts to work on the operation: who the servers are now. A copying pass counts from the last of these. */
  | {readonly type: 'run'; readonly servers: readonly {readonly at: string; readonly runId: string}[]}
  /** J2. */
  | {readonly type: 'phase'; readonly phase: Phase}
  /** Before the copies of a batch are sent: these names, on this target, may be ours from now on. */
  | {
      readonly type: 'copy';
      readonly batch: number;
      readonly source: number;
      readonly target: number;
      readonly db: number;
      readonly keys: readonly string[];
    }
  /** J3: the batch is copied and read back. One letter per key: created, equal, gone. Conflicts end the copying before this is written. */
  | {
      readonly type: 'copied';
      readonly batch: number;
      readonly outcomes: string;
      readonly shas: readonly (string | null)[];
      readonly bytes: number;
    }
  /** J4: what makes each target keep its copies through a crash. */
  | {
      readonly type: 'barrier';
      readonly targets: readonly {readonly at: string; readonly runId: string; readonly by: Durability}[];
    }
  /** J5: about to delete the sources of this batch. */
  | {readonly type: 'prune'; readonly batch: number}
  /** J6. One letter per key: deleted, expired, kept because it changed. */
  | {readonly type: 'pruned'; readonly batch: number; readonly outcomes: string}
  /** J7. */
  | {
      readonly type: 'end';
      readonly phase: 'done' | 'aborted';
      readonly writers: Writers;
      readonly finalCheck: FinalCheck | null;
    };

/** Whether anybody else changed keys on the sources while they were copied. */
export type Writers = 'none-seen' | 'seen' | 'unknown';

/** Names counted on all servers after pruning. */
export interface FinalCheck {
  readonly keys: number;
  readonly misplaced: number;
  readonly duplicates: number;
}

export type Durability = 'aof' | 'replica' | 'bgsave' | 'accepted-volatile' | 'no-copies';

export const OUTCOME_LETTERS = {created: 'c', equal: 'e', gone: 'g'} as const;
export const PRUNE_LETTERS = {deleted: 'd', expired: 'x', changed: 'k'} as const;
