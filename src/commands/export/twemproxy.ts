import {BaseCommand} from '../../cli/base.js';
import {exportTwemproxy} from '../../interop/twemproxy.js';
import {placementOf} from '../../placement/schemes.js';
import type {ExportReport} from '../../report/interop.js';
import {currentTopology} from '../../topology/current.js';

export default class ExportTwemproxy extends BaseCommand {
  static override summary = "A pool for twemproxy's nutcracker.yml with the placement of the topology.";
  static override description =
    'Exit 3: the topology places keys by a rule that twemproxy does not have. Passwords are not written.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> > nutcracker.yml',
  ];

  async run(): Promise<ExportReport> {
    const {flags} = await this.parse(ExportTwemproxy);
    const source = await currentTopology(flags.topology);
    source.check(placementOf);
    const {text, warnings} = exportTwemproxy(source.topology);
    for (const warning of warnings) this.warning(warning);
    return this.present({system: 'twemproxy', text}, (report) => report.text);
  }
}
