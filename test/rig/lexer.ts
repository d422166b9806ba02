/** Just enough of TypeScript's lexis to tell code from comments, strings, templates and regular expressions. */

interface Token {
  /** `quoted` has its delimiters, `text` is a piece of a template without them. */
  readonly kind: 'code' | 'comment' | 'quoted' | 'text';
  readonly from: number;
  readonly to: number;
}

/** The source with comments blank, and blank what quotes and regular expressions enclose. Nothing changes its place. */
export function codeOnly(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, ' ');
  return tokens(source)
    .map(({kind, from, to}) => {
      const part = source.slice(from, to);
      if (kind === 'code') return part;
      return kind === 'quoted' ? part[0] + blank(part.slice(1, -1)) + part.at(-1) : blank(part);
    })
    .join('');
}

function tokens(source: string): Token[] {
  const out: Token[] = [];
  let at = 0;
  /** Depth of braces inside each open `${`, innermost last. */
  const templates: number[] = [];
  let code = '';
  const push = (kind: Token['kind'], to: number) => {
    if (to > at) out.push({kind, from: at, to});
    if (kind === 'code') code += source.slice(at, to);
    at = to;
  };
  while (at < source.length) {
    const c = source[at]!;
    const two = source.slice(at, at + 2);
    if (two === '//') push('comment', endOf(source, at, '\n'));
    else if (two === '/*') push('comment', endOf(source, at + 2, '*/') + 2);
    else if (c === "'" || c === '"') push('quoted', endOfQuoted(source, at, c));
    else if (c === '`' || (c === '}' && templates.at(-1) === 0)) {
      if (c === '}') {
        templates.pop();
        push('code', at + 1);
      } else push('code', at + 1);
      const end = endOfTemplate(source, at);
      push('text', end);
      if (source[end] === '$') templates.push(0);
      push('code', Math.min(source.length, end + (source[end] === '$' ? 2 : 1)));
    } else if (c === '/' && startsRegex(code)) {
      push('quoted', endOfRegex(source, at));
      code += '0'; // A value stood here: a slash that follows divides.
    } else {
      if (templates.length > 0 && c === '{') templates[templates.length - 1]! += 1;
      if (templates.length > 0 && c === '}') templates[templates.length - 1]! -= 1;
      push('code', at + 1);
    }
    if (c === "'" || c === '"') code += '0';
  }
  return out;
}

/** Index of `mark`, or the end. */
function endOf(source: string, from: number, mark: string): number {
  const found = source.indexOf(mark, from);
  return found < 0 ? source.length : found;
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let i = from + 1;
  while (i < source.length && source[i] !== quote && source[i] !== '\n') i += source[i] === '\\' ? 2 : 1;
  return i + 1;
}

/** Index of the closing backtick, or of the dollar sign of `${`. */
function endOfTemplate(source: string, from: number): number {
  let i = from;
  while (i < source.length && source[i] !== '`' && source.slice(i, i + 2) !== '${') i += source[i] === '\\' ? 2 : 1;
  return i;
}

/** After a value a slash divides; after an operator, a bracket that opens, or a keyword it begins an expression. */
function startsRegex(code: string): boolean {
  const before = code.slice(-40).trimEnd();
  return (
    before === '' || /[=(,:[!&|?{};+\-*%~<>^]$|\b(return|typeof|case|of|in|do|else|yield|await|void)$/.test(before)
  );
}

function endOfRegex(source: string, from: number): number {
  let i = from + 1;
  let inClass = false;
  while (i < source.length && source[i] !== '\n' && (inClass || source[i] !== '/')) {
    if (source[i] === '[') inClass = true;
    if (source[i] === ']') inClass = false;
    i += source[i] === '\\' ? 2 : 1;
  }
  return i + 1;
}
