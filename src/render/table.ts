/** Columns that line up, wide glyphs included. The only owner of cli-table3. */
import Table from 'cli-table3';

export interface TableOptions {
  readonly head: readonly string[];
  readonly align?: readonly ('left' | 'right')[];
  readonly rows: readonly (readonly string[])[];
  /** Spaces before each line. */
  readonly indent?: number;
}

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** Borderless columns, two spaces apart, no trailing blanks. Cells must already be escaped. */
export function columns({head, align, rows, indent = 0}: TableOptions): string {
  const table = new Table({
    head: [...head],
    colAligns: [...(align ?? [])],
    chars: NO_BORDERS,
    style: {head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true},
  });
  for (const row of rows) table.push([...row]);
  const lines = table.toString().split('\n');
  return lines.map((line) => `${' '.repeat(indent)}${line}`.trimEnd()).join('\n');
}
