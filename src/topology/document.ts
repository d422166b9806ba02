/**
 * From text to a plain value with positions: the YAML level of the topology file.
 *
 * YAML can do far more than a topology needs, and much of that hurts: bombs made of aliases, tags, merge keys, keys
 * that reach into JavaScript's prototypes. All of it is refused here, so that the levels above see plain data only.
 */
import {type Alias, Composer, type CST, Lexer, LineCounter, type Node, Parser} from 'yaml';
import {plainValue} from './plain.js';
import {Positions, placeAt} from './positions.js';
import {type Place, Problems} from './problems.js';
import {syntaxMessage, syntaxOffset} from './syntax.js';

export const MAX_BYTES = 1_048_576;
/** Enough for thousands of shards; bounds the time that a hostile file can take. */
const MAX_TOKENS = 100_000;
/** Open brackets and indentations; a topology needs about eight. Guards everything recursive that follows. */
const MAX_DEPTH = 64;

export interface ReadDocument {
  /** Plain objects, lists and scalars; only keys that are safe to use. */
  readonly value: unknown;
  readonly root: Node;
  readonly positions: Positions;
  /** What positions and node ranges refer to: the text without byte order mark. */
  readonly text: string;
  /** Found while reading: doubled keys, secrets, forbidden keys. The value lacks what they refer to. */
  readonly problems: Problems;
}

/** Text that is not usable as YAML: nothing can be said of its content. */
export interface Unreadable {
  readonly unreadable: readonly (Place & {readonly message: string})[];
}

export function readDocument(source: string): ReadDocument | Unreadable {
  const text = source.startsWith('\ufeff') ? source.slice(1) : source;
  if (Buffer.byteLength(text) > MAX_BYTES) {
    return {unreadable: [{line: 1, column: 1, message: 'The file is larger than 1 MB, which no topology is'}]};
  }
  const lines = new LineCounter();
  for (let at = 0; at !== -1 && at <= text.length; at = text.indexOf('\n', at) + 1 || -1) {
    lines.addNewLine(at);
  }
  const stop = (offset: number, message: string): Unreadable => ({unreadable: [{...placeAt(lines, offset), message}]});
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufeff\ufffd-\uffff]/.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return stop(control.index, `The character U+${code} has no place in a topology file; is this UTF-8 text?`);
  }
  const scanned = scan(text);
  if ('refused' in scanned) {
    return stop(scanned.offset, scanned.refused);
  }
  const options = {stringKeys: true, uniqueKeys: false, resolveKnownTags: false, logLevel: 'silent'} as const;
  const [document] = new Composer(options).compose(scanned.tokens, true, text.length);
  const faults = document === undefined ? [] : [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const unreadable = faults.slice(0, 40).map((fault) => {
      return {...placeAt(lines, syntaxOffset(fault, scanned.tokens)), message: syntaxMessage(fault)};
    });
    return {unreadable: firstOfEachLine(unreadable)};
  }
  const root = document?.contents as Node | null | undefined;
  if (root === null || root === undefined) {
    return stop(0, 'The file is empty: a topology has a version, a name and a list of shards');
  }
  const problems = new Problems();
  const targets = new Map<Alias, Node>();
  const value = plainValue(root, {problems, lines, targets});
  return {value, root, positions: new Positions(root, targets, lines), text, problems};
}

/** Lexer and CST parser, which do not recurse: what is too large or too deep stops here, after bounded work. */
function scan(text: string): {tokens: CST.Token[]} | {refused: string; offset: number} {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let documents = 0;
  let count = 0;
  const take = (found: Iterable<CST.Token>): string | null => {
    for (const token of found) {
      tokens.push(token);
      if (token.type === 'directive') {
        return 'A % directive is not supported: delete this line';
      }
      documents += token.type === 'document' ? 1 : 0;
    }
    return null;
  };
  for (const lexeme of new Lexer().lex(text)) {
    const {offset} = parser;
    const refused = take(parser.next(lexeme));
    count += 1;
    if (refused !== null) {
      return {refused, offset};
    }
    if (documents === 1 && parser.stack[0]?.type === 'document') {
      return {refused: 'A second YAML document begins here: one file holds one topology', offset};
    }
    if (parser.stack.length > MAX_DEPTH) {
      return {refused: `This is nested more than ${MAX_DEPTH} levels deep, which no topology is`, offset};
    }
    if (count > MAX_TOKENS) {
      return {refused: `There are more than ${MAX_TOKENS} YAML tokens, which no topology has`, offset};
    }
  }
  take(parser.end());
  return {tokens};
}

/** One mistake of syntax makes the parser stumble several times on the same line. */
function firstOfEachLine<T extends Place>(places: readonly T[]): readonly T[] {
  const seen = new Set<number>();
  return [...places]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .filter((one) => !seen.has(one.line) && seen.add(one.line));
}
