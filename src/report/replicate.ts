import type {Finding} from './finding.js';

/** One step of `replicate`, planned or done. */
export interface ReplicateStepReport {
  readonly shard: string;
  readonly instance: string;
  /** `persist`: the role is the declared one, and was never written into the config file. */
  readonly action: 'replicate-from' | 'promote' | 'set-auth' | 'set-config' | 'persist';
  /** The new parent; null where there is none. */
  readonly target: string | null;
  /** Predicted kind of synchronisation; null where there is none. */
  readonly resync: 'partial' | 'full' | null;
  /** What it came to, by the counters of the parent and the backlog of the replica; null before, and when that cannot be told. */
  readonly resynced: 'partial' | 'full' | null;
  /** Keys that the step discards with consent. */
  readonly keysAtRisk: number;
  /** Bytes of the history that the new parent never received; null when none of it is known to be shared, or nothing is at risk. */
  readonly bytesAtRisk: number | null;
  /** `undone`: the link did not come up, and the instance was given back to its former role. */
  readonly outcome: 'planned' | 'done' | 'failed' | 'skipped' | 'undone';
  readonly persisted: 'yes' | 'no-config-file' | 'failed' | 'not-asked';
  /** Of `set-config`: what is changed. */
  readonly settings?: readonly {readonly name: string; readonly from: string; readonly to: string}[];
  /** Why it failed, was skipped or was undone. */
  readonly message?: string;
  /** Of a failure: its stable code, and what mends it. */
  readonly code?: string;
  readonly remedy?: string;
}

/** Why a step is not taken. Nothing is changed while there is one. */
export interface Refusal {
  readonly code: string;
  readonly shard: string;
  readonly instance: string;
  readonly message: string;
  /** The flag that would allow it, or null when no consent does. */
  readonly consent: string | null;
  readonly remedy: string;
}

export interface Unreachable {
  readonly instance: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export interface ReplicateReport {
  readonly changed: boolean;
  readonly applied: boolean;
  readonly steps: readonly ReplicateStepReport[];
  /** Instances that already are as declared. */
  readonly unchanged: number;
  readonly refused: readonly Refusal[];
  /** Instances that could not be asked, with the reason. */
  readonly unreachable: readonly Unreachable[];
  /** What does not stand in the way and may hurt, before and after. */
  readonly warnings: readonly Finding[];
  /** The file that the plan was written to; only with --plan-out. */
  readonly planFile?: string;
}
