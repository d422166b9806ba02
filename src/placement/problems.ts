/**
 * How a placement that cannot be is refused: every problem at once, each with the path in the topology file that it is about,
 * so that whoever knows the file can name line and column.
 */
import * as v from 'valibot';
import {didYouMean, ExitCode, escapeText, RtopoError} from '../errors.js';
import type {Scheme} from './placement.js';

export interface PlacementProblem {
  /** A sentence, safe for a terminal. */
  readonly message: string;
  /** From the root of the topology file. The last part may be absent from it, when it is missing. */
  readonly path: readonly (string | number)[];
}

/** The error for one or more problems: exit 78, `details.path` of the first one, `details.problems` with all. */
export function invalidPlacement(problems: readonly PlacementProblem[], remedy?: string): RtopoError {
  return new RtopoError({
    code: 'PLACEMENT_INVALID',
    exit: ExitCode.topology,
    message: problems.map((problem) => problem.message).join(' '),
    ...(remedy === undefined ? {} : {remedy}),
    details: {path: problems[0]?.path ?? ['placement'], problems},
  });
}

/** Problems that a scheme finds while it is built, thrown together. */
export class Problems {
  readonly #found: PlacementProblem[] = [];

  /** `path` below `placement`; the message is a sentence. */
  inOption(path: readonly (string | number)[], message: string): void {
    this.#found.push({message, path: ['placement', ...path]});
  }

  /** A property of the shard at `index` in the order of the file. */
  inShard(index: number, property: 'name' | 'node' | 'weight', message: string): void {
    this.#found.push({message, path: ['shards', index, property]});
  }

  add(problems: readonly PlacementProblem[]): void {
    this.#found.push(...problems);
  }

  /** Throws what was found so far, if anything. */
  refuse(remedy?: string): void {
    if (this.#found.length > 0) throw invalidPlacement(this.#found, remedy);
  }
}

/** Untrusted text in a message, in quotes. */
export function quoted(text: string): string {
  return `"${escapeText(text)}"`;
}

/** ` Did you mean "hash"?`, or nothing. To be put behind a sentence. */
export function suggestion(word: string, candidates: Iterable<string>): string {
  const meant = didYouMean(word, candidates);
  return meant === null ? '' : ` Did you mean ${quoted(meant)}?`;
}

/** "a, b and c": names in a sentence. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1);
  return last === undefined || names.length === 1 ? (last ?? '') : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** Message of a picklist: names what was written, what it could have been, and what was probably meant. */
export function notOneOf(what: string, names: readonly string[]): (issue: {readonly input: unknown}) => string {
  return ({input}) => {
    if (typeof input !== 'string') return `${what} must be one of ${listed(names)}.`;
    return `${what} ${quoted(input)} is unknown.${suggestion(input, names)} Known are ${listed(names)}.`;
  };
}

/** Message of a strict object: for an unknown key, for a missing one, and for a value that is no mapping. */
export function notThese(what: string, keys: readonly string[]) {
  return (issue: {readonly input: unknown; readonly expected: string | null}): string => {
    if (issue.expected === 'never') return unknownKey(what, String(issue.input), keys);
    if (issue.expected?.startsWith('"')) return `${what} needs ${issue.expected}.`;
    return `${what} must be a mapping of ${listed(keys)}.`;
  };
}

function unknownKey(what: string, key: string, keys: readonly string[]): string {
  return `${what} has no option ${quoted(key)}.${suggestion(key, keys)}`;
}

/** The options in the form that the scheme works with, or everything that does not fit. */
export function readOptions<Options>(
  scheme: Scheme<Options>,
  raw: Readonly<Record<string, unknown>>,
): {readonly options: Options | null; readonly problems: readonly PlacementProblem[]} {
  const result = v.safeParse(scheme.options, raw);
  if (result.success) return {options: result.output, problems: []};
  const keys = Object.keys(scheme.options.entries);
  const problems: PlacementProblem[] = [];
  for (const issue of result.issues) {
    const path = (issue.path ?? []).map((item) => item.key as string | number);
    // A strict object stops at its first unknown key; they are all found below.
    if (issue.type === 'strict_object' && issue.expected === 'never' && path.length === 1) continue;
    problems.push({message: issue.message, path: ['placement', ...path]});
  }
  for (const key of Object.keys(raw).filter((key) => !keys.includes(key)))
    problems.push({message: unknownKey(`Scheme ${scheme.name}`, key, [...keys, 'hashTag']), path: ['placement', key]});
  return {options: null, problems};
}
