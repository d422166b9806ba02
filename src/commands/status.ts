import {BaseCommand} from '../cli/base.js';
import {duration, repeatedFlags, stateDir} from '../cli/flags.js';
import {StatusCommand} from '../cli/status-command.js';
import {limitsOf, statusFlags, withWatchInterval} from '../cli/status-flags.js';
import type {StatusReport} from '../report/status.js';
import {currentTopology} from '../topology/current.js';

export default class Status extends StatusCommand {
  static override summary = 'How healthy replication is, and why not.';
  static override description =
    'Asks every declared instance at once and compares both ends of each link with the topology file: roles, links, lag, histories. ' +
    'Exit 0: healthy, or what was waited for. 2: something needs attention, or is over a limit. 5: an instance could not be asked. ' +
    '4: with --wait-for, it came closer and not there. ' +
    'With --watch: on a terminal a page that is redrawn, else a line of JSON for each sample; 130 when it is interrupted.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    '<%= config.bin %> <%= command.id %> --topology prod.yml --timeout 2s',
    '<%= config.bin %> <%= command.id %> --watch 1s --count 2',
    '<%= config.bin %> <%= command.id %> --wait-for in-sync --timeout 60s',
    '<%= config.bin %> <%= command.id %> --max-lag 1mb --max-ack 10s --format nagios',
    '<%= config.bin %> <%= command.id %> --prom-file rtopo.prom',
  ];
  static override baseFlags = {
    ...BaseCommand.baseFlags,
    timeout: duration({
      description: 'limit for one answer of a server (default 5s), or with --wait-for for all of it (default 60s)',
      helpValue: '5s',
      helpGroup: 'GLOBAL',
    }),
    'state-dir': stateDir,
  };
  static override flags = statusFlags;

  async run(): Promise<StatusReport | undefined> {
    const {flags} = await this.parse(Status, withWatchInterval(this.argv));
    this.assertAgreement(flags);
    const {topology, path} = await currentTopology(flags.topology);
    const {readKnown} = await import('../replication/former.js');
    const {Sampler} = await import('../replication/sampler.js');
    const {Wait} = await import('../replication/wait-for.js');
    const again = repeatedFlags(flags);
    const sampler = new Sampler(topology, {
      limits: limitsOf(flags),
      readKnown: () => readKnown(topology, {file: path, stateDir: flags['state-dir'], again}),
      again,
    });
    const goal = flags['wait-for'];
    if (goal !== undefined) return this.waitFor(new Wait(goal, this.commandLine), sampler, flags);
    return flags.watch === undefined ? this.once(sampler, flags) : void (await this.watch(sampler, flags));
  }
}
