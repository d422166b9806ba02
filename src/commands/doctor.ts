import {BaseCommand} from '../cli/base.js';
import {ExitCode} from '../errors.js';
import {judgeDesign} from '../placement/judge.js';
import {placementOf} from '../placement/schemes.js';
import {renderDoctor} from '../render/doctor.js';
import type {DoctorReport} from '../report/doctor.js';
import {currentTopology} from '../topology/current.js';

export default class Doctor extends BaseCommand {
  static override summary = 'What will hurt later in the design of the shards.';
  static override description =
    'Addresses as identities in a ring, shards known by their order, schemes that move nearly all keys, an uneven spread. Looks at the topology only and asks no server. ' +
    'Exit 0: nothing found. 2: something to know.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --topology prod.yml --json',
  ];

  async run(): Promise<DoctorReport> {
    const {flags} = await this.parse(Doctor);
    const {topology, check} = await currentTopology(flags.topology);
    const placement = check(placementOf);
    const shards = topology.shards.map(({name, node, master}) => ({name, node: node ?? name, ...master.address}));
    const findings = judgeDesign(placement, shards);
    return this.present({scheme: placement.scheme, findings}, renderDoctor, {
      exit: findings.length === 0 ? ExitCode.ok : ExitCode.attention,
    });
  }
}
