/** What `rtopo import` made: the text of a topology file, and where it was written. */
export interface ImportReport {
  readonly topology: string;
  /** null: to standard output. */
  readonly output: string | null;
}

/** What `rtopo export` made: a configuration file or lines of code of another system. */
export interface ExportReport {
  readonly system: string;
  readonly text: string;
}
