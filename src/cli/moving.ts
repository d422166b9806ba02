/** What the commands that move keys share at the terminal: progress in words, and the first interrupt. */
import {Args} from '@oclif/core';
import {bytes, count} from '../render/units.js';
import {BaseCommand, DEFAULT_TIMEOUT_MS} from './base.js';
import {confirm} from './confirm.js';
import {stateDir, yes} from './flags.js';
import {onInterrupt, ProgressLine} from './progress.js';

/** A moment of a move, as the migration wing tells it. */
export interface MoveProgress {
  readonly phase: string;
  readonly keys: number;
  readonly totalKeys: number | null;
  readonly bytes: number;
}

/** The flags that say where an operation is. */
interface WhereFlags {
  readonly topology?: string | undefined;
  readonly 'state-dir'?: string | undefined;
  readonly timeout?: number | undefined;
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

  /** Callbacks for an operation, and the end of their line. */
  protected terminal(): {onProgress: (progress: MoveProgress) => void; interrupted: () => boolean; clear: () => void} {
    const line = new ProgressLine(process.stderr, this.jsonEnabled());
    let [phase, startedMs] = ['', Date.now()];
    const interrupted = onInterrupt((text) => {
      line.clear();
      this.say(text);
    });
    const onProgress = (progress: MoveProgress): void => {
      const isNew = progress.phase !== phase;
      if (isNew) [phase, startedMs] = [progress.phase, Date.now()];
      line.show(progressText(progress, (Date.now() - startedMs) / 1000), isNew);
    };
    return {onProgress, interrupted, clear: () => line.clear()};
  }
}

/** What a verb on an existing operation is told of the command line. */
interface Verb<Options> {
  readonly flags: WhereFlags & {readonly yes: boolean};
  readonly file: string;
  readonly id: string | undefined;
  /** Throws when there is no such operation: nobody is asked about nothing. */
  readonly find: (where: Options) => unknown;
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
    verb.find(where);
    await confirm({message: verb.question, yes: verb.flags.yes, json: this.jsonEnabled(), command: this.commandLine});
    const terminal = this.terminal();
    return work({...where, ...terminal}).finally(terminal.clear);
  }
}

/** One word for a POSIX shell. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** What a phase is about to do, or doing. A phase is named by what was reached; a person at a terminal asks what is going on. */
const DOING: Readonly<Record<string, string>> = {
  replicating: 'replicating',
  copying: 'copying',
  copied: 'looking for keys that came late',
  verified: 'waiting until the copies survive a crash',
  cutover: 'the topology file is replaced',
  pruning: 'deleting the old copies',
  aborted: 'removing the copies',
};

function progressText({phase, keys, totalKeys, bytes: sent}: MoveProgress, elapsedSeconds: number): string {
  const doing = DOING[phase] ?? phase;
  if (keys === 0) return doing;
  // The first moment of a phase says nothing about its speed.
  const rate = elapsedSeconds < 1 ? 0 : keys / elapsedSeconds;
  const share = totalKeys ? ` of ${count(totalKeys)} (${Math.min(100, Math.floor((100 * keys) / totalKeys))} %)` : '';
  const speed = rate === 0 ? '' : `, ${count(Math.round(rate))} keys/s`;
  const left = !totalKeys || rate === 0 ? '' : `, about ${Math.max(0, Math.ceil((totalKeys - keys) / rate))} s left`;
  return `${doing}  ${count(keys)}${share} keys${sent === 0 ? '' : `, ${bytes(sent)}`}${speed}${left}`;
}
