import {Flags} from '@oclif/core';
import {BaseCommand} from '../../cli/base.js';
import {renderSandboxDown} from '../../render/sandbox.js';
import type {SandboxDownReport} from '../../report/sandbox.js';

export default class SandboxDown extends BaseCommand {
  static override summary = 'Stop exactly what `sandbox up` started, and remove its data.';
  static override description =
    'Each process is recognised before it is stopped. The rtopo.yml is removed when it is still the sandbox’s own. Safe to run again.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];
  static override flags = {
    dir: Flags.string({description: 'folder of the sandbox (default .rtopo-sandbox)', helpValue: 'DIR'}),
  };

  async run(): Promise<SandboxDownReport> {
    const {flags} = await this.parse(SandboxDown);
    const {down} = await import('../../sandbox/down.js');
    const report = await down({cwd: process.cwd(), ...(flags.dir === undefined ? {} : {dir: flags.dir})});
    return this.present(report, renderSandboxDown);
  }
}
