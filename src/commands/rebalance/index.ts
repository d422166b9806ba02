import {Flags} from '@oclif/core';
import {assertPlanAlone, rebalanceFlags, requestOf} from '../../cli/change.js';
import {confirm} from '../../cli/confirm.js';
import {dryRun, yes} from '../../cli/flags.js';
import {MovingCommand} from '../../cli/moving.js';
import {questionOf, verdictOf} from '../../cli/replaced.js';
import {renderPlan} from '../../render/plan.js';
import {renderRebalance} from '../../render/rebalance.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopology} from '../../topology/current.js';

export default class Rebalance extends MovingCommand {
  static override summary = 'Move the keys that change their owner when shards come and go.';
  static override description =
    'Counts the keys, shows who gives what to whom, asks, and then: copy, verify, barrier, cutover of the topology file, prune, final check. ' +
    'Nothing is deleted before its copy is proved equal and durable; a run that dies anywhere goes on with `rtopo rebalance resume`. ' +
    'Offline: the applications must not write to the moving keys meanwhile. Exit 2 when names were left at their source (--on-conflict skip).';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --add delta=127.0.0.1:7003 --dry-run',
    '<%= config.bin %> <%= command.id %> --add delta=127.0.0.1:7003:2,127.0.0.1:7103 --yes',
    '<%= config.bin %> <%= command.id %> --remove beta --stop-after verified',
    '<%= config.bin %> <%= command.id %> --replace beta=127.0.0.1:7009',
    '<%= config.bin %> <%= command.id %> --to after.yml --yes --json',
    '<%= config.bin %> <%= command.id %> --plan plan.json --yes',
  ];
  static override flags = {
    ...rebalanceFlags,
    plan: Flags.string({description: 'carry out a plan that was saved, exactly as it is', helpValue: 'FILE'}),
    'stop-after': Flags.option({
      description: 'go no further than this phase; `rtopo rebalance resume` goes on from there',
      options: ['copied', 'verified', 'cutover'] as const,
      exclusive: ['no-prune'],
    })(),
    'no-prune': Flags.boolean({
      description: 'the same as --stop-after cutover; `rtopo rebalance prune` deletes the old copies later',
    }),
    'dry-run': dryRun,
    yes,
  };

  async run(): Promise<RebalanceReport> {
    const {flags} = await this.parse(Rebalance);
    if (flags.plan !== undefined) assertPlanAlone(flags);
    const {prepareRebalance, prepareSaved} = await import('../../migration/prepare.js');
    const source = await currentTopology(flags.topology);
    const {onCounting, clear} = this.counting();
    const where = {...this.where(flags), onCounting};
    const preparing =
      flags.plan === undefined
        ? prepareRebalance(source, requestOf(flags), where)
        : prepareSaved(source, flags.plan, where);
    const prepared = await preparing.finally(clear);
    const judged = this.judged(prepared, {dryRun: flags['dry-run']});
    if (judged !== null) return judged;
    this.say(renderPlan(prepared.plan, this.style(process.stderr)));
    const asking = {yes: flags.yes, json: this.jsonEnabled(), command: this.commandLine};
    await confirm({message: questionOf(prepared.plan), ...asking});
    const terminal = this.terminal();
    const stopAfter = flags['stop-after'] ?? (flags['no-prune'] ? 'cutover' : null);
    const report = await prepared.run({stopAfter, ...terminal}).finally(terminal.clear);
    return this.present(report, renderRebalance, verdictOf(report));
  }
}
