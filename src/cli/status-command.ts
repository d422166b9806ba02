/** How `rtopo status` answers: once, again and again, or when it is so. Where its reports come from is the command's matter. */
import {appendFile} from 'node:fs/promises';
import {ExitCode, RtopoError, redact, usageError} from '../errors.js';
import {type StatusFormat, statusText} from '../render/status-formats.js';
import {githubSummary} from '../render/status-github.js';
import {NAGIOS_UNKNOWN, nagiosExit, renderNagiosUnknown} from '../render/status-nagios.js';
import {renderPrometheus} from '../render/status-prometheus.js';
import type {StatusReport} from '../report/status.js';
import {writeAtomically} from './atomic-file.js';
import {DEFAULT_TIMEOUT_MS, jsonText, type Verdict, writeOut} from './base.js';
import {failureOf} from './failure.js';
import {LiveScreen} from './live-screen.js';
import {ProgressLine} from './progress.js';
import {formatIn, limitsOf, type StatusFlags} from './status-flags.js';
import {StreamCommand} from './stream.js';

/** One report after another. */
interface Source {
  next(timeoutMs: number): Promise<StatusReport>;
}

/** What is waited for. */
interface Awaited<M> {
  look(report: StatusReport): readonly M[];
  text(missing: readonly M[]): string;
  failure(missing: readonly M[], afterMs: number): RtopoError;
}

const WAIT_MS = 60_000;
const POLL_MS = 500;
/** A sample that begins shortly before the deadline gets so much time all the same: cut short, it would call the living dead. */
const LEAST_ANSWER_MS = 1000;

export abstract class StatusCommand extends StreamCommand {
  override jsonEnabled(): boolean {
    return super.jsonEnabled() || formatIn(this.argv) === 'json';
  }

  /** Under the plugin API of Nagios whatever keeps rtopo from looking is "unknown", and its line is data. */
  override async catch(error: Error): Promise<void> {
    if (formatIn(this.argv) !== 'nagios') return super.catch(error);
    writeOut(process.stdout, renderNagiosUnknown(failureOf(error).message));
    process.exitCode = NAGIOS_UNKNOWN;
  }

  /** @throws RtopoError exit 64 when the flags contradict one another */
  protected assertAgreement(flags: StatusFlags): void {
    const {format} = flags;
    const clash =
      format !== undefined && format !== 'json' && super.jsonEnabled()
        ? 'json'
        : format === 'nagios'
          ? (['watch', 'wait-for'] as const).find((name) => flags[name] !== undefined)
          : undefined;
    if (clash === undefined) return;
    throw usageError({
      message: `--format ${format} and --${clash} contradict one another.`,
      remedy: `rtopo status --format ${format}`,
    });
  }

  protected async once(source: Source, flags: StatusFlags): Promise<StatusReport> {
    const report = await source.next(flags.timeout ?? DEFAULT_TIMEOUT_MS);
    return this.#answer(report, flags, {exit: exitOf(report)});
  }

  /** Until it is so, with exit 0; else when the time is over. */
  protected async waitFor<M>(awaited: Awaited<M>, source: Source, flags: StatusFlags): Promise<StatusReport> {
    const totalMs = flags.timeout ?? WAIT_MS;
    const [started, signal] = [performance.now(), this.abortSignal()];
    const line = new ProgressLine(process.stderr, this.jsonEnabled());
    try {
      for (;;) {
        const leftMs = totalMs - (performance.now() - started);
        const answerMs = Math.max(Math.min(DEFAULT_TIMEOUT_MS, leftMs), Math.min(LEAST_ANSWER_MS, totalMs));
        const report = await unlessAborted(source.next(Math.round(answerMs)), signal);
        const missing = report === null ? [] : awaited.look(report);
        const elapsedMs = performance.now() - started;
        if (report !== null && (missing.length === 0 || elapsedMs >= totalMs)) {
          line.clear();
          const error = missing.length === 0 ? null : awaited.failure(missing, totalMs);
          return await this.#answer(report, flags, error === null ? {exit: ExitCode.ok} : {exit: error.exit, error});
        }
        if (report !== null) await this.#promFile(report, flags);
        line.show(`${awaited.text(missing)} (${Math.round(elapsedMs / 1000)} of ${Math.round(totalMs / 1000)} s)`);
        await pause(Math.min(POLL_MS, totalMs - elapsedMs), signal);
        if (signal.aborted) throw interrupted(awaited.text(missing));
      }
    } finally {
      line.clear();
    }
  }

  /** On a terminal a page that is redrawn; else a line of JSON for each sample, or the text of the format that was asked for. */
  protected async watch(source: Source, flags: StatusFlags): Promise<void> {
    const [signal, intervalMs] = [this.abortSignal(), flags.watch!];
    const isPage = [undefined, 'tree', 'table'].includes(flags.format) && !this.jsonEnabled();
    const screen = isPage && LiveScreen.fits(process.stdout) ? new LiveScreen(process.stdout) : null;
    this.streams = screen === null;
    let last: StatusReport | null = null;
    try {
      for (let taken = 1; ; taken += 1) {
        const started = performance.now();
        const report = await unlessAborted(source.next(flags.timeout ?? DEFAULT_TIMEOUT_MS), signal);
        if (report === null) break;
        last = report;
        const trouble = await this.#promFile(report, flags);
        if (screen === null) this.#line(report, flags, trouble);
        else screen.draw(() => this.#page(report, flags, trouble));
        if (taken === flags.count) break;
        await pause(Math.max(100, intervalMs - (performance.now() - started)), signal);
        if (signal.aborted) break;
      }
    } finally {
      screen?.close();
    }
    // What was seen last stays on the screen that is left.
    if (screen !== null && last !== null) writeOut(process.stdout, this.#text(last, flags));
    process.exitCode = last === null || signal.aborted ? ExitCode.interrupted : exitOf(last);
    if (signal.aborted) endSoon();
  }

  /** The end of one answer: the files, then the report. */
  async #answer(report: StatusReport, flags: StatusFlags, verdict: Verdict): Promise<StatusReport> {
    const trouble = await this.#promFile(report, flags);
    if (flags.format === 'github') await this.#stepSummary(report);
    if (trouble !== null && flags.format === 'nagios') throw trouble;
    const exit = flags.format === 'nagios' ? nagiosExit(report) : verdict.exit;
    const render = (one: StatusReport): string => this.#text(one, flags);
    return this.present(report, render, trouble === null ? {...verdict, exit} : {exit: trouble.exit, error: trouble});
  }

  #text(report: StatusReport, flags: StatusFlags): string {
    const format: StatusFormat = flags.format ?? 'tree';
    return statusText(report, {format, limits: limitsOf(flags)}, this.style(process.stdout));
  }

  #page(report: StatusReport, flags: StatusFlags, trouble: RtopoError | null): string {
    const style = this.style(process.stdout);
    // Whatever else a low window cuts off, the verdict is seen.
    const verdict = report.healthy ? style.good('● healthy') : style.bad('● not healthy');
    const head = `${verdict}  ${style.dim(`every ${flags.watch! / 1000} s, Ctrl-C ends`)}`;
    const said = trouble === null ? '' : `  ${style.bad(trouble.message)}`;
    return `${head}${said}\n\n${this.#text(report, flags)}`;
  }

  #line(report: StatusReport, flags: StatusFlags, trouble: RtopoError | null): void {
    if (trouble !== null) this.warning(trouble.message);
    const isRead = process.stdout.isTTY === true || (flags.format !== undefined && flags.format !== 'json');
    const asText = isRead && !this.jsonEnabled();
    writeOut(process.stdout, asText ? this.#text(report, flags) : `${jsonText(this.toSuccessJson(report))}\n`);
  }

  /** What went wrong with it, or null. A watch goes on: the disk may have room again. */
  async #promFile(report: StatusReport, flags: StatusFlags): Promise<RtopoError | null> {
    const path = flags['prom-file'];
    if (path === undefined) return null;
    try {
      // Whoever collects it is another user than whoever runs rtopo.
      await writeAtomically({path, text: renderPrometheus(report), mode: 0o644, overwrite: true});
      return null;
    } catch (error) {
      if (error instanceof RtopoError) return error;
      throw error;
    }
  }

  async #stepSummary(report: StatusReport): Promise<void> {
    const path = process.env.GITHUB_STEP_SUMMARY;
    if (path === undefined || path === '') return;
    // The verdict on the servers does not hang on a page about them.
    await appendFile(path, redact(githubSummary(report))).catch((error: NodeJS.ErrnoException) =>
      this.warning(`the summary of the job could not be written (${error.code}).`),
    );
  }
}

/** An instance that could not be asked weighs most: of its links nothing is known. The report itself says which and why. */
function exitOf({shards, healthy}: StatusReport): ExitCode {
  const asked = shards.every(({instances}) => instances.every(({reachable}) => reachable));
  if (!asked) return ExitCode.unreachable;
  return healthy ? ExitCode.ok : ExitCode.attention;
}

/** Null at once when it is interrupted, whatever dead server is still waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  work.catch(() => undefined);
  const {promise, forget} = aborted(signal);
  return Promise.race([work, promise.then(() => null)]).finally(forget);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const {promise, forget} = aborted(signal);
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([over, promise]);
  clearTimeout(timer);
  forget();
}

/** A signal is listened to for one wait only: a watch may go on for days. */
function aborted(signal: AbortSignal): {promise: Promise<void>; forget: () => void} {
  let listener = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    listener = resolve;
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', listener);
  });
  return {promise, forget: () => signal.removeEventListener('abort', listener)};
}

function interrupted(waiting: string): RtopoError {
  endSoon();
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: `Interrupted while ${waiting}. Nothing was changed.`,
  });
}

/** Questions to dead servers are still open, and would keep the process for as long as they may take. */
function endSoon(): void {
  setTimeout(() => process.exit(), 100).unref();
}
