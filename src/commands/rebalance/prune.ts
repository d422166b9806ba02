import {Args} from '@oclif/core';
import {confirm} from '../../cli/confirm.js';
import {yes} from '../../cli/flags.js';
import {MovingCommand} from '../../cli/moving.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalancePrune extends MovingCommand {
  static override summary = 'Delete the old copies after a cutover with --no-prune.';
  static override description =
    'Each key is deleted at its source only while it is still what was copied, and only while its owner holds it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];
  static override args = {
    id: Args.string({description: 'operation (default: the only unfinished one of this topology)'}),
  };
  static override flags = {yes};

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalancePrune);
    const {pruneOperation} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const where = {...this.where(flags), file, id: args.id};
    await confirm({
      message: 'Delete the old copies at the sources?',
      yes: flags.yes,
      json: this.jsonEnabled(),
      command: this.commandLine,
    });
    const terminal = this.terminal();
    const report = await pruneOperation({...where, ...terminal}).finally(terminal.clear);
    return this.present(report, renderRebalance);
  }
}
