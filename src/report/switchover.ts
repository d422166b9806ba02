/** What a change of master found, would do, or did. `switchover` and `failover` share the shape. */
import type {Refusal} from './replicate.js';

/** One step as it will be carried out. `command` is what the server is sent; null where nothing is sent. */
export interface ChangeStep {
  readonly instance: string;
  readonly action:
    | 'lock'
    | 'fence'
    | 'catch-up'
    | 'failover'
    | 'demote'
    | 'promote'
    | 'unfence'
    | 'kill-clients'
    | 'repoint'
    | 'persist'
    | 'verify'
    | 'edit-file';
  readonly command: string | null;
}

/** A server, or the file, that could not be brought to where it belongs. */
export interface LeftBehind {
  readonly instance: string;
  readonly code: string;
  readonly message: string;
}

/** Nothing was acknowledged beyond `fencedOffset`, and the new master has all up to `promotedOffset`. Null: unknown. */
export interface LossProof {
  readonly fencedOffset: number | null;
  readonly promotedOffset: number;
  readonly bytesLost: number | null;
}

export interface SwitchoverReport {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
  /** How the mastership passes: the server's own FAILOVER, a write pause and two orders, or (the master is dead) a promotion alone. */
  readonly engine: 'failover' | 'pause' | 'promotion';
  /** Why not by FAILOVER; null when it is. */
  readonly engineReason: string | null;
  /** Of the operation; null while it is only planned. */
  readonly id: string | null;
  readonly phase: 'planned' | 'refused' | 'unfinished' | 'done' | 'aborted';
  readonly steps: readonly ChangeStep[];
  readonly refused: readonly Refusal[];
  /** From the order that held writes off to the promotion, in milliseconds; null when an earlier run made it, or nobody held writes off. */
  readonly writeGapMs: number | null;
  readonly proof: LossProof | null;
  /** Replicas that follow the new master now; the old one among them when it does. */
  readonly repointed: readonly string[];
  /** Full synchronisations that the new master had to give for it; 0 is what was predicted, null is unknown. */
  readonly fullResyncs: number | null;
  /** All roles outlive a restart; null while nothing was persisted. */
  readonly persisted: boolean | null;
  /** Instances whose role a restart takes back. */
  readonly notPersisted: readonly string[];
  readonly killedClients: number | null;
  readonly left: readonly LeftBehind[];
  /** Path of the topology file's copy from before; null when it was not changed. */
  readonly backup: string | null;
  readonly journal: string | null;
}
