import {readFile} from 'node:fs/promises';
import {Args, Flags} from '@oclif/core';
import {ImportCommand, outputFlag} from '../../cli/importing.js';
import {usageError} from '../../errors.js';
import {importTwemproxy} from '../../interop/twemproxy.js';
import type {ImportReport} from '../../report/interop.js';

export default class ImportTwemproxy extends ImportCommand {
  static override summary = "A topology from twemproxy's nutcracker.yml, with exactly its placement.";
  static override description =
    'Hash, distribution, hash tag, weights and the label of every server are taken over; passwords are not. Exit 78: the file, or the pool, cannot be imported.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> nutcracker.yml --pool beta',
    '<%= config.bin %> <%= command.id %> nutcracker.yml --pool alpha --output imported.yml',
  ];
  static override args = {
    file: Args.string({required: true, ignoreStdin: true, description: 'the configuration of twemproxy'}),
  };
  static override flags = {
    pool: Flags.string({description: 'which pool, when the file has several', helpValue: 'NAME'}),
    output: outputFlag,
  };

  async run(): Promise<ImportReport> {
    const {args, flags} = await this.parse(ImportTwemproxy);
    const text = await readFile(args.file, 'utf8').catch((cause) => {
      throw usageError({
        message: `${args.file} cannot be read: ${cause.code ?? cause.message}.`,
        remedy: 'name a file',
      });
    });
    const {topology, warnings} = importTwemproxy(text, {file: args.file, pool: flags.pool ?? null});
    return this.hand(topology, warnings, flags.output);
  }
}
