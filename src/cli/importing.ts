/** What the import commands share: the topology goes to standard output or to a new file, never over an old one. */
import {existsSync, writeFileSync} from 'node:fs';
import {Flags} from '@oclif/core';
import {refusal} from '../errors.js';
import type {ImportReport} from '../report/interop.js';
import {BaseCommand} from './base.js';

export const outputFlag = Flags.string({
  char: 'o',
  description: 'write the topology to this file, which must not exist yet (default: standard output)',
  helpValue: 'FILE',
});

export abstract class ImportCommand extends BaseCommand {
  protected hand(topology: string, warnings: readonly string[], output: string | undefined): ImportReport {
    for (const text of warnings) this.warning(text);
    if (output === undefined) return this.present({topology, output: null}, () => topology);
    if (existsSync(output))
      throw refusal({
        code: 'FILE_EXISTS',
        message: `${output} exists already and is not overwritten.`,
        remedy: 'name another file with --output',
      });
    writeFileSync(output, topology, {flag: 'wx'});
    const next = 'Check it against the live data: rtopo verify --sample 1000';
    return this.present({topology, output}, () => `Wrote ${output}. ${next} --topology ${output}\n`);
  }
}
