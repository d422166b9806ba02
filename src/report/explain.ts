/** What `rtopo explain` shows: one code in full, or all of them with one line each. */
import type {Code, CodeSeverity} from './codes/code.js';

export interface ExplainedCode extends Code {
  readonly code: string;
}

export interface CodeLine {
  readonly code: string;
  readonly severity: CodeSeverity;
  readonly topic: string;
  readonly title: string;
}

export type ExplainReport = ExplainedCode | {readonly codes: readonly CodeLine[]};
