import {MastershipVerb} from '../../cli/mastership.js';
import {renderSwitchover} from '../../render/switchover.js';
import type {SwitchoverReport} from '../../report/switchover.js';
import {currentTopologyPath} from '../../topology/current.js';

export default class SwitchoverAbort extends MastershipVerb {
  static override summary = 'Undo a switchover or a failover, as long as the new master does not lead.';
  static override description =
    'The old master leads as before, and writes go on. Refused (exit 3) once the new one was promoted: clients may have written to it.';
  // oclif reads own properties only: an inherited one would be overlooked.
  static override args = MastershipVerb.args;
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --yes --json',
  ];

  async run(): Promise<SwitchoverReport> {
    const {args, flags} = await this.parse(SwitchoverAbort);
    const {abortChange, changeTold} = await import('../../replication/switchover-recover.js');
    const where = this.where(flags, await currentTopologyPath(flags.topology));
    await this.asked(changeTold(where, args.id), 'Undo what was begun?', flags);
    const {report, verdict, warnings} = await abortChange({
      where,
      id: args.id,
      timeoutMs: this.limit(flags),
      ...this.hooks(),
    });
    for (const one of warnings) this.warning(one);
    return this.present(report, renderSwitchover, verdict);
  }
}
