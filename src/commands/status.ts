import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {repeatedFlags, stateDir} from '../cli/flags.js';
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

  static override baseFlags = {...BaseCommand.baseFlags, 'state-dir': stateDir};

  async run(): Promise<StatusReport> {
    const {flags} = await this.parse(Status);
    const {topology, path} = await currentTopology(flags.topology);
    const {observeTopology} = await import('../replication/observe.js');
    const {judgeTopology} = await import('../replication/judge.js');
    const {addMastership} = await import('../replication/former.js');
    const observation = await observeTopology(topology, flags.timeout ?? DEFAULT_TIMEOUT_MS);
    const where = {file: path, stateDir: flags['state-dir'], again: repeatedFlags(flags)};
    const report = addMastership(judgeTopology(topology, observation), {topology, observation}, where);
    return this.present(report, renderStatus, {exit: verdict(report)});
  }
}

/** An instance that could not be asked weighs most: of its links nothing is known. The report itself says which and why. */
function verdict({shards, healthy}: StatusReport): ExitCode {
  const asked = shards.every(({instances}) => instances.every(({reachable}) => reachable));
  if (!asked) return ExitCode.unreachable;
  return healthy ? ExitCode.ok : ExitCode.attention;
}
