/** How much room a text takes on a terminal: wide glyphs take two columns, combining marks and colours none. */

/**
 * East Asian Wide and Fullwidth, and emoji that are drawn as pictures. Source: EastAsianWidth.txt of Unicode 15, ranges merged
 * where nothing but unassigned characters lies between them.
 */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18cd5}\u{1b000}-\u{1b2fb}\u{1f200}-\u{1f265}\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NONE = /\p{M}|\u200b|\u200c|\u200d|\u2060/u;
/** The only escape sequences that a page of ours holds: colours. Text from a server has none left. */
const COLOR = /\u001b\[[0-9;]*m/;
const PARTS = new RegExp(`${COLOR.source}|[^]`, 'gu');

function widthOf(part: string): number {
  if (COLOR.test(part) || NONE.test(part)) return 0;
  return WIDE.test(part) ? 2 : 1;
}

/** In columns. */
export function displayWidth(text: string): number {
  // Nearly all of it is plain.
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  return (text.match(PARTS) ?? []).reduce((sum, part) => sum + widthOf(part), 0);
}

/** The widest line, in columns. */
export function widest(text: string): number {
  return Math.max(...text.split('\n').map(displayWidth));
}

/** One line, no wider than `columns`: cut off with `…`, and no colour left switched on. */
export function clip(line: string, columns: number): string {
  if (displayWidth(line) <= columns) return line;
  let [kept, width, isColored] = ['', 0, false];
  for (const part of line.match(PARTS) ?? []) {
    width += widthOf(part);
    // One column is kept for the sign that something is missing.
    if (width > columns - 1) break;
    kept += part;
    isColored ||= part.startsWith('\u001b');
  }
  return `${kept}…${isColored ? '\u001b[0m' : ''}`;
}
