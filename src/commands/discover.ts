import {Args} from '@oclif/core';
import {BaseCommand, DEFAULT_TIMEOUT_MS} from '../cli/base.js';
import {assertName, DiscoverCommand, discoverFlags, discoverHelp, tlsOf} from '../cli/discovering.js';
import type {DiscoverReport} from '../report/discover.js';
import {environmentAuth} from '../topology/ad-hoc.js';
import {parseAddress} from '../topology/address.js';
import {FollowRules} from '../topology/follow-rules.js';

// A discovery is made where there is no topology file yet.
const {topology: _, ...baseFlags} = BaseCommand.baseFlags;

export default class Discover extends DiscoverCommand {
  static override summary = 'Walk the replication graph of live servers, and print a topology file.';
  static override description = discoverHelp.description;
  static override usage = discoverHelp.usage;
  static override examples = discoverHelp.examples;
  static override args = {
    addresses: Args.string({
      multiple: true,
      required: true,
      ignoreStdin: true,
      description: 'instances to ask, host:port',
    }),
  };
  static override baseFlags = baseFlags as typeof BaseCommand.baseFlags;
  static override flags = discoverFlags;

  async run(): Promise<DiscoverReport> {
    const {args, flags} = await this.parse(Discover);
    this.assertFree(flags);
    const rules = new FollowRules(flags.follow ?? []);
    const options = {
      name: assertName(flags.name),
      named: args.addresses.map((text) => parseAddress(text)),
      allows: rules.allows.bind(rules),
      auth: environmentAuth(flags.username ?? null),
      tls: tlsOf(flags),
      ...{timeoutMs: flags.timeout ?? DEFAULT_TIMEOUT_MS, limit: flags.limit},
    };
    const {discoverTopology} = await import('../replication/discover-report.js');
    return this.hand(await discoverTopology(options), flags);
  }
}
