/** What the commands that change a master share at the terminal: where the journals are, one line per transition, the first interrupt. */
import {Args} from '@oclif/core';
import {usageError} from '../errors.js';
import {renderSwitchover} from '../render/switchover.js';
import type {SwitchoverReport} from '../report/switchover.js';
import {BaseCommand, DEFAULT_TIMEOUT_MS} from './base.js';
import {canAsk, confirm} from './confirm.js';
import {repeatedFlags, stateDir, yes} from './flags.js';
import {onInterrupt} from './progress.js';

interface WhereFlags {
  readonly topology?: string | undefined;
  readonly 'state-dir'?: string | undefined;
  readonly timeout?: number | undefined;
}

export abstract class MastershipCommand extends BaseCommand {
  static override baseFlags = {...BaseCommand.baseFlags, 'state-dir': stateDir};

  /** `again`: the flags that a printed command must repeat to find the operation. */
  protected where(flags: WhereFlags, file: string | null) {
    if (file === null) {
      throw usageError({
        message: 'A change of master edits the topology file, and this one is no file.',
        remedy: 'name a file with --topology FILE',
      });
    }
    return {stateDir: flags['state-dir'], file, again: repeatedFlags(flags)};
  }

  protected limit(flags: WhereFlags): number {
    return flags.timeout ?? DEFAULT_TIMEOUT_MS;
  }

  protected hooks(): {say: (text: string) => void; interrupted: () => boolean} {
    const text = 'stopping after the step at hand; once more to stop at once (one command finishes it either way)';
    return {say: (line) => this.say(line), interrupted: onInterrupt((line) => this.say(line), text)};
  }
}

/** The verbs that go on with a change of master. */
export abstract class MastershipVerb extends MastershipCommand {
  static override args = {
    id: Args.string({description: 'operation (default: the only unfinished one of this topology)'}),
  };
  static override flags = {yes};

  /** Of an operation that has ended nothing is to be decided. */
  protected async asked(found: SwitchoverReport, question: string, flags: {readonly yes: boolean}): Promise<void> {
    if (found.phase !== 'unfinished') return;
    const asking = {yes: flags.yes, json: this.jsonEnabled(), command: this.commandLine};
    if (!asking.yes && canAsk(asking.json)) this.say(renderSwitchover(found, this.style(process.stderr)));
    await confirm({message: question, ...asking});
  }
}
