import {displayWidth} from './width.js';

/** Sentences broken at spaces to the width of the terminal; what has no spaces (addresses, commands) stays whole, to be copied. */
export function wrapped(text: string, columns: number, indent: number): string {
  const limit = Math.max(20, Math.min(columns, 100) - indent);
  const margin = ' '.repeat(indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > limit) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((one) => margin + one).join('\n');
}
