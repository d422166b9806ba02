/** What imports and exports give. */

export interface Imported {
  /** The text of a topology file. */
  readonly topology: string;
  readonly warnings: readonly string[];
}

export interface Exported {
  /** A configuration file, or the lines of a program. */
  readonly text: string;
  readonly warnings: readonly string[];
}
