/** Something wrong, or about to be: with a stable code, the cause, and one command that mends it. */
export interface Finding {
  readonly code: string;
  readonly severity: 'critical' | 'warning';
  readonly shard: string;
  readonly instance: string;
  readonly message: string;
  readonly remedy: string;
}
