/** One entry of a mapping: set, changed in place, or taken away; written as the entries beside it are. */
import {isDeepStrictEqual} from 'node:util';
import {isMap, isScalar, type Node, type Pair, type YAMLMap} from 'yaml';
import {addInBrackets, cutFromBrackets, pairSpan} from './edit-brackets.js';
import {
  cannotEdit,
  column,
  contentEnd,
  flowKey,
  flowValue,
  lineAt,
  lineStart,
  nextLine,
  pairOf,
  type Sheet,
  type Splice,
  type Style,
  styleOf,
} from './edit-text.js';

type Entry = Pair<Node, Node | null>;

export interface EntryEdit {
  readonly key: string;
  readonly value: unknown;
  /** A new entry goes behind this one; behind the last one where there is none of that name. */
  readonly after?: string;
}

/** Splices that make `map` say `key: value`. None when it says so already. */
export function setEntry(sheet: Sheet, map: Node | null | undefined, edit: EntryEdit): readonly Splice[] {
  const {entries, style} = opened(sheet, map);
  const {key, value} = edit;
  const own = pairOf(map, key) as Entry | undefined;
  if (own !== undefined) {
    return isDeepStrictEqual(plain(own.value), value) ? [] : [replaced(sheet, own, value, style)];
  }
  const place = entries.findIndex((pair) => isScalar(pair.key) && pair.key.value === edit.after);
  const before = place === -1 ? entries.at(-1)! : entries[place]!;
  const added = `${flowKey(key, style)}: ${flowValue(value, style, key)}`;
  if (style.isFlow) {
    return addInBrackets(sheet, pairSpan(before), {added, opensAt: map!.range![0]});
  }
  return [belowEntry(sheet, before, added)];
}

/** Splices that take the entry away, with the comment directly above it. None when there is no such entry. */
export function dropEntry(sheet: Sheet, map: Node | null | undefined, key: string): readonly Splice[] {
  const {entries, style} = opened(sheet, map);
  const index = entries.indexOf(pairOf(map, key) as Entry);
  if (index === -1) {
    return [];
  }
  if (entries.length === 1) {
    throw cannotEdit(`${key} is the only entry of its mapping`);
  }
  if (style.isFlow) {
    return cutFromBrackets(sheet, entries.map(pairSpan), index);
  }
  const own = entries[index]!;
  const {start, end} = pairSpan(own);
  const next = entries[index + 1];
  // The first entry may share its line with a dash: then the next one takes its place there.
  if (sheet.text.slice(lineStart(sheet.text, start), start).trim() !== '') {
    if (next === undefined) {
      throw cannotEdit(`${key} shares its line with the dash of a list`);
    }
    return [{start, end: next.key.range![0], text: ''}];
  }
  return [{start: leadOf(sheet, start), end: lineEnd(sheet, end), text: ''}];
}

interface Opened {
  readonly entries: readonly Entry[];
  readonly style: Style & {readonly isFlow: boolean};
}

function opened(sheet: Sheet, map: Node | null | undefined): Opened {
  if (!isMap(map) || map.items.length === 0) {
    throw cannotEdit('a mapping in it is an alias, or empty');
  }
  return {
    entries: (map as YAMLMap<Node, Node | null>).items,
    style: {...styleOf(map, sheet), isFlow: map.flow === true},
  };
}

/** Plain data of a value; undefined where it cannot be compared, which means: another one. */
function plain(value: Node | null): unknown {
  return isScalar(value) ? value.value : undefined;
}

function replaced({text}: Sheet, {key, value: old}: Entry, value: unknown, style: Style): Splice {
  const afterColon = text.indexOf(':', key.range![1]) + 1;
  if (old === null || old.range == null || old.range[0] === old.range[1]) {
    return {start: afterColon, end: afterColon, text: ` ${flowValue(value, style)}`};
  }
  // What stood below its key in block style comes to stand beside it.
  const isBelow = text.slice(afterColon, old.range[0]).includes('\n');
  const start = isBelow ? afterColon : old.range[0];
  const quote = isScalar(old) ? {QUOTE_DOUBLE: '"', QUOTE_SINGLE: "'"}[old.type as 'QUOTE_DOUBLE'] : undefined;
  const written = flowValue(value, {...style, quote: (quote ?? '') as Style['quote']});
  return {start, end: contentEnd(old), text: `${isBelow ? ' ' : ''}${written}`};
}

function belowEntry(sheet: Sheet, before: Entry, added: string): Splice {
  const {text, eol} = sheet;
  const {start, end} = pairSpan(before);
  const at = lineEnd(sheet, end);
  const indent = ' '.repeat(column(text, start));
  const lead = at > 0 && text[at - 1] !== '\n' ? eol : '';
  return {start: at, end: at, text: `${lead}${indent}${added}${eol}`};
}

/** Start of the line behind what ends at `end`; a block scalar ends with its line already. */
function lineEnd({text}: Sheet, end: number): number {
  return text[end - 1] === '\n' ? end : nextLine(text, end);
}

/** Start of the lines of an entry: its own, and the comments directly above it, as far in as it is. */
function leadOf({text}: Sheet, entry: number): number {
  const indent = column(text, entry);
  let start = lineStart(text, entry);
  while (start > 0) {
    const above = lineStart(text, start - 1);
    const comment = /^( *)#/.exec(lineAt(text, above));
    if (comment === null || comment[1]!.length !== indent) {
      break;
    }
    start = above;
  }
  return start;
}
