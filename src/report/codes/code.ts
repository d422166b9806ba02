/** What one stable code says, in full: `rtopo explain CODE`. */

/**
 * `critical`, `warning`, `info`: of a finding. `refused`: a command does nothing without a consent or a change (exit 3).
 * `failed`: a command could not do, or not finish, what it was told.
 */
export type CodeSeverity = 'critical' | 'warning' | 'info' | 'refused' | 'failed';

export interface Code {
  readonly severity: CodeSeverity;
  /** One line. */
  readonly title: string;
  readonly means: string;
  /** What most often leads to it. */
  readonly why: string;
  readonly fix: string;
  /** How to see that it is mended. */
  readonly verify: string;
}

export type Codes = Readonly<Record<string, Code>>;
