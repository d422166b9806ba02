/** Entries between brackets, of a list or of a mapping: one more, one less; each on a line of its own where that is the custom. */
import type {Node, Pair} from 'yaml';
import {contentEnd, lineStart, type Sheet, type Splice} from './edit-text.js';

/** Where an entry stands: from its first character to the end of its last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export const spanOf = (item: Node): Span => ({start: item.range![0], end: contentEnd(item)});

export const pairSpan = ({key, value}: Pair<Node, Node | null>): Span => ({
  start: key.range![0],
  end: value?.range ? contentEnd(value) : key.range![1],
});

/** Behind an entry in brackets: a comma and a comment, and nothing else. */
const REST_OF_LINE = /^[ \t]*(,?)[ \t]*(?:#.*)?\r?\n/;

/** `opensAt`: offset of the opening bracket. */
export function addInBrackets(
  {text, eol}: Sheet,
  last: Span,
  {added, opensAt}: {readonly added: string; readonly opensAt: number},
): readonly Splice[] {
  const at = last.end;
  const line = lineStart(text, last.start);
  const indent = text.slice(line, last.start);
  if (indent.trim() !== '' || line <= opensAt) {
    return [{start: at, end: at, text: `, ${added}`}];
  }
  // A line of its own, as the last entry has; behind the comma and the comment of that one.
  const rest = REST_OF_LINE.exec(text.slice(at));
  if (rest === null) {
    return [{start: at, end: at, text: `,${eol}${indent}${added}`}];
  }
  const next = at + rest[0].length;
  const own = {start: next, end: next, text: `${indent}${added}${rest[1]}${eol}`};
  return rest[1] === ',' ? [own] : [{start: at, end: at, text: ','}, own];
}

export function cutFromBrackets({text}: Sheet, entries: readonly Span[], index: number): readonly Splice[] {
  const entry = entries[index]!;
  const previous = entries[index - 1];
  const next = entries[index + 1];
  const start = lineStart(text, entry.start);
  const rest = REST_OF_LINE.exec(text.slice(entry.end));
  if (text.slice(start, entry.start).trim() === '' && rest !== null) {
    const line = {start, end: entry.end + rest[0].length, text: ''};
    // The last one may have no comma behind it; then the one before it must lose its own.
    const comma = previous !== undefined && rest[1] === '' ? text.indexOf(',', previous.end) : -1;
    return comma === -1 ? [line] : [{start: comma, end: comma + 1, text: ''}, line];
  }
  if (next !== undefined) {
    return [{start: entry.start, end: next.start, text: ''}];
  }
  return [{start: previous!.end, end: entry.end, text: ''}];
}
