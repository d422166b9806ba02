/**
 * What the edits of a topology file share: lines and columns of nodes, values in the style of their neighbours, and the
 * reading back that every edit must pass.
 *
 * An edit cuts and inserts text at the places that the parser found; everything else stays as the operator wrote it,
 * byte for byte. Writing the whole document anew would keep comments too, but move and re-wrap them.
 */
import {isDeepStrictEqual} from 'node:util';
import {isCollection, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq} from 'yaml';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {type ReadDocument, readDocument} from './document.js';
import {parseTopology} from './parse.js';
import {keyText} from './positions.js';

/** A topology file open for one edit. Offsets refer to `text`, which has no byte order mark. */
export interface Sheet {
  readonly text: string;
  readonly mark: string;
  readonly eol: string;
  readonly root: Node;
  readonly file: FileValue;
  readonly shards: YAMLSeq;
  /** `shards` is written with dashes, at this column; null: in brackets. */
  readonly dashColumn: number | null;
}

type Entry = string | {readonly address: string; readonly of?: string; readonly [key: string]: unknown};

/** The plain value of the file, as far as edits look at it. */
export interface FileValue {
  readonly shards: readonly {
    readonly name: string;
    readonly master: Entry;
    readonly replicas?: readonly Entry[];
    readonly [key: string]: unknown;
  }[];
  readonly [key: string]: unknown;
}

/** Text to be put in place of `[start, end)`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Throws `TOPOLOGY_INVALID` when the text is not a topology to begin with. */
export function openSheet(source: string): Sheet {
  parseTopology(source, 'rtopo.yml');
  const {text, root, value} = readDocument(source) as ReadDocument;
  const shards = pairOf(root, 'shards')?.value;
  if (!isSeq(shards)) {
    throw cannotEdit('the list of shards is an alias');
  }
  let dashColumn: number | null = null;
  if (shards.flow !== true) {
    const start = shards.range![0];
    dashColumn = start - lineStart(text, start);
    if (text.slice(start - dashColumn, start).trim() !== '') {
      throw cannotEdit('the list of shards begins in the middle of a line');
    }
  }
  const mark = source.length > text.length ? source.slice(0, 1) : '';
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  return {text, mark, eol, root, file: value as FileValue, shards: shards as YAMLSeq, dashColumn};
}

/**
 * Applies the splices and reads the result back: it must say exactly what was wanted, or nothing is returned. What was
 * wanted may itself be no valid topology (a name twice, two shards without placement): that is `TOPOLOGY_INVALID`.
 */
export function finish(sheet: Sheet, splices: readonly Splice[], wanted: FileValue): string {
  let {text} = sheet;
  for (const splice of [...splices].sort((a, b) => b.start - a.start)) {
    text = text.slice(0, splice.start) + splice.text + text.slice(splice.end);
  }
  const read = readDocument(text);
  if ('unreadable' in read || read.problems.list.length > 0 || !isDeepStrictEqual(read.value, wanted)) {
    throw cannotEdit('it is written in a way that rtopo cannot change without touching the rest');
  }
  parseTopology(text, 'rtopo.yml');
  return sheet.mark + text;
}

export function cannotEdit(why: string): RtopoError {
  return new RtopoError({
    code: 'TOPOLOGY_NOT_EDITABLE',
    exit: ExitCode.failed,
    message: `The topology file was not changed: ${why}.`,
    remedy: 'Make the change in an editor.',
  });
}

export function unknownShard(name: string, sheet: Sheet): RtopoError {
  const known = sheet.file.shards.map((shard) => shard.name).join(', ');
  return new RtopoError({
    code: 'SHARD_UNKNOWN',
    exit: ExitCode.usage,
    message: `There is no shard "${escapeText(name)}" in the topology; it has ${known}.`,
  });
}

export function pairOf(node: unknown, key: string): Pair<Node, Node | null> | undefined {
  const pairs = isMap(node) ? node.items : [];
  return pairs.find((pair) => isScalar(pair.key) && keyText(pair.key) === key) as Pair<Node, Node | null> | undefined;
}

export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** Start of the line after the one that holds `offset`. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end + 1;
}

export function lineAt(text: string, offset: number): string {
  return text.slice(offset, nextLine(text, offset));
}

export function column(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

/** End of the last character of a node. The parser counts comments below a block collection as part of it. */
export function contentEnd(node: Node): number {
  if (isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1) as Node | Pair<Node, Node | null> | undefined;
    const inner = last !== undefined && 'key' in last ? (last.value?.range ? last.value : last.key) : last;
    if (inner !== undefined) {
      return contentEnd(inner as Node);
    }
  }
  return node.range![1];
}

/** How neighbours are written, so that what is new looks as if the same hand had written it. */
export interface Style {
  /** `{ a: b }` rather than `{a: b}`. */
  readonly isPadded: boolean;
  /** `{"a": "b"}`: JSON. */
  readonly isJson: boolean;
  readonly quote: '"' | "'" | '';
}

export function styleOf(node: Node | null, sheet: Sheet): Style {
  const map = isMap(node) ? (node as YAMLMap) : null;
  const key = map?.items[0]?.key;
  const value = pairOf(map, 'master')?.value;
  const quote = isScalar(value) ? {QUOTE_DOUBLE: '"', QUOTE_SINGLE: "'"}[value.type as 'QUOTE_DOUBLE'] : undefined;
  return {
    isPadded: map?.flow === true && /^\{ /.test(sheet.text.slice(map.range![0])),
    isJson: isScalar(key) && key.type === 'QUOTE_DOUBLE',
    quote: (quote ?? '') as Style['quote'],
  };
}

export function flowMap(entries: readonly (readonly [string, unknown])[], style: Style): string {
  const pad = style.isPadded ? ' ' : '';
  const parts = entries.map(([key, value]) => `${flowKey(key, style)}: ${flowValue(value, style, key)}`);
  return `{${pad}${parts.join(', ')}${pad}}`;
}

export function flowKey(key: string, style: Style): string {
  return style.isJson ? JSON.stringify(key) : textValue(key, '');
}

export function flowValue(value: unknown, style: Style, key = ''): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => flowValue(item, style, key)).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    return flowMap(Object.entries(value), style);
  }
  if (typeof value !== 'string') {
    return String(value);
  }
  return style.isJson ? JSON.stringify(value) : textValue(value, key === 'name' || key === 'node' ? '' : style.quote);
}

/** Text as a YAML scalar, plain where every reader of YAML, old or new, takes it for text. */
export function textValue(text: string, quote: Style['quote']): string {
  if (quote === "'" && /^[ -~]*$/.test(text)) {
    return `'${text.replaceAll("'", "''")}'`;
  }
  const looksLikeText = /^[A-Za-z0-9_](?:[A-Za-z0-9_.:/-]*[A-Za-z0-9_/-])?$/.test(text);
  const means = /^(?:[-0-9_:.]*|true|false|null|yes|no|on|off|y|n|0x[0-9a-f]+|[0-9.]+e[0-9]+)$/i;
  const isAddress = /^[^:]*[.][^:]*:[0-9]+$/.test(text);
  return quote === '' && looksLikeText && (isAddress || !means.test(text)) ? text : JSON.stringify(text);
}
