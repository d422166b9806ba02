/**
 * What every command shares: flags, envelope, exit codes. Closes oclif's traps: its exit codes change under `--json`,
 * its JSON errors carry argv, its warnings vanish from JSON.
 */
import {Command, Flags} from '@oclif/core';
import {didYouMean, ExitCode, type RtopoError, redact} from '../errors.js';
import {createStyle, type Style} from '../render/style.js';
import {type Failure, failureOf, renderFailure} from './failure.js';
import {duration} from './flags.js';

export const DEFAULT_TIMEOUT_MS = 5000;

/** A result that is not plain success: its error goes into the envelope beside it, its exit code to the caller. */
export interface Verdict {
  readonly exit: ExitCode;
  /** For exits 1, 3, 4 and 5: what a script should read. Absent: the report itself is the message. */
  readonly error?: RtopoError;
}

export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;

  static override baseFlags = {
    topology: Flags.string({
      char: 't',
      description: 'topology file; `-` is standard input (default: rtopo.yml, searched upwards; or RTOPO_TOPOLOGY)',
      helpValue: 'FILE',
      helpGroup: 'GLOBAL',
    }),
    timeout: duration({
      description: 'limit for one answer of a server (default 5s)',
      helpValue: '5s',
      helpGroup: 'GLOBAL',
    }),
    'no-color': Flags.boolean({description: 'no colours, as NO_COLOR', helpGroup: 'GLOBAL'}),
  };

  protected readonly warnings: string[] = [];
  #failure: Failure | null = null;

  /** Data to stdout, once, and the exit code. The value returned is the `result` of `--json`. */
  protected present<R extends object>(
    report: R,
    render: (report: R, style: Style) => string,
    verdict: Verdict = {exit: ExitCode.ok},
  ): R {
    process.exitCode = verdict.exit;
    this.#failure = verdict.error === undefined ? null : failureOf(verdict.error);
    if (!this.jsonEnabled()) {
      writeOut(process.stdout, render(report, this.style(process.stdout)));
      if (this.#failure !== null) writeOut(process.stderr, renderFailure(this.#failure, this.style(process.stderr)));
    }
    return report;
  }

  /** Talk, on stderr; silent under `--json`, where stderr stays empty unless something fails. */
  protected say(text: string): void {
    if (!this.jsonEnabled()) writeOut(process.stderr, `${text}\n`);
  }

  /** Shown on stderr, and kept for the envelope. */
  protected warning(text: string): void {
    this.warnings.push(redact(text));
    this.say(this.style(process.stderr).warning(`warning: ${text}`));
  }

  /** One gate for colour: --no-color, then NO_COLOR, then FORCE_COLOR, then whether the stream is a terminal. */
  protected style(stream: NodeJS.WriteStream): Style {
    const {NO_COLOR, FORCE_COLOR, TERM} = process.env;
    const off = this.argv.includes('--no-color') || (NO_COLOR !== undefined && NO_COLOR !== '');
    const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== '' && FORCE_COLOR !== '0';
    return createStyle(!off && (forced || (stream.isTTY === true && TERM !== 'dumb')), stream.columns || 80);
  }

  /** Aborts on the first interrupt, for work that tidies up after itself; the second one ends the process as it stands. */
  protected abortSignal(): AbortSignal {
    const controller = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        if (controller.signal.aborted) process.exit(ExitCode.interrupted);
        controller.abort();
      });
    }
    return controller.signal;
  }

  /** The path that the user sees, `rebalance plan`, as the envelope names it. */
  protected get commandName(): string {
    return (this.id ?? '').replaceAll(':', ' ');
  }

  /** What was typed, to be pasted again: rtopo takes no secret on its command line. */
  protected get commandLine(): string {
    const quoted = this.argv.map((word) =>
      /^[\w@%+=:,./[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
    );
    return ['rtopo', this.commandName, ...quoted].join(' ');
  }

  override async catch(error: Error): Promise<void> {
    this.#failure = this.#withFlagMeant(failureOf(error));
    process.exitCode = this.#failure.exit;
    if (this.jsonEnabled()) this.logJson(this.toErrorJson(this.#failure));
    else writeOut(process.stderr, renderFailure(this.#failure, this.style(process.stderr)));
  }

  /** An unknown flag, with the one that was probably meant. */
  #withFlagMeant(failure: Failure): Failure {
    const flag = /^Nonexistent flags?: --(\S+)/.exec(failure.message)?.[1];
    if (failure.code !== 'USAGE' || flag === undefined)
      return {
        ...failure,
        ...(failure.code === 'USAGE' && failure.remedy === 'rtopo --help'
          ? {remedy: `rtopo ${this.commandName} --help`}
          : {}),
      };
    const meant = didYouMean(flag.split('=')[0]!, [
      'json',
      'help',
      ...Object.keys({...this.ctor.baseFlags, ...this.ctor.flags}),
    ]);
    const hint = meant === null ? '' : ` Did you mean --${meant}?`;
    return {...failure, message: `There is no flag --${flag}.${hint}`, remedy: `rtopo ${this.commandName} --help`};
  }

  protected override toSuccessJson(result: unknown): unknown {
    if (this.#failure !== null) return {...this.toErrorJson(this.#failure), result};
    return {ok: true, schema: 1, command: this.commandName, warnings: this.warnings, result};
  }

  protected override toErrorJson({code, message, remedy, details}: Failure): Record<string, unknown> {
    const error = {code, message, ...(remedy === null ? {} : {remedy}), ...(details === null ? {} : {details})};
    return {ok: false, schema: 1, command: this.commandName, warnings: this.warnings, error};
  }

  protected override logJson(json: unknown): void {
    writeOut(process.stdout, `${jsonText(json, 2)}\n`);
  }
}

/** What JSON leaves as it is and a terminal would obey is escaped: C1 controls and bidirectional marks. The value stays the same. */
export function jsonText(json: unknown, indent = 0): string {
  return JSON.stringify(json, null, indent).replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Every byte that leaves the process passes here, without secrets. */
export function writeOut(stream: NodeJS.WriteStream, text: string): void {
  stream.write(redact(text));
}
