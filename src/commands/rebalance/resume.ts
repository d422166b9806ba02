import {Args} from '@oclif/core';
import {confirm} from '../../cli/confirm.js';
import {yes} from '../../cli/flags.js';
import {MovingCommand} from '../../cli/moving.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalanceResume extends MovingCommand {
  static override summary = 'Go on with an operation that was interrupted or died.';
  static override description =
    'Asks the servers anew, copies what is missing, and goes on to the end, which is the pruning, also for an operation that was started with --no-prune. ' +
    'Safe to run again: on a finished operation it changes nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];
  static override args = {
    id: Args.string({description: 'operation (default: the only unfinished one of this topology)'}),
  };
  static override flags = {yes};

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalanceResume);
    const {resumeOperation} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const where = {...this.where(flags), file, id: args.id};
    await confirm({
      message: 'Go on with the operation?',
      yes: flags.yes,
      json: this.jsonEnabled(),
      command: this.commandLine,
    });
    const terminal = this.terminal();
    const report = await resumeOperation({...where, ...terminal}).finally(terminal.clear);
    return this.present(report, renderRebalance);
  }
}
