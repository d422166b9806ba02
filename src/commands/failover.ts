import {Args, Flags} from '@oclif/core';
import {confirmTyped} from '../cli/confirm.js';
import {dryRun, duration, yes} from '../cli/flags.js';
import {MastershipCommand} from '../cli/mastership.js';
import {renderFailover} from '../render/failover.js';
import type {FailoverReport} from '../report/failover.js';
import {parseAddress} from '../topology/address.js';
import {currentTopology} from '../topology/current.js';

export default class Failover extends MastershipCommand {
  static override summary = 'The master of a shard is dead: let a replica take over.';
  static override description =
    'Dead is a master that does not answer and that its replicas have lost; one that answers hands over with `rtopo switchover`. The replica with the most ' +
    'data is promoted, the others follow it by partial resyncs, roles are persisted, the topology file is edited. Says what may be lost, and what has ' +
    'to be done at the old master; its return as a master is critical in `rtopo status`.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> alpha --dry-run',
    '<%= config.bin %> <%= command.id %> alpha --yes --json',
    '<%= config.bin %> <%= command.id %> alpha --to 127.0.0.1:7001 --master-is-dead --yes',
  ];
  static override args = {shard: Args.string({description: 'name of the shard', required: true})};
  static override flags = {
    to: Flags.string({
      description: 'the replica that takes over (default: the one with the most data)',
      helpValue: 'ADDRESS',
    }),
    'master-is-dead': Flags.boolean({
      description:
        'it is certain, although its replicas do not say so: a master that lives on would lose writes, or make two',
    }),
    silence: duration({
      description: 'a link that is "up" counts as lost after so long without a byte',
      helpValue: '15s',
      default: 15_000,
    }),
    'discard-data': Flags.string({
      description: 'this replica may lose what the new master does not have; may be repeated',
      helpValue: 'ADDRESS',
      multiple: true,
    }),
    'dry-run': dryRun,
    yes,
  };

  async run(): Promise<FailoverReport> {
    const {args, flags} = await this.parse(Failover);
    const {topology, text, path} = await currentTopology(flags.topology);
    const {shardNamed} = await import('../replication/switchover-plan.js');
    const {Failover: Change} = await import('../replication/failover.js');
    const change = await Change.plan({
      ...{topology, text, where: this.where(flags, path), timeoutMs: this.limit(flags)},
      ...{shard: shardNamed(topology, args.shard), to: flags.to === undefined ? null : parseAddress(flags.to, '--to')},
      ...{isDeclaredDead: flags['master-is-dead'], silenceSeconds: flags.silence / 1000},
      discard: (flags['discard-data'] ?? []).map((one) => parseAddress(one, '--discard-data')),
    });
    for (const one of change.warnings) this.warning(one);
    if (flags['dry-run'] || !change.mayRun) return this.present(change.report, renderFailover, change.verdict);
    if (!flags.yes) this.say(renderFailover(change.report, this.style(process.stderr)));
    const asking = {yes: flags.yes, json: this.jsonEnabled(), command: this.commandLine};
    await confirmTyped({
      message: `${change.report.from} is dead, and ${change.report.to} takes over?`,
      expected: change.report.from,
      ...asking,
    });
    const {report, verdict, warnings} = await change.run(this.hooks());
    for (const one of warnings) this.warning(one);
    return this.present(report, renderFailover, verdict);
  }
}
