import {RecoverCommand} from '../../cli/moving.js';
import {verdictOf} from '../../cli/replaced.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalanceResume extends RecoverCommand {
  static override summary = 'Go on with an operation that was interrupted or died.';
  static override description =
    'Asks the servers anew, copies what is missing, and goes on to the end, which is the pruning, also for an operation that was started with --no-prune. ' +
    'Safe to run again: on a finished operation it changes nothing.';
  // oclif reads own properties only: an inherited one would be overlooked.
  static override args = RecoverCommand.args;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalanceResume);
    const {resumeOperation, operationTold} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const verb = {flags, file, id: args.id, find: operationTold, question: 'Go on with the operation?'};
    const report = await this.recover(verb, resumeOperation);
    return this.present(report, renderRebalance, verdictOf(report));
  }
}
