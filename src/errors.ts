/**
 * The whole failure vocabulary: what can go wrong, how it is worded, and the exit code that scripts see.
 *
 * An `RtopoError` is a sentence with a next step. Bad news that a command was asked to find out
 * (an unhealthy link, a misplaced key) is not an error: it is a report with a verdict.
 */
import {distance} from 'fastest-levenshtein';

/** Exit codes of the process. They are the same with and without `--json`. */
export const ExitCode = {
  /** Done, healthy, or nothing to change. */
  ok: 0,
  /** Failed. */
  failed: 1,
  /** Needs attention: unhealthy, changes pending under `--dry-run`, misplaced keys, a difference found. */
  attention: 2,
  /** Refused for safety: nothing was changed, and the message names the consent that would allow it. */
  refused: 3,
  /** Changed in part, or still converging: the message prints the command that resumes. */
  incomplete: 4,
  /** An instance could not be reached, or refused the login. */
  unreachable: 5,
  /** Wrong usage. */
  usage: 64,
  /** The topology file is missing or invalid. */
  topology: 78,
  /** Interrupted: the journal is written and the resume command printed. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export interface RtopoErrorOptions {
  /** Stable, upper case, for scripts: `TOPOLOGY_INVALID`, `AUTH_FAILED`. */
  readonly code: string;
  readonly exit: ExitCode;
  /** What happened, where and why. One or more plain sentences. */
  readonly message: string;
  /** One command to paste, or one thing to do, that mends it. */
  readonly remedy?: string;
  /** Further facts for `--json`. Never a secret, never a value of a key. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The only error class that reaches a user. `message` must already be free of secrets and of control characters. */
export class RtopoError extends Error {
  override readonly name = 'RtopoError';
  readonly code: string;
  readonly exit: ExitCode;
  readonly remedy: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(options: RtopoErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : {cause: options.cause});
    this.code = options.code;
    this.exit = options.exit;
    this.remedy = options.remedy;
    this.details = options.details;
  }
}

/** Refused for safety, exit 3: nothing was changed. `remedy` names the consent that would allow it. */
export function refusal(options: Omit<RtopoErrorOptions, 'exit'>): RtopoError {
  return new RtopoError({...options, exit: ExitCode.refused});
}

/** Wrong usage, exit 64. */
export function usageError(options: Omit<RtopoErrorOptions, 'exit' | 'code'> & {code?: string}): RtopoError {
  return new RtopoError({code: 'USAGE', ...options, exit: ExitCode.usage});
}

/** Lets the compiler find the case that somebody forgot; at run time it means a bug, not bad input. */
export function unreachable(value: never): never {
  throw new Error(`unexpected case: ${JSON.stringify(value)}`);
}

/** The candidate that somebody who typed `word` probably meant, or null when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  // A third of the word may be wrong, at least one letter: `replcias` finds `replicas`, `x` finds nothing.
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = distance(word.toLowerCase(), candidate.toLowerCase());
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/**
 * Text from a server, a file or a key name, made safe for a terminal or a log: control characters (C0, C1, DEL),
 * bidirectional overrides and line separators become `\xNN` or `\u{N}`. Everything untrusted passes here before it is shown.
 */
export function escapeText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, (c) => {
    const code = c.codePointAt(0)!;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** One word for a POSIX shell, in a command to be pasted. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

const secrets = new Set<string>();

/** Makes `redact` blank out this value, and its base64 and URL-encoded forms, from now on. Called by whoever resolves a secret. */
export function rememberSecret(value: string): void {
  // Blanking one or two letters everywhere would shred the output and hide nothing that is worth hiding.
  if (value.length < 3) return;
  for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString('base64')]) secrets.add(form);
}

/** `text` without any secret known so far. Every sink (stdout, stderr, journal) writes through it. */
export function redact(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '[secret]');
  return clean;
}
