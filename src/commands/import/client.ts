import {Args, Flags} from '@oclif/core';
import {ImportCommand, outputFlag} from '../../cli/importing.js';
import {usageError} from '../../errors.js';
import {parseNode} from '../../interop/client-node.js';
import {type ClientName, clientNames, importClient} from '../../interop/clients.js';
import type {ImportReport} from '../../report/interop.js';

export default class ImportClient extends ImportCommand {
  static override summary = 'A topology from the nodes and options that a client is configured with.';
  static override description =
    'Nodes are given in the order of the program. The topology knows each shard by the string that the client hashes.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> jedis --node 10.0.0.1:6379 --node 10.0.0.2:6379:2',
    '<%= config.bin %> <%= command.id %> redis-rb --version 4 --node 10.0.0.1:6379',
    '<%= config.bin %> <%= command.id %> go-redis --node a=10.0.0.1:6379 --node b=10.0.0.2:6379',
  ];
  static override args = {
    client: Args.string({required: true, options: [...clientNames], ignoreStdin: true, description: 'the client'}),
  };
  static override flags = {
    node: Flags.string({
      description: 'a node, as the program gives it; repeated, in order',
      helpValue: '[NAME=]HOST:PORT[:WEIGHT]',
      multiple: true,
    }),
    version: Flags.integer({description: 'major version of the client', helpValue: 'N'}),
    hash: Flags.string({description: 'jedis: murmur or md5'}),
    named: Flags.boolean({description: 'jedis: the shards have names, those given before ='}),
    tag: Flags.string({description: 'jedis, redis-rb: regular expression of the key tag', helpValue: 'REGEXP'}),
    consistent: Flags.boolean({description: 'phpredis: consistent hashing'}),
    algorithm: Flags.string({description: "phpredis: a name of PHP's hash()"}),
    distributor: Flags.string({description: 'predis: hashring or ketama'}),
    db: Flags.integer({description: 'redis-rb: database of the URLs', helpValue: 'N'}),
    tls: Flags.boolean({description: 'redis-rb: rediss:// URLs'}),
    'redis-client': Flags.string({description: 'redis-rb 5: version of the gem redis-client', helpValue: '0.22.2'}),
    output: outputFlag,
  };

  async run(): Promise<ImportReport> {
    const {args, flags} = await this.parse(ImportClient);
    const nodes = (flags.node ?? []).map(parseNode);
    if (nodes.length === 0)
      throw usageError({
        message: 'No node was given.',
        remedy: `rtopo import client ${args.client} --node 10.0.0.1:6379`,
      });
    const {node: _, output, json: __, ...rest} = flags;
    const {version, hash, named, tag, consistent, algorithm, distributor, db, tls, 'redis-client': redisClient} = rest;
    const options = {version, hash, named, tag, consistent, algorithm, distributor, db, tls, redisClient};
    const {topology, warnings} = importClient(args.client as ClientName, nodes, options);
    return this.hand(topology, warnings, output);
  }
}
