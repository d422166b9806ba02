/** One step of `replicate`, planned or done. */
export interface ReplicateStepReport {
  readonly shard: string;
  readonly instance: string;
  readonly action: 'replicate-from' | 'promote' | 'set-auth';
  /** The new parent; null for promote and set-auth. */
  readonly target: string | null;
  /** Predicted kind of synchronisation; null where there is none. */
  readonly resync: 'partial' | 'full' | null;
  /** Keys that the step discards with consent. */
  readonly keysAtRisk: number;
  readonly outcome: 'planned' | 'done' | 'failed' | 'skipped';
  readonly persisted: 'yes' | 'no-config-file' | 'failed' | 'not-asked';
  /** Why it failed or was skipped. */
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
}
