/** What the commands that move keys share at the terminal: progress in words, and the first interrupt. */
import {Args} from '@oclif/core';
import {ExitCode, type RtopoError, shellWord} from '../errors.js';
import {renderPlan} from '../render/plan.js';
import {type MoveProgress, progressLines, totalLine} from '../render/progress.js';
import {renderRebalance} from '../render/rebalance.js';
import type {RebalanceReport} from '../report/rebalance.js';
import {BaseCommand, DEFAULT_TIMEOUT_MS} from './base.js';
import {canAsk, confirm} from './confirm.js';
import {stateDir, yes} from './flags.js';
import {Pace} from './pace.js';
import {onInterrupt, ProgressLine} from './progress.js';

/** The flags that say where an operation is. */
interface WhereFlags {
  readonly topology?: string | undefined;
  readonly 'state-dir'?: string | undefined;
  readonly timeout?: number | undefined;
}

/** Keys that were left where they do not belong, because that was asked for, are still worth a look: exit 2. */
export function exitOf({operation, finalCheck}: RebalanceReport): ExitCode {
  const isWhole = !operation?.skipped && !finalCheck?.misplaced;
  return isWhole ? ExitCode.ok : ExitCode.attention;
}

export abstract class MovingCommand extends BaseCommand {
  static override baseFlags = {...BaseCommand.baseFlags, 'state-dir': stateDir};

  /** What every phase needs to know of the command line. `again`: the flags that a printed command must repeat to find the operation. */
  protected where(flags: WhereFlags): {stateDir: string | undefined; timeoutMs: number; again: string} {
    const repeated = [
      ...(flags.topology === undefined ? [] : ['--topology', flags.topology]),
      ...(flags['state-dir'] === undefined ? [] : ['--state-dir', flags['state-dir']]),
    ];
    return {
      stateDir: flags['state-dir'],
      timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS,
      again: repeated.map((word) => ` ${shellWord(word)}`).join(''),
    };
  }

  /** Callbacks for an operation, and the end of their lines. */
  protected terminal(): {onProgress: (progress: MoveProgress) => void; interrupted: () => boolean; clear: () => void} {
    const {onProgress, clear} = this.progress();
    const interrupted = onInterrupt((text) => {
      clear();
      this.say(text);
    });
    return {onProgress, interrupted, clear};
  }

  /** Progress alone, for what an interrupt simply ends. */
  protected progress(): {onProgress: (progress: MoveProgress) => void; clear: () => void} {
    const lines = new ProgressLine(process.stderr, this.jsonEnabled());
    const [style, pace] = [this.style(process.stderr), new Pace()];
    let phase = '';
    const onProgress = (progress: MoveProgress): void => {
      const isNew = progress.phase !== phase;
      const ms = performance.now();
      if (isNew) pace.restart(ms);
      phase = progress.phase;
      lines.draw(
        () => {
          const speed = pace.speed({ms, keys: progress.keys, bytes: progress.bytes});
          return {
            lines: progressLines(progress, speed, style),
            total: totalLine(progress, speed, LOG_COLUMNS),
          };
          // A log need not know that counting began.
        },
        isNew && phase !== 'counting',
      );
    };
    return {onProgress, clear: () => lines.clear()};
  }

  /** The same for the keys that a plan counts. */
  protected counting(): {onCounting: (keys: number, totalKeys: number) => void; clear: () => void} {
    const {onProgress, clear} = this.progress();
    let isLong = false;
    const startedMs = performance.now();
    const onCounting = (keys: number, totalKeys: number): void => {
      // What is over in a moment needs no line.
      isLong ||= performance.now() - startedMs > 500;
      if (isLong) onProgress({phase: 'counting', keys, totalKeys, bytes: 0});
    };
    return {onCounting, clear};
  }

  /** Shows a plan where that is the whole work: it is refused, a dry run, or nothing is to be done. Else null, and the plan is not shown yet. */
  protected judged(prepared: PreparedPlan, {dryRun}: {readonly dryRun: boolean}): RebalanceReport | null {
    for (const text of prepared.warnings) this.warning(text);
    const {plan, refusal, changesAnything} = prepared;
    if (refusal !== null) return this.present(plan, renderPlan, {exit: ExitCode.refused, error: refusal});
    if (!changesAnything) return this.present(plan, renderPlan);
    return dryRun ? this.present(plan, renderPlan, {exit: ExitCode.attention}) : null;
  }
}

/** A heartbeat in a log may be wider than a terminal. */
const LOG_COLUMNS = 120;

/** What a plan amounts to, as the migration wing says it. */
interface PreparedPlan {
  readonly plan: RebalanceReport;
  readonly warnings: readonly string[];
  readonly refusal: RtopoError | null;
  readonly changesAnything: boolean;
}

/** What a verb on an existing operation is told of the command line. */
interface Verb<Options> {
  readonly flags: WhereFlags & {readonly yes: boolean};
  readonly file: string;
  readonly id: string | undefined;
  /** Throws when there is no such operation: nobody is asked about nothing. */
  readonly find: (where: Options) => RebalanceReport;
  readonly question: string;
}

type Where = ReturnType<MovingCommand['where']> & {readonly file: string; readonly id: string | undefined};
type Terminal = Pick<ReturnType<MovingCommand['terminal']>, 'onProgress' | 'interrupted'>;

/** The verbs that go on with an operation: find it, ask, work. */
export abstract class RecoverCommand extends MovingCommand {
  static override args = {
    id: Args.string({description: 'operation (default: the only unfinished one of this topology)'}),
  };
  static override flags = {yes};

  protected async recover<T>(verb: Verb<Where>, work: (options: Where & Terminal) => Promise<T>): Promise<T> {
    const where = {...this.where(verb.flags), file: verb.file, id: verb.id};
    const found = verb.find(where);
    const asking = {yes: verb.flags.yes, json: this.jsonEnabled(), command: this.commandLine};
    // Of an operation that has ended nothing is to be decided.
    if (found.phase !== 'done' && found.phase !== 'aborted') {
      if (!asking.yes && canAsk(asking.json)) this.say(renderRebalance(found, this.style(process.stderr)));
      await confirm({message: verb.question, ...asking});
    }
    const terminal = this.terminal();
    return work({...where, ...terminal}).finally(terminal.clear);
  }
}
