/** Lines that begin with a word and go on in sentences: `moved        331,870 keys …`, wrapped below themselves. */
import type {Style} from './style.js';
import {wrapped} from './wrap.js';

export interface Labelled {
  readonly label: string;
  readonly text: string;
  /** A command or a path: never broken, to be pasted. */
  readonly whole?: boolean;
}

export function labelled(rows: readonly Labelled[], style: Style): string {
  const width = Math.max(0, ...rows.map(({label}) => label.length));
  const indent = width + 4;
  return rows
    .map(({label, text, whole}) => {
      const body = whole ? text : wrapped(text, style.columns, indent).trimStart();
      return `  ${style.dim(label.padEnd(width))}  ${body}`;
    })
    .join('\n');
}
