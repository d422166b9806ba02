import {Args} from '@oclif/core';
import {MovingCommand} from '../../cli/moving.js';
import {ExitCode, RtopoError} from '../../errors.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class RebalanceStatus extends MovingCommand {
  static override summary = 'What state an operation is in.';
  static override description =
    'Reads the journal; asks no server. Exit 0: finished, or none there. 2: unfinished, and the command that goes on is printed.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];
  static override args = {id: Args.string({description: 'operation (default: the unfinished one, else the last)'})};

  async run(): Promise<RebalanceReport> {
    const {args, flags} = await this.parse(RebalanceStatus);
    const {tellOperation} = await import('../../migration/recover.js');
    const file = await currentTopologyPath(flags.topology);
    const report = tellOperation({...this.where(flags), file, id: args.id});
    if (report === null) throw noOperation(file);
    const finished = report.phase === 'done' || report.phase === 'aborted';
    return this.present(report, renderRebalance, {exit: finished ? ExitCode.ok : ExitCode.attention});
  }
}

function noOperation(file: string): RtopoError {
  return new RtopoError({
    code: 'NO_OPERATION',
    exit: ExitCode.usage,
    message: `No rebalance was ever started for ${file} from this account.`,
    remedy: 'rtopo rebalance --add delta=127.0.0.1:7003 --dry-run',
  });
}
