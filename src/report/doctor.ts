import type {DesignFinding} from '../placement/judge.js';

/** What `rtopo doctor` found in the design of the shards. */
export interface DoctorReport {
  readonly scheme: string;
  readonly findings: readonly DesignFinding[];
}
