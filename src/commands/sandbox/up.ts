import {join} from 'node:path';
import {Flags} from '@oclif/core';
import {BaseCommand} from '../../cli/base.js';
import {renderSandboxUp} from '../../render/sandbox.js';
import type {SandboxUpReport} from '../../report/sandbox.js';

export default class SandboxUp extends BaseCommand {
  static override summary = 'Start real local servers to try rtopo on.';
  static override description =
    'Starts redis-server or valkey-server from the PATH on free ports of 127.0.0.1, as masters without data, and writes an rtopo.yml ' +
    'that declares what they should become. `rtopo sandbox down` stops exactly these.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --shards 2 --replicas 2',
    '<%= config.bin %> <%= command.id %> --server /usr/bin/valkey-server',
  ];
  static override flags = {
    shards: Flags.integer({description: 'shards in rtopo.yml (default 3)', min: 1, max: 26}),
    replicas: Flags.integer({description: 'replicas of each shard (default 1)', min: 0, max: 9}),
    spares: Flags.integer({description: 'further shards, to be added by rebalance (default 1)', min: 0, max: 9}),
    server: Flags.string({description: 'server program to start', helpValue: 'PATH'}),
    dir: Flags.string({
      description: 'folder for the servers and their data (default .rtopo-sandbox)',
      helpValue: 'DIR',
    }),
  };

  async run(): Promise<SandboxUpReport> {
    const {flags} = await this.parse(SandboxUp);
    const {up} = await import('../../sandbox/up.js');
    const {json: _json, topology: _topology, timeout, 'no-color': _color, ...size} = flags;
    const report = await up({
      cwd: process.cwd(),
      env: process.env,
      schemaFile: join(this.config.root, 'schema/rtopo.schema.json'),
      signal: this.abortSignal(),
      ...size,
      ...(timeout && {timeoutMs: timeout}),
    });
    return this.present(report, renderSandboxUp);
  }
}
