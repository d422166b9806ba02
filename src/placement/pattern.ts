/**
 * Hash tags as regular expressions of other languages: the one group decides, and a key that does not match decides as a whole.
 *
 * Ruby: `^` and `$` are at every line, and only a line feed ends one; `.` is any character but that.
 * Java: `^` and `$` are at the ends of the text (`$` also before a last line end); `.` excludes \n, \r, U+0085, U+2028, U+2029.
 * A key that is UTF-8 is matched as text, any other as the characters of its bytes. What cannot be said in JavaScript is
 * refused, never guessed.
 */
import {isUtf8} from 'node:buffer';
import {type Problems, quoted} from './problems.js';
import {ownRule, type TagRule} from './tag.js';

export type Dialect = 'ruby' | 'java';

const rules: Readonly<Record<Dialect, {dot: string; start: string; end: string}>> = {
  ruby: {dot: '[^\\n]', start: '(?<![^\\n])', end: '(?![^\\n])'},
  java: {
    dot: '[^\\n\\r\\u0085\\u2028\\u2029]',
    start: '(?<![\\s\\S])',
    end: '(?=(?:\\r\\n|[\\n\\r\\u0085\\u2028\\u2029])?(?![\\s\\S]))',
  },
};

/** Beginning and end of the text, whatever the lines; and white space, which is ASCII only in both. */
const ends: Readonly<Record<string, string>> = {
  '\\A': '(?<![\\s\\S])',
  '\\z': '(?![\\s\\S])',
  '\\s': '[ \\t-\\r]',
  '\\S': '[^ \\t-\\r]',
};
const escapes: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  ruby: {...ends, '\\h': '[0-9A-Fa-f]'},
  java: ends,
};

/** Escapes of letters and digits that mean the same in all three languages. */
const sameEscape = /^\\(?:[dDwWsSnrtfvbB0]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})$/;

/** Groups that mean the same: those that count no group, and those that look ahead or behind. */
const sameGroup = /^\(\?(?:[:=!]|<[=!])$/;

/** Escapes, character classes, openings of groups, quantifiers with what modifies them, and single characters. */
const token =
  /\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[\s\S])|\[(?:\\[\s\S]|[^\]\\])*\]|\(\?(?:<?[\s\S])|(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?|[\s\S]/gu;

/** The rule of `pattern`, or null and a problem in `option`. */
export function patternRule(option: string, pattern: string, dialect: Dialect, problems: Problems): TagRule | null {
  const translated = translate(pattern, dialect);
  if (typeof translated !== 'string') {
    problems.inOption([option], `Option ${option}: ${translated.problem}`);
    return null;
  }
  const expression = new RegExp(translated, 'du');
  return ownRule(`/${pattern}/`, null, (bytes, start, end, range) => {
    const key = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
    const encoding = isUtf8(key) ? 'utf8' : 'latin1';
    // Java matches strings only, and a key that is no text has come in as bytes.
    if (encoding === 'latin1' && dialect === 'java') return;
    const text = key.toString(encoding);
    const group = expression.exec(text)?.indices?.[1];
    if (group === undefined) return;
    range[0] = start + Buffer.byteLength(text.slice(0, group[0]), encoding);
    range[1] = start + Buffer.byteLength(text.slice(0, group[1]), encoding);
  });
}

/** The same expression for JavaScript, or why there is none. */
export function translate(pattern: string, dialect: Dialect): string | {readonly problem: string} {
  const {dot, start, end} = rules[dialect];
  const single: Readonly<Record<string, string>> = {
    ...{'.': dot, '^': start, $: end, '{': '\\{', '}': '\\}', ']': '\\]'},
    ...escapes[dialect],
  };
  let out = '';
  for (const [part] of pattern.matchAll(token)) {
    const known = single[part] ?? unescaped(part);
    if (known === null) return {problem: `${quoted(part)} is not understood here; write the pattern without it.`};
    out += known;
  }
  return checked(out, pattern);
}

/** What stands for itself, without a backslash that JavaScript would not take; null where the languages differ. */
function unescaped(part: string): string | null {
  if (part.startsWith('['))
    return /\[:|&&|.\[|\\[A-Zagh-mo-qyz]/.test(part) ? null : part.replace(/\\([^\w\\\]^-])/g, '$1');
  if (part.startsWith('(?')) return sameGroup.test(part) ? part : null;
  // Possessive quantifiers, which JavaScript has not.
  if (/^.+\+$/s.test(part)) return null;
  if (!part.startsWith('\\')) return part;
  if (/^\\\w/.test(part)) return sameEscape.test(part) ? part : null;
  return /^\\[\^$\\.*+?()[\]{}|/]$/.test(part) ? part : part.slice(1);
}

function checked(expression: string, pattern: string): string | {readonly problem: string} {
  try {
    // With an empty alternative it matches the empty text, and the match lists all groups.
    const groups = new RegExp(`${expression}|`, 'u').exec('')!.length - 1;
    if (groups === 1) return expression;
    return {
      problem: `${quoted(pattern)} must have exactly one group, and has ${groups}; (?:…) groups without counting.`,
    };
  } catch {
    return {problem: `${quoted(pattern)} is not a regular expression.`};
  }
}
