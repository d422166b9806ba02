import {MastershipVerb} from '../../cli/mastership.js';
import {renderSwitchover} from '../../render/switchover.js';
import type {SwitchoverReport} from '../../report/switchover.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class SwitchoverResume extends MastershipVerb {
  static override summary = 'Finish a switchover or a failover that was interrupted or died.';
  static override description =
    'Asks the servers anew how far it is, and goes on to the end. Safe to run again: on a finished change it changes nothing.';
  // oclif reads own properties only: an inherited one would be overlooked.
  static override args = MastershipVerb.args;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];

  async run(): Promise<SwitchoverReport> {
    const {args, flags} = await this.parse(SwitchoverResume);
    const {resumeChange, changeTold} = await import('../../replication/switchover-recover.js');
    const where = this.where(flags, await currentTopologyPath(flags.topology));
    await this.asked(changeTold(where, args.id), 'Go on with the change of master?', flags);
    const {report, verdict, warnings} = await resumeChange({
      where,
      id: args.id,
      timeoutMs: this.limit(flags),
      ...this.hooks(),
    });
    for (const one of warnings) this.warning(one);
    return this.present(report, renderSwitchover, verdict);
  }
}
