import {Args} from '@oclif/core';
import {confirm} from '../../cli/confirm.js';
import {yes} from '../../cli/flags.js';
import {MovingCommand} from '../../cli/moving.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalanceAbort extends MovingCommand {
  static override summary = 'Undo an operation that has not cut over yet.';
  static override description =
    'Removes from the targets exactly the copies that this operation made, and nothing that was changed since.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];
  static override args = {
    id: Args.string({description: 'operation (default: the only unfinished one of this topology)'}),
  };
  static override flags = {yes};

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalanceAbort);
    const {abort} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const where = {...this.where(flags), file, id: args.id};
    await confirm({
      message: 'Remove the copies that this operation made?',
      yes: flags.yes,
      json: this.jsonEnabled(),
      command: this.commandLine,
    });
    const terminal = this.terminal();
    const {report, kept} = await abort({...where, ...terminal}).finally(terminal.clear);
    if (kept > 0) this.warning(`${kept} copies were left alone: somebody changed them, or their source is gone`);
    return this.present(report, renderRebalance);
  }
}
