/** The story of a discovery: walk, sort into shards, write the file down. Changes no server. */
import type {RtopoError} from '../errors.js';
import {announcement, type DiscoveredInstance, type DiscoverReport} from '../report/discover.js';
import {addressText} from '../topology/types.js';
import {discoveredText} from '../topology/write-discovered.js';
import {discovered} from './discover.js';
import {type Walk, type WalkOptions, walk} from './walk.js';

export interface DiscoverOptions extends WalkOptions {
  /** Of the topology, as the file will have it. */
  readonly name: string;
}

export async function discoverTopology(options: DiscoverOptions): Promise<DiscoverReport> {
  const walked = await walk(options);
  const {shards, homeless} = discovered(walked);
  const report: DiscoverReport = {
    ...{topology: null, output: null},
    dialled: walked.found.length + walked.silent.length,
    ...{shards, homeless, announced: walked.announced, announcedMore: walked.announcedMore},
    unreachable: walked.silent.map(({address, fault}) => ({
      instance: addressText(address),
      code: fault.code,
      message: fault.message,
      remedy: remedyOf(fault),
    })),
  };
  return shards.length === 0 ? report : {...report, topology: textOf(report, walked, options)};
}

/** There is no topology file yet in which a login could be declared. */
function remedyOf({code, remedy}: RtopoError): string {
  if (code === 'AUTH_REQUIRED' || code === 'AUTH_FAILED')
    return 'put the password into the environment variable REDISCLI_AUTH; --username names an ACL user';
  return remedy ?? 'rtopo discover, when it answers';
}

function textOf(report: DiscoverReport, {announced}: Walk, {name, named, auth, tls}: DiscoverOptions): string {
  const {shards, homeless, unreachable} = report;
  const housed = new Set(shards.flatMap(({instances}) => instances.map(({address}) => address)));
  const strangers = announced.filter(({by}) => !housed.has(by));
  return discoveredText({
    ...{name, auth, tls},
    comments: [
      `Found by rtopo discover ${named.map(addressText).join(' ')}`,
      ...unreachable.map(({message}) => `Not here: ${message}`),
      ...homeless.map(({message}) => `Not here: ${message}`),
      ...strangers.map(announcement),
    ],
    shards: shards.map((shard) => ({
      name: shard.name,
      instances: shard.instances.map((instance) => ({...instance, comments: commentsOf(instance, report)})),
    })),
  });
}

function commentsOf({address, alsoAt}: DiscoveredInstance, {announced}: DiscoverReport): string[] {
  return [
    ...alsoAt.map((other) => `${other} is the same process as ${address}`),
    ...announced.filter(({by}) => by === address).map(announcement),
  ];
}
