/** Colours and signs, decided by whoever owns the stream. Signs say the same as colours, for those who see none. */
import {styleText} from 'node:util';

export interface Style {
  readonly color: boolean;
  /** Width of the terminal, in columns. */
  readonly columns: number;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly accent: (text: string) => string;
}

type Format = Parameters<typeof styleText>[0];

export function createStyle(color: boolean, columns: number): Style {
  // From Node 22 on styleText would look at stdout and the environment itself: the decision is made already.
  const paint = (format: Format) => (text: string) => (color ? styleText(format, text, {validateStream: false}) : text);
  return {
    color,
    columns,
    good: paint('green'),
    bad: paint('red'),
    warning: paint('yellow'),
    dim: paint('dim'),
    bold: paint('bold'),
    accent: paint('cyan'),
  };
}
