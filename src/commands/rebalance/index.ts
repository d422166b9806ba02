import {Flags} from '@oclif/core';
import {confirm} from '../../cli/confirm.js';
import {changeFlags, dryRun, yes} from '../../cli/flags.js';
import {MovingCommand} from '../../cli/moving.js';
import {replacedVerdict} from '../../cli/replaced.js';
import {ExitCode} from '../../errors.js';
import {renderPlan, renderRebalance} from '../../render/rebalance.js';
import {isOnlyReplaced} from '../../render/replaced.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopology} from '../../topology/current.js';

export default class Rebalance extends MovingCommand {
  static override summary = 'Move the keys that change their owner when shards come and go.';
  static override description =
    'Counts every key, shows who gives what to whom, asks, and then: copy, verify, barrier, cutover of the topology file, prune, final check. ' +
    'Nothing is deleted before its copy is proved equal and durable; a run that dies anywhere goes on with `rtopo rebalance resume`. ' +
    'Offline: the applications must not write to the moving keys meanwhile.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --add delta=127.0.0.1:7003 --dry-run',
    '<%= config.bin %> <%= command.id %> --add delta=127.0.0.1:7003,127.0.0.1:7103 --yes',
    '<%= config.bin %> <%= command.id %> --remove beta',
    '<%= config.bin %> <%= command.id %> --replace beta=127.0.0.1:7009',
    '<%= config.bin %> <%= command.id %> --to after.yml --yes --json',
  ];
  static override flags = {
    ...changeFlags,
    'no-prune': Flags.boolean({
      description: 'stop after the cutover; `rtopo rebalance prune` (or `resume`) deletes the old copies later',
    }),
    'dry-run': dryRun,
    yes,
  };

  async run(): Promise<RebalanceReport> {
    const {flags} = await this.parse(Rebalance);
    const {prepareRebalance} = await import('../../migration/prepare.js');
    const source = await currentTopology(flags.topology);
    const {to, add = [], remove = [], replace = [], 'accept-volatile': acceptVolatile = []} = flags;
    const request = {to, add, remove, replace, acceptVolatile};
    const prepared = await prepareRebalance(source, request, this.where(flags));
    for (const text of prepared.warnings) this.warning(text);
    const {plan} = prepared;
    if (prepared.refusal !== null)
      return this.present(plan, renderPlan, {exit: ExitCode.refused, error: prepared.refusal});
    if (flags['dry-run'])
      return this.present(plan, renderPlan, {exit: prepared.changesAnything ? ExitCode.attention : ExitCode.ok});
    if (!prepared.changesAnything) return this.present(plan, renderPlan);
    this.say(renderPlan(plan, this.style(process.stderr)));
    await confirm({
      message: isOnlyReplaced(plan) ? 'Hand over to the new masters?' : 'Move these keys?',
      yes: flags.yes,
      json: this.jsonEnabled(),
      command: this.commandLine,
    });
    const terminal = this.terminal();
    const report = await prepared.run({prune: !flags['no-prune'], ...terminal}).finally(terminal.clear);
    return this.present(report, renderRebalance, replacedVerdict(report));
  }
}
