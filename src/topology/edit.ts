/** Edits of a topology file, text to text: a shard more, a shard less. Comments, order and style of the rest stay. */
import {isMap, isSeq, type Node} from 'yaml';
import {addInBrackets, cutFromBrackets, spanOf} from './edit-brackets.js';
import {
  cannotEdit,
  column,
  contentEnd,
  type FileValue,
  finish,
  flowMap,
  flowValue,
  lineAt,
  lineStart,
  nextLine,
  openSheet,
  pairOf,
  type Sheet,
  type Splice,
  type Style,
  styleOf,
  textValue,
  unknownShard,
} from './edit-text.js';
import {type Address, addressText} from './types.js';

export interface NewShard {
  readonly name: string;
  readonly node?: string;
  readonly weight?: number;
  readonly master: Address;
  readonly replicas: readonly Address[];
}

/** The text with one more shard at the end of the list, written as the shard before it is. */
export function addShard(text: string, shard: NewShard): string {
  const sheet = openSheet(text);
  const replicas = shard.replicas.map(addressText);
  const entries: (readonly [string, unknown])[] = [
    ['name', shard.name],
    ...(shard.node === undefined ? [] : [['node', shard.node] as const]),
    ...(shard.weight === undefined ? [] : [['weight', shard.weight] as const]),
    ['master', addressText(shard.master)],
    ...(replicas.length === 0 ? [] : [['replicas', replicas] as const]),
  ];
  const last = sheet.shards.items.at(-1) as Node;
  const splices = sheet.dashColumn === null ? intoBrackets(sheet, last, entries) : [underDashes(sheet, last, entries)];
  const added = Object.fromEntries(entries) as FileValue['shards'][number];
  return finish(sheet, splices, {...sheet.file, shards: [...sheet.file.shards, added]});
}

type Entries = readonly (readonly [string, unknown])[];

function intoBrackets(sheet: Sheet, last: Node, entries: Entries): readonly Splice[] {
  const added = flowMap(entries, styleOf(last, sheet));
  return addInBrackets(sheet, spanOf(last), {added, opensAt: sheet.shards.range![0]});
}

function underDashes(sheet: Sheet, last: Node, entries: Entries): Splice {
  const {text, eol} = sheet;
  const dashColumn = sheet.dashColumn ?? 0;
  const margin = ' '.repeat(dashColumn);
  const at = endOfItem(sheet, last);
  const style = styleOf(last, sheet);
  const items = sheet.shards.items as Node[];
  const dash = dashOf(sheet, items.length - 1);
  // A blank line between the shards so far stays the custom.
  const isSpaced = items.length > 1 && lineAt(text, lineStart(text, leadOf(sheet, items.length - 1) - 1)).trim() === '';
  const isInline = isMap(last) && last.flow !== true;
  const onDashLine = lineStart(text, last.range![0]) === lineStart(text, dash);
  const indent = isInline && onDashLine ? column(text, last.range![0]) : dashColumn + 2;
  const lines = isInline ? blockLines(sheet, last, entries, style, indent) : [flowMap(entries, style)];
  const gap = ' '.repeat(Math.max(1, indent - dashColumn - 1));
  const body = lines.map((line, i) => (i === 0 ? `${margin}-${gap}${line}` : ' '.repeat(indent) + line));
  const before = at > 0 && text[at - 1] !== '\n' ? eol : '';
  return {start: at, end: at, text: before + (isSpaced ? eol : '') + body.map((line) => line + eol).join('')};
}

/** The lines of a shard in block style, the first without its dash, all without the common indentation. */
function blockLines(sheet: Sheet, model: Node, entries: Entries, style: Style, indent: number): readonly string[] {
  const lists = (sheet.shards.items as Node[])
    .map((shard) => pairOf(shard, 'replicas')?.value)
    .filter((one) => isSeq(one));
  const own = pairOf(model, 'replicas')?.value;
  const list = isSeq(own) ? own : lists.at(-1);
  return entries.flatMap(([key, value]) => {
    if (!Array.isArray(value)) {
      return [`${key}: ${typeof value === 'string' ? flowValue(value, style, key) : value}`];
    }
    if (list?.flow === true) {
      return [`${key}: ${flowValue(value, style)}`];
    }
    const step = list === undefined || list !== own ? 2 : Math.max(0, column(sheet.text, list.range![0]) - indent);
    return [`${key}:`, ...value.map((item) => `${' '.repeat(step)}- ${textValue(String(item), style.quote)}`)];
  });
}

/** The text without that shard, and without the comment directly above it. */
export function removeShard(text: string, name: string): string {
  const sheet = openSheet(text);
  const index = sheet.file.shards.findIndex((shard) => shard.name === name);
  if (index === -1) {
    throw unknownShard(name, sheet);
  }
  if (sheet.file.shards.length === 1) {
    throw cannotEdit(`"${name}" is its only shard`);
  }
  const splices =
    sheet.dashColumn === null
      ? cutFromBrackets(sheet, (sheet.shards.items as Node[]).map(spanOf), index)
      : [fromDashes(sheet, index)];
  return finish(sheet, splices, {...sheet.file, shards: sheet.file.shards.filter((_, i) => i !== index)});
}

function fromDashes(sheet: Sheet, index: number): Splice {
  const items = sheet.shards.items as Node[];
  const {text} = sheet;
  // Comments above the first shard may be about all of them.
  const start = index === 0 ? lineStart(text, dashOf(sheet, 0)) : leadOf(sheet, index);
  if (index < items.length - 1) {
    return {start, end: leadOf(sheet, index + 1), text: ''};
  }
  // The blank line that parted it from the shard before goes with it.
  const blank = lineStart(text, start - 1);
  const from = index > 0 && lineAt(text, blank).trim() === '' ? blank : start;
  return {start: from, end: endOfItem(sheet, items[index]!), text: ''};
}

/** Start of the line after an item, behind the comments that are indented as part of it. */
function endOfItem({text, dashColumn}: Sheet, item: Node): number {
  const end = contentEnd(item);
  let at = text[end - 1] === '\n' ? end : nextLine(text, end);
  for (;;) {
    const comment = /^( *)#/.exec(lineAt(text, at));
    if (comment === null || comment[1]!.length <= (dashColumn ?? 0)) {
      return at;
    }
    at = nextLine(text, at);
  }
}

/** Offset of the dash in front of an item; it may stand on a line above the item. */
function dashOf({text, shards, dashColumn}: Sheet, index: number): number {
  const item = shards.items[index] as Node;
  for (let start = lineStart(text, item.range![0]); ; start = lineStart(text, start - 1)) {
    const dash = start + (dashColumn ?? 0);
    if (text.slice(start, dash).trim() === '' && /^-\s/.test(text.slice(dash, dash + 2))) {
      return dash;
    }
    if (start === 0) {
      throw cannotEdit('the list of shards is written in an unusual way');
    }
  }
}

/** Start of the lines that belong to an item: its own, and the comments directly above it. */
function leadOf(sheet: Sheet, index: number): number {
  const {text} = sheet;
  let start = lineStart(text, dashOf(sheet, index));
  while (start > 0) {
    const above = lineStart(text, start - 1);
    const comment = /^( *)#/.exec(lineAt(text, above));
    if (comment === null || comment[1]!.length > (sheet.dashColumn ?? 0)) {
      break;
    }
    start = above;
  }
  return start;
}
