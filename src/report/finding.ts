export type Severity = 'critical' | 'warning' | 'info';

/** Something wrong, or about to be: with a stable code, the cause, and one command that mends it. */
export interface Finding {
  readonly code: string;
  /** `critical`: needs attention now (exit 2). `warning`: will hurt. `info`: worth knowing, such as what could not be asked. */
  readonly severity: Severity;
  readonly shard: string;
  readonly instance: string;
  readonly message: string;
  readonly remedy: string;
}
