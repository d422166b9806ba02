/** Any thrown value as the failure that a user sees: no stack trace, no argv, no secret, the right exit code. */
import {ExitCode, escapeText, RtopoError, redact} from '../errors.js';
import type {Style} from '../render/style.js';

export interface Failure {
  readonly code: string;
  readonly exit: ExitCode;
  readonly message: string;
  readonly remedy: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RtopoError) {
    const {code, exit, message, remedy, details} = error;
    return {
      code,
      exit,
      message: redact(message),
      remedy: remedy === undefined ? null : redact(remedy),
      details: details ?? null,
    };
  }
  if (isUsageError(error)) {
    // oclif appends "See more help with --help"; the remedy says it once.
    const message = escapeText(
      redact(
        error.message
          .split('\n')
          .filter((line) => !/^See more help/.test(line))
          .join(' ')
          .trim(),
      ),
    );
    return {code: 'USAGE', exit: ExitCode.usage, message, remedy: 'rtopo --help', details: null};
  }
  const {name, message} = error as Error;
  return {
    code: 'INTERNAL',
    exit: ExitCode.failed,
    message: `rtopo met an error that it does not know (${name}): ${escapeText(redact(String(message)))}`,
    remedy: 'this is a bug: please report it with the command line and this message',
    details: null,
  };
}

/** Errors of oclif's parser and of its command lookup: they are the caller's, not ours. */
function isUsageError(error: unknown): error is Error {
  const {parse, oclif} = error as {parse?: unknown; oclif?: {exit?: number}};
  return parse !== undefined || oclif?.exit === 2 || oclif?.exit === 127;
}

export function renderFailure({code, message, remedy}: Failure, style: Style): string {
  const lines = [`${style.bad('✗')} ${message}`];
  if (remedy !== null) lines.push(`  ${style.dim('try:')}  ${remedy}`);
  lines.push(`  ${style.dim(`code: ${code}`)}`);
  return `${lines.join('\n')}\n`;
}
