import {Flags} from '@oclif/core';
import {BaseCommand, writeOut} from '../../cli/base.js';
import {ExitCode} from '../../errors.js';
import {renderSandboxDemo, renderSandboxUp} from '../../render/sandbox.js';
import type {SandboxDemoReport} from '../../report/sandbox.js';

export default class SandboxDemo extends BaseCommand {
  static override summary = 'Watch the whole job on real local servers: replicate, locate, re-shard, prove.';
  static override description =
    'Starts a sandbox in a temporary folder, runs the real commands on it one after the other, and stops and removes everything. ' +
    'Exit 0 only when every step ended with 0.';
  static override examples = ['<%= config.bin %> <%= command.id %>', '<%= config.bin %> <%= command.id %> --json'];
  static override flags = {server: Flags.string({description: 'server program to start', helpValue: 'PATH'})};

  async run(): Promise<SandboxDemoReport> {
    const {flags} = await this.parse(SandboxDemo);
    const {tellDemo} = await import('../../sandbox/demo.js');
    const stream = this.jsonEnabled() ? process.stderr : process.stdout;
    const style = this.style(stream);
    const report = await tellDemo({
      program: process.argv[1]!,
      server: flags.server,
      tell: (text) => writeOut(stream, text),
      heading: (number, title) => style.bold(`${number}. ${title}`),
      prompt: (command) => `${style.dim('$')} ${style.accent(command)}`,
      renderUp: (sandbox) => renderSandboxUp({...sandbox, next: []}, style).replace(/\nTry next:\n/, ''),
      stdout: this.jsonEnabled() ? 2 : 1,
      env: process.env,
      signal: this.abortSignal(),
    });
    return this.present(report, renderSandboxDemo, {exit: report.ok ? ExitCode.ok : ExitCode.failed});
  }
}
