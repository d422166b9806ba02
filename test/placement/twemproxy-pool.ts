/** A recorded twemproxy pool in the words of a topology: section 1.1 and 1.2 of the facts about twemproxy. */
import type {ShardSketch} from './topologies.js';

export interface TwemproxyConfig {
  readonly hash: string;
  readonly distribution: 'ketama' | 'modula';
  readonly hash_tag?: string;
  readonly servers: readonly string[];
}

/** Shards in the order in which twemproxy keeps them: by length of label, then by bytes. */
export function twemproxyPool(config: TwemproxyConfig) {
  const servers = config.servers.map(parsed);
  servers.sort((a, b) => a.node.length - b.node.length || (a.node < b.node ? -1 : 1));
  return {
    shards: servers.map(({node, weight}, i): ShardSketch => ({name: `shard${i}`, node, weight})),
    /** Name of the shard → owner as the recording names it. */
    ownersByName: new Map(servers.map(({owner}, i) => [`shard${i}`, owner])),
    hashTag: config.hash_tag === undefined ? {} : {hashTag: config.hash_tag},
  };
}

/** `host:port:weight[ name]` or `/path:weight[ name]`, read from the right. */
function parsed(entry: string): {node: string; owner: string; weight: number} {
  const [, address, weight, name] = /^(.*):(\d+)(?: ([^ ]*))?$/.exec(entry)!;
  const unix = address!.startsWith('/');
  const [, host, port] = /^(.*):(\d+)$/.exec(address!) ?? [];
  const unnamed = unix ? `${address}:` : Number(port) === 11211 ? host! : address!;
  return {node: name ?? unnamed, owner: name ?? address!, weight: Number(weight)};
}
