import {Args} from '@oclif/core';
import {BaseCommand} from '../../cli/base.js';
import {type ClientName, clientNames, exportClient} from '../../interop/clients.js';
import {placementOf} from '../../placement/schemes.js';
import type {ExportReport} from '../../report/interop.js';
import {currentTopology} from '../../topology/current.js';

export default class ExportClient extends BaseCommand {
  static override summary = 'The lines of code that give a client the placement of the topology.';
  static override description = 'Exit 3: the topology places keys by another rule than that client. No passwords.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> phpredis --topology phpredis.yml',
    '<%= config.bin %> <%= command.id %> phpredis --topology phpredis.yml --json',
  ];
  static override args = {
    client: Args.string({required: true, options: [...clientNames], ignoreStdin: true, description: 'the client'}),
  };

  async run(): Promise<ExportReport> {
    const {args, flags} = await this.parse(ExportClient);
    const source = await currentTopology(flags.topology);
    source.check(placementOf);
    const {text, warnings} = exportClient(args.client as ClientName, source.topology);
    for (const warning of warnings) this.warning(warning);
    return this.present({system: args.client, text}, (report) => report.text);
  }
}
