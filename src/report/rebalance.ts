import type {Advice} from '../migration/advice.js';
import type {Census, CensusCell} from '../migration/census.js';
import type {
  Consents,
  Durability,
  FinalCheck,
  Persisted,
  Phase,
  Resync,
  Settings,
  Writers,
} from '../migration/records.js';
import type {Way} from '../migration/split.js';

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
  readonly matrix: readonly CensusCell[];
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
  /** Shards whose master is replaced by replication, before keys move; absent when there is none. */
  readonly replaced?: readonly ReplacedReport[];
  /** The final check: misplaced and duplicate keys over all servers; null before it. */
  readonly finalCheck: FinalCheck | null;
  /** The command that goes on, to be pasted; null when nothing is left to do. */
  readonly next: string | null;
  /** What belongs to a plan alone. */
  readonly plan?: PlanPart;
  /** What belongs to an operation alone. */
  readonly operation?: OperationPart;
}

export interface PlanPart {
  readonly estimate: Pick<Census, 'method' | 'sampled' | 'movingPlusMinus'>;
  /** How long copying and pruning will take, by rates that are assumed or were limited by flags. */
  readonly duration: {
    readonly seconds: number;
    readonly keysPerSecond: number;
    readonly bytesPerSecond: number;
    /** Neither rate is one that was asked for. */
    readonly isAssumed: boolean;
  };
  readonly settings: Settings;
  readonly consents: Consents;
  readonly advice: readonly Advice[];
  /** How the keys travel, and why; absent where there is no choice. */
  readonly way?: Way;
  /** What makes the plan unnecessary, in a sentence; null when it is not. */
  readonly already: string | null;
  /** The plan as it was saved, or came from a file. */
  readonly saved: {
    readonly file: string;
    readonly hash: string;
    readonly created: string;
    /** Keys on all servers when it was made. */
    readonly keysThen: number;
  } | null;
}

export interface OperationPart {
  readonly settings: Settings;
  /** How each key travelled: as its text or its DUMP, as a DUMP with another version, or element by element. */
  readonly fidelity?: {readonly asIs: number; readonly refooted: number; readonly elements: number};
  /** What decided the verdict on writers. */
  readonly writersMethod?: string;
  /** Names left at their source because the target holds another value. */
  readonly skipped?: number;
  /** What a person should know of how faithful the copies are, and of what was left as it was found. */
  readonly notes: readonly string[];
  /** What makes each target keep its copies. */
  readonly durability: readonly {readonly at: string; readonly by: Durability}[];
  /** The command that goes the whole way back, once nothing can be undone any more; else null. */
  readonly back: string | null;
  /** The command that takes the copies away again, while that is possible; else null. */
  readonly abort: string | null;
  /** Where every key is, in words. */
  readonly whereabouts: string;
  /** The process that worked on it last; null where the journal does not tell. */
  readonly process: {
    readonly host: string;
    readonly pid: number;
    /** Null: on another host, which cannot be seen from here. */
    readonly isAlive: boolean | null;
  } | null;
}
