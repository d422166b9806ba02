import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {ExitCode} from '../errors.js';
import {renderStatus} from '../render/status.js';
import type {StatusReport} from '../report/status.js';
import {currentTopology} from '../topology/current.js';

export default class Status extends BaseCommand {
  static override summary = 'How healthy replication is, and why not.';
  static override description =
    'Asks every declared instance at once and compares both ends of each link with the topology file: roles, links, lag, histories. ' +
    'Exit 0: healthy. 2: something needs attention. 5: an instance could not be asked.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    '<%= config.bin %> <%= command.id %> --topology prod.yml --timeout 2s',
  ];

  async run(): Promise<StatusReport> {
    const {flags} = await this.parse(Status);
    const {topology} = await currentTopology(flags.topology);
    const {statusOf} = await import('../replication/status.js');
    const report = await statusOf(topology, flags.timeout ?? DEFAULT_TIMEOUT_MS);
    return this.present(report, renderStatus, {exit: verdict(report)});
  }
}

/** An instance that could not be asked weighs most: of its links nothing is known. The report itself says which and why. */
function verdict({shards, healthy}: StatusReport): ExitCode {
  const asked = shards.every(({instances}) => instances.every(({reachable}) => reachable));
  if (!asked) return ExitCode.unreachable;
  return healthy ? ExitCode.ok : ExitCode.attention;
}
