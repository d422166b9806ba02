import {RecoverCommand} from '../../cli/moving.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalanceAbort extends RecoverCommand {
  static override summary = 'Undo an operation that has not cut over yet.';
  static override description =
    'Removes from the targets exactly the copies that this operation made, and nothing that was changed since.';
  // oclif reads own properties only: an inherited one would be overlooked.
  static override args = RecoverCommand.args;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalanceAbort);
    const {abort, operationTold} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const verb = {
      flags,
      file,
      id: args.id,
      find: operationTold,
      question: 'Remove the copies that this operation made?',
    };
    const {report, kept} = await this.recover(verb, abort);
    if (kept > 0) this.warning(`${kept} copies were left alone: somebody changed them, or their source is gone`);
    return this.present(report, renderRebalance);
  }
}
