import type {SwitchoverReport} from './switchover.js';

/** What one observer says of the master that is held to be dead. `isLost`: it has lost it; null: it cannot tell. */
export interface DeathEvidence {
  readonly observer: string;
  readonly isLost: boolean | null;
  readonly message: string;
}

/** A replica that could take over, or the reason why not. Offsets in bytes of the shared history. */
export interface CandidateReport {
  readonly instance: string;
  readonly offset: number | null;
  readonly priority: number | null;
  readonly excluded: string | null;
}

export interface FailoverReport extends SwitchoverReport {
  readonly evidence: readonly DeathEvidence[];
  readonly candidates: readonly CandidateReport[];
  /** What has to be done at the old master so that it does not come back as one. */
  readonly fencingDuty: string | null;
}
