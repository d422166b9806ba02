/**
 * What is wrong with a topology file, and where: problems are collected with paths, placed at a line and a column,
 * and end as one error that lists them all.
 */
import {ExitCode, escapeText, RtopoError} from '../errors.js';

/** From the root of the file: keys of mappings, indexes of lists. */
export type Path = readonly (string | number)[];

/** One thing wrong. `message` is a sentence without the place; nothing in it may be a secret. */
export interface Problem {
  readonly path: Path;
  /** Which part of the pair is at fault: a key (unknown, doubled, missing below it) or its value. */
  readonly at: 'key' | 'value';
  /** Where in the text, when the path does not say it: the second of two equal keys. */
  readonly offset?: number;
  /** The path serves to find the place and is not to be shown: a key in it may be a password. */
  readonly isPathSecret?: boolean;
  readonly message: string;
  readonly remedy?: string;
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A problem at its place, as `details.problems` of the error carries it. */
export interface LocatedProblem extends Place {
  readonly file: string;
  readonly message: string;
  readonly path?: Path;
}

/** More lines than this help nobody; the rest is counted. */
const SHOWN = 20;
/** A hostile file has no right to a million problems. */
const KEPT = 200;

/** Collects problems; after `KEPT` they are only counted. At most one per path and part: the first says it best. */
export class Problems {
  readonly list: Problem[] = [];
  #known = new Set<string>();
  #more = 0;

  add(problem: Problem): void {
    const id = JSON.stringify([problem.path, problem.at, problem.offset]);
    if (this.list.length >= KEPT) {
      this.#more += 1;
    } else if (!this.#known.has(id)) {
      this.#known.add(id);
      this.list.push(problem);
    }
  }

  get more(): number {
    return this.#more;
  }

  /** Drops everything else: one problem explains them all. */
  only(problem: Problem): void {
    this.list.splice(0, this.list.length, problem);
    this.#more = 0;
  }
}

export function isPrefix(start: Path, path: Path): boolean {
  return start.length <= path.length && start.every((segment, i) => segment === path[i]);
}

/** The one error of a file that cannot be used: every problem on a line of its own, in the order of the file. */
export function topologyInvalid(options: {
  readonly file: string;
  readonly problems: readonly (Place & Pick<Problem, 'message' | 'remedy' | 'isPathSecret'> & {path?: Path})[];
  readonly more?: number;
}): RtopoError {
  const sorted = [...options.problems].sort((a, b) => a.line - b.line || a.column - b.column);
  const located = sorted.slice(0, SHOWN).map((problem): LocatedProblem => {
    const {line, column, path} = problem;
    const message = /[.?!]$/.test(problem.message) ? problem.message : `${problem.message}.`;
    return {file: options.file, line, column, message, ...(path === undefined || problem.isPathSecret ? {} : {path})};
  });
  const hidden = sorted.length - located.length + (options.more ?? 0);
  const lines = located.map(problemLine);
  if (hidden > 0) {
    lines.push(`… and ${hidden} more`);
  }
  const remedy = sorted.find((problem) => problem.remedy !== undefined)?.remedy;
  return new RtopoError({
    code: 'TOPOLOGY_INVALID',
    exit: ExitCode.topology,
    message: lines.join('\n'),
    ...(remedy === undefined ? {} : {remedy}),
    details: {problems: located, ...(hidden > 0 ? {more: hidden} : {})},
  });
}

/** `rtopo.yml:12:5: sentence`, the form that editors and CI logs turn into a link. */
export function problemLine(problem: LocatedProblem): string {
  return `${escapeText(problem.file)}:${problem.line}:${problem.column}: ${problem.message}`;
}

/** A path as people write it: `shards[0].master.auth`. */
export function pathText(path: Path): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') {
      text += `[${segment}]`;
    } else if (/^[A-Za-z_][A-Za-z0-9_-]{0,59}$/.test(segment)) {
      text += text === '' ? segment : `.${segment}`;
    } else {
      text += `[${quoted(segment)}]`;
    }
  }
  return text === '' ? 'The topology' : text;
}

/** Text of the file inside a message: escaped, shortened, in quotes. Never to be used on what may be a secret. */
export function quoted(text: string): string {
  return `"${escapeText(text.length > 60 ? `${text.slice(0, 60)}…` : text)}"`;
}

/** A value of the file inside a message. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) {
    return 'empty';
  }
  if (Array.isArray(value)) {
    return 'a list';
  }
  return typeof value === 'string' ? quoted(value) : typeof value === 'object' ? 'a mapping' : String(value);
}
