import {exitOf, RecoverCommand} from '../../cli/moving.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalancePrune extends RecoverCommand {
  static override summary = 'Delete the old copies after a cutover with --no-prune.';
  static override description =
    'Each key is deleted at its source only while it is still what was copied, and only while its owner holds it.';
  // oclif reads own properties only: an inherited one would be overlooked.
  static override args = RecoverCommand.args;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalancePrune);
    const {pruneOperation, operationTold} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const verb = {flags, file, id: args.id, find: operationTold, question: 'Delete the old copies at the sources?'};
    const report = await this.recover(verb, pruneOperation);
    return this.present(report, renderRebalance, {exit: exitOf(report)});
  }
}
