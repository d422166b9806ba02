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
      ...{code, exit, details: details ?? null},
      message: redact(withoutParserFrame(message)),
      remedy: remedy === undefined ? null : redact(remedy),
    };
  }
  if (isUsageError(error)) {
    const lines = withoutParserFrame(error.message).split('\n');
    return {
      code: 'USAGE',
      exit: ExitCode.usage,
      message: escapeText(redact(lines.join(' ').trim())),
      remedy: 'rtopo --help',
      details: null,
    };
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

/** oclif writes "Parsing --flag" above and "See more help" below the message of an error that a flag's own parser threw. */
function withoutParserFrame(message: string): string {
  return message.replace(/^Parsing (--?[\w-]+)\s*\n\t/, '$1: ').replace(/\n?See more help with --help\s*$/, '');
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
