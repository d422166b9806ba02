import {Flags} from '@oclif/core';
import {rebalanceFlags, requestOf} from '../../cli/change.js';
import {MovingCommand} from '../../cli/moving.js';
import {ExitCode} from '../../errors.js';
import {renderPlan} from '../../render/plan.js';
import type {RebalanceReport} from '../../report/rebalance.js';
import {currentTopology} from '../../topology/current.js';

export default class RebalancePlan extends MovingCommand {
  static override summary = 'Show what a rebalance would do, and save it to be reviewed.';
  static override description =
    'Asks every server, counts the keys, runs every check; changes nothing. Exit 0: nothing to do. 2: changes are pending. 3: refused, with every reason. ' +
    'A saved plan is carried out with `rtopo rebalance --plan FILE`, exactly as it is: refused when the topology file, a server, its run id, role or version, ' +
    'or more than a tenth of its keys (and more than 100) have changed since. It holds no key, no value and no secret.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --add delta=127.0.0.1:7003 --out plan.json',
    '<%= config.bin %> <%= command.id %> --scheme jump --estimate sample',
    '<%= config.bin %> <%= command.id %> --weight beta=2 --rename alpha=gamma --json',
  ];
  static override flags = {
    ...rebalanceFlags,
    out: Flags.string({char: 'o', description: 'save the plan to this file', helpValue: 'FILE'}),
  };

  async run(): Promise<RebalanceReport> {
    const {flags} = await this.parse(RebalancePlan);
    const {prepareRebalance} = await import('../../migration/prepare.js');
    const source = await currentTopology(flags.topology);
    const {onCounting, clear} = this.counting();
    const where = {...this.where(flags), onCounting};
    const request = requestOf(flags);
    // Who reviews a plan, and the check whether it is stale, are owed the number of keys and their conflicts.
    const estimate = flags.out !== undefined && request.estimate === 'auto' ? 'exact' : request.estimate;
    const prepared = await prepareRebalance(source, {...request, estimate}, where).finally(clear);
    const judged = this.judged(prepared, {dryRun: flags.out === undefined});
    if (judged !== null) return judged;
    const saved = await prepared.save(flags.out!, this.commandLine);
    return this.present(saved, renderPlan, {exit: ExitCode.attention});
  }
}
