/**
 * The parser's complaints in our own words. Its own messages repeat text of the file (a tag, an alias, a whole line),
 * and that text may be a password; these sentences repeat nothing.
 */
import type {CST, ErrorCode, YAMLError} from 'yaml';

const SENTENCES: Record<ErrorCode, string> = {
  ALIAS_PROPS: 'an alias can have neither tag nor anchor',
  BAD_ALIAS: 'an alias (*name) needs an anchor (&name) before it; text that begins with * or & goes in quotes',
  BAD_COLLECTION_TYPE: 'tags (!name) are not supported: write plain text, numbers, lists and mappings',
  BAD_DIRECTIVE: 'a % directive is not supported: delete this line',
  BAD_DQ_ESCAPE: 'unknown escape in a double-quoted text: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation is not that of the lines around it',
  BAD_PROP_ORDER: 'a tag or an anchor stands in the wrong place',
  BAD_SCALAR_START: 'text that begins with this character goes in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second ": " belongs to this value: check the indentation of the next line, or put text that holds ": " in quotes',
  BLOCK_IN_FLOW: 'inside [ ] and { } commas part the entries, not lines; is one missing here?',
  DUPLICATE_KEY: 'this key stands here twice',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters; is there a quote missing?',
  MISSING_CHAR: 'a character is missing here: a colon, a comma, a space, a quote or a closing bracket',
  MULTILINE_IMPLICIT_KEY:
    'a key must be on one line, with a colon behind it; is the colon or the space after it missing?',
  MULTIPLE_ANCHORS: 'a value can have only one anchor',
  MULTIPLE_DOCS: 'a second YAML document begins here: one file holds one topology',
  MULTIPLE_TAGS: 'tags (!name) are not supported: write plain text, numbers, lists and mappings',
  NON_STRING_KEY: 'every key must be plain text',
  RESOURCE_EXHAUSTION: 'the file is larger or deeper than a topology can be',
  TAB_AS_INDENT: 'tabs cannot indent YAML: use spaces',
  TAG_RESOLVE_FAILED: 'tags (!name) are not supported: write plain text, numbers, lists and mappings',
  UNEXPECTED_TOKEN: 'this does not belong here; is there a quote, a comma or a bracket too many or missing before it?',
};

const CLOSING_QUOTE = /^Missing closing/;
const CLOSING_BRACKET = / end with a [\]}]$/;

/** Where one code stands for several mistakes, the fixed beginning of the parser's message tells them apart. */
const FINER: readonly (readonly [RegExp, string])[] = [
  [CLOSING_QUOTE, 'the quote that opens here is not closed'],
  [CLOSING_BRACKET, 'the bracket that opens here is not closed, or what is in it is indented too little'],
  [/^Missing , /, 'a comma is missing before this'],
  [/^Missing space after :/, 'a space is missing after the colon'],
  [/^Implicit map keys need/, 'a colon is missing after this key'],
  [/^Sequence item without - /, 'this list item has no "- " in front of it'],
];

/** Where a fault is shown: what is not closed is noticed at the end of the file, and mended where it opens. */
export function syntaxOffset({message, pos}: Pick<YAMLError, 'message' | 'pos'>, tokens: readonly CST.Token[]): number {
  const [end] = pos;
  if (CLOSING_QUOTE.test(message)) {
    const quotes = flatten(tokens).filter(
      ({type}) => type === 'double-quoted-scalar' || type === 'single-quoted-scalar',
    );
    return (
      quotes.find((one) => one.offset <= end && end <= one.offset + (one as CST.FlowScalar).source.length)?.offset ??
      end
    );
  }
  if (CLOSING_BRACKET.test(message)) {
    const open = flatten(tokens).filter((one) => one.type === 'flow-collection' && one.offset <= end && !isClosed(one));
    // `[{a: 1]`: the brace is what was forgotten, although the bracket too ends up without its end.
    return (open.find((one) => one.type === 'flow-collection' && one.end.length > 0) ?? open[0])?.offset ?? end;
  }
  return end;
}

function isClosed(token: CST.Token): boolean {
  if (token.type !== 'flow-collection') {
    return true;
  }
  const wanted = token.start.source === '[' ? 'flow-seq-end' : 'flow-map-end';
  return token.end.some(({type}) => type === wanted);
}

/** Every token with what is inside it, in the order of the text. */
function flatten(tokens: readonly CST.Token[]): readonly CST.Token[] {
  return tokens.flatMap((token): readonly CST.Token[] => {
    const inner = token.type === 'document' ? [token] : 'items' in token ? token.items : [];
    const parts = inner.flatMap((item) => [('key' in item && item.key) || null, item.value ?? null]);
    return [token, ...flatten(parts.filter((part) => part !== null))];
  });
}

export function syntaxMessage({code, message}: Pick<YAMLError, 'code' | 'message'>): string {
  const finer = FINER.find(([pattern]) => pattern.test(message))?.[1];
  return `Not valid YAML: ${finer ?? SENTENCES[code] ?? SENTENCES.IMPOSSIBLE}`;
}
