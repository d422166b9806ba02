import {Args, Flags} from '@oclif/core';
import {confirm} from '../../cli/confirm.js';
import {dryRun, duration, yes} from '../../cli/flags.js';
import {MastershipCommand} from '../../cli/mastership.js';
import {stateRoot, topologyStateDir} from '../../journal/state.js';
import {renderSwitchover} from '../../render/switchover.js';
import type {SwitchoverReport} from '../../report/switchover.js';
import {parseAddress} from '../../topology/address.js';
import {currentTopology} from '../../topology/current.js';

export default class Switchover extends MastershipCommand {
  static override summary = 'Change the master of a shard without losing an acknowledged write.';
  static override description =
    'Checks, asks, and then: lock, hold writes off, let the replica catch up, demote, promote, let writes go on, repoint the other replicas, ' +
    'persist, verify, and let the two change places in the topology file. Prints the proof that nothing was lost, and how long writes waited. ' +
    'A run that dies anywhere is finished by `rtopo switchover resume`, or undone by `rtopo switchover abort`.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> alpha --dry-run',
    '<%= config.bin %> <%= command.id %> alpha --to 127.0.0.1:7001 --yes',
    '<%= config.bin %> <%= command.id %> alpha --engine pause --kill-clients --yes --json',
  ];
  static override args = {shard: Args.string({description: 'name of the shard', required: true})};
  static override flags = {
    to: Flags.string({
      description: 'the replica that takes over (default: least lag, then priority)',
      helpValue: 'ADDRESS',
    }),
    engine: Flags.option({
      description: "the server's own FAILOVER, or a write pause and two orders",
      options: ['auto', 'failover', 'pause'] as const,
      default: 'auto' as const,
    })(),
    'max-gap': duration({description: 'writes are held off for at most this long', helpValue: '3s', default: 3000}),
    'kill-clients': Flags.boolean({description: 'disconnect the clients that still hold the old master afterwards'}),
    'dry-run': dryRun,
    yes,
  };

  async run(): Promise<SwitchoverReport> {
    const {args, flags} = await this.parse(Switchover);
    const {topology, text, path} = await currentTopology(flags.topology);
    const {shardNamed} = await import('../../replication/switchover-plan.js');
    const {Switchover: Change} = await import('../../replication/switchover.js');
    const where = this.where(flags, path);
    // Half-moved keys are looked for at the masters that the file names.
    const {refuseUnfinished} = await import('../../migration/operations.js');
    refuseUnfinished(topologyStateDir(stateRoot(where.stateDir, process.env), where.file), where.again);
    const change = await Change.plan({
      ...{topology, text, where, timeoutMs: this.limit(flags), engine: flags.engine},
      ...{shard: shardNamed(topology, args.shard), to: flags.to === undefined ? null : parseAddress(flags.to, '--to')},
      ...{killClients: flags['kill-clients'], fenceMs: flags['max-gap']},
    });
    for (const one of change.warnings) this.warning(one);
    if (flags['dry-run'] || !change.mayRun) return this.present(change.report, renderSwitchover, change.verdict);
    if (!flags.yes) this.say(renderSwitchover(change.report, this.style(process.stderr)));
    await confirm({message: 'Change the master?', yes: flags.yes, json: this.jsonEnabled(), command: this.commandLine});
    const {report, verdict, warnings} = await change.run(this.hooks());
    for (const one of warnings) this.warning(one);
    return this.present(report, renderSwitchover, verdict);
  }
}
