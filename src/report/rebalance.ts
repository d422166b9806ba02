import type {Census} from '../migration/census.js';
import type {FinalCheck, MatrixCell, Persisted, Phase, Resync, Writers} from '../migration/records.js';

/** One side of the change, as scripts see it. */
export interface SideReport {
  readonly scheme: string;
  readonly shards: readonly string[];
}

/** A shard that keeps its name and its keys and gets another master by replication. Null: not yet. */
export interface ReplacedReport {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
  /** Nothing was acknowledged at the old master beyond this offset, and the new one had all up to the next: no less, or it is an error. */
  readonly fencedOffset: number | null;
  readonly promotedOffset: number | null;
  /** How long no server of the shard took writes. */
  readonly writeGapMs: number | null;
  /** How the old master came to follow the new one. */
  readonly resync: Resync;
  readonly persisted: Persisted | null;
  /** Servers that could not be made to follow the new master; `rtopo replicate` does it when they are back. */
  readonly left: readonly {readonly instance: string; readonly message: string}[];
}

/** What a rebalance planned, did, or how far it came. */
export interface RebalanceReport {
  /** Null for a plan that was not started. */
  readonly id: string | null;
  readonly phase: Phase;
  readonly from: SideReport;
  readonly to: SideReport;
  readonly keys: {
    readonly scanned: number;
    readonly moving: number;
    readonly copied: number;
    readonly verified: number;
    readonly deleted: number;
    readonly expired: number;
    readonly conflicts: number;
    readonly strays: number;
  };
  /** Payload bytes sent; before the run, memory to be moved by the sample. */
  readonly bytes: number;
  readonly seconds: number;
  readonly matrix: readonly MatrixCell[];
  readonly writers: Writers;
  /** Path of the journal; null for a plan. */
  readonly journal: string | null;
  readonly topologyFile: string;
  /** Moved share of all keys, and the least that any scheme could move. */
  readonly movedShare: number | null;
  readonly minimumShare: number;
  readonly loads: Census['loads'];
  /** Projected against the limit, per receiving server; bytes. `maxBytes` null: no limit set. */
  readonly memory: readonly {
    readonly name: string;
    readonly usedBytes: number | null;
    readonly afterBytes: number | null;
    readonly maxBytes: number | null;
  }[];
  /** The final check: misplaced and duplicate keys over all servers; null before it. */
  readonly finalCheck: FinalCheck | null;
  /** Shards whose master is replaced by replication, before keys move; absent when there is none. */
  readonly replaced?: readonly ReplacedReport[];
  /** The command that goes on, to be pasted; null when nothing is left to do. */
  readonly next: string | null;
}
