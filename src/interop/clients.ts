/**
 * Clients that are configured in a program: from their nodes and options to a topology, and back as the lines of code that make
 * the same ring.
 */
import {ExitCode, RtopoError, usageError} from '../errors.js';
import {type Address, addressText, isSocket, type Shard, type Topology} from '../topology/types.js';
import {shardNames, topologyText} from '../topology/write.js';
import type {ClientNode} from './client-node.js';
import type {Exported, Imported} from './interop.js';
import {refuseExport} from './twemproxy.js';

export const clientNames = ['jedis', 'redis-rb', 'phpredis', 'predis', 'go-redis'] as const;
export type ClientName = (typeof clientNames)[number];

/** Options of all clients, as their flags give them. */
export interface ClientOptions {
  readonly version?: number | undefined;
  readonly hash?: string | undefined;
  readonly tag?: string | undefined;
  readonly named?: boolean | undefined;
  readonly consistent?: boolean | undefined;
  readonly algorithm?: string | undefined;
  readonly distributor?: string | undefined;
  readonly db?: number | undefined;
  readonly tls?: boolean | undefined;
  /** Version of the gem redis-client, `0.22.2`. */
  readonly redisClient?: string | undefined;
}

interface Client {
  /** The options that this client has. */
  readonly options: readonly (keyof ClientOptions)[];
  placement(options: ClientOptions): Readonly<Record<string, unknown>>;
  nodeOf(node: ClientNode, options: ClientOptions): string;
  /** What a node weighs that says nothing; null: the client has no weights. */
  readonly weight: number | null;
  /** Lines of code. `nodes` are the strings of the ring. */
  code(topology: Topology, nodes: readonly string[], options: Readonly<Record<string, unknown>>): string;
}

const given = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== false));

const clients: Readonly<Record<ClientName, Client>> = {
  jedis: {
    options: ['version', 'hash', 'tag', 'named'],
    placement: ({version, hash, tag, named}) => given({version, hash, named, keyTagPattern: tag}),
    nodeOf: ({name, written}, {named}) => (named === true && name !== null ? name : written),
    weight: 1,
    code: jedisCode,
  },
  'redis-rb': {
    options: ['version', 'tag', 'db', 'tls', 'redisClient'],
    placement: ({version, tag}) => given({version, tag}),
    nodeOf: ({address}, options) => redisRbId(address, options),
    weight: null,
    code: redisRbCode,
  },
  phpredis: {
    options: ['consistent', 'algorithm'],
    placement: ({consistent, algorithm}) => given({consistent, algorithm}),
    nodeOf: ({written}) => written,
    weight: null,
    code: phpredisCode,
  },
  predis: {
    options: ['distributor'],
    placement: ({distributor}) => given({distributor}),
    nodeOf: ({address}) => `${address.host}:${address.port}`,
    weight: 100,
    code: predisCode,
  },
  'go-redis': {
    options: ['version'],
    placement: ({version}) => given({version}),
    nodeOf: ({name, written}) => name ?? written,
    weight: null,
    code: goRedisCode,
  },
};

export function importClient(client: ClientName, nodes: readonly ClientNode[], options: ClientOptions): Imported {
  const {placement, nodeOf, weight: usual, options: known} = clients[client];
  refuseForeignOptions(client, known, options);
  const warnings: string[] = [];
  if (usual === null && nodes.some(({weight}) => weight !== null))
    warnings.push(`${client} has no weights: those given have no effect.`);
  if (client === 'go-redis' && nodes.some(({name}) => name === null))
    warnings.push('go-redis knows a shard by its key in RingOptions.Addrs: give it with --node NAME=HOST:PORT.');
  const names = shardNames(nodes.map(({name, written}) => name ?? written));
  const shards = nodes.map((node, i) => ({
    ...{name: names[i]!, node: nodeOf(node, options), master: addressText(node.address)},
    weight: usual === null ? 1 : (node.weight ?? usual),
  }));
  const comments = [`Imported from the configuration of ${client}.`];
  if (client === 'jedis' && options.named !== true)
    comments.push('Jedis knows these shards by their order: never change it, and add only at the end.');
  const text = topologyText({
    ...{name: client, comments, placement: {scheme: client, ...placement(options)}},
    // Where the place decides, or the name does, a node would only be another thing to keep right.
    shards:
      client === 'jedis' && options.named !== true ? shards.map((shard) => ({...shard, node: shard.name})) : shards,
    allWeights: client === 'predis',
  });
  return {topology: text, warnings};
}

function refuseForeignOptions(client: ClientName, known: readonly string[], options: ClientOptions): void {
  const foreign = Object.entries(options).find(
    ([name, value]) => value !== undefined && value !== false && !known.includes(name),
  );
  if (foreign === undefined) return;
  const flag = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  throw usageError({
    message: `${client} has no option ${flag(foreign[0])}.`,
    remedy: `its options are ${known.map(flag).join(', ')}`,
  });
}

/** The id of a node as redis-rb builds it: see the table in docs/schemes.md. */
function redisRbId(
  {host, port}: Address,
  {version = 5, db = 0, tls = false, redisClient = '0.22.2'}: ClientOptions,
): string {
  const [major = 0, minor = 0, patch = 0] = redisClient.split('.').map(Number);
  const isNew = major > 0 || minor >= 21;
  const bracketed = host.includes(':') && (major > 0 || minor > 22 || (minor === 22 && patch >= 2)) && version === 5;
  const place = `${bracketed ? `[${host}]` : host}:${port}`;
  const scheme = tls ? 'rediss' : 'redis';
  if (version === 5 && isNew) return `${scheme}://${place}${db === 0 ? '' : `/${db}`}`;
  return `${scheme}://${place}/${db}`;
}

/** The lines of code that give `client` the ring of the topology. */
export function exportClient(client: ClientName, topology: Topology): Exported {
  const {placement} = topology;
  if (placement?.scheme !== client) return refuseExport(client, placement?.scheme ?? null, client);
  const socket = topology.shards.find(({master}) => isSocket(master.address));
  if (socket !== undefined) refuseSocket(client, socket);
  const nodes = topology.shards.map(({name, node}) => node ?? name);
  const warnings =
    placement.hashTag === null
      ? []
      : [`hashTag ${placement.hashTag} is not ${client}'s own rule: the code cannot say it.`];
  return {text: clients[client].code(topology, nodes, placement.options), warnings};
}

/** Every client has its own way to name a socket, and many hash it. */
function refuseSocket(client: ClientName, {name, master}: Shard): never {
  throw new RtopoError({
    code: 'EXPORT_REFUSED',
    exit: ExitCode.refused,
    message: `Shard ${name} is reached by a Unix socket (${addressText(master.address)}); the code for ${client} is made of hosts and ports.`,
    remedy: 'give the shard a TCP address in the topology file',
  });
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function single(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

function endpoint({master}: Shard): string {
  return addressText(master.address);
}

/** The constructors that Jedis has: with a name there is none with a weight, so names and weights do not go together here. */
function jedisCode({shards}: Topology, nodes: readonly string[], options: Readonly<Record<string, unknown>>): string {
  const lines = shards.map(({master: {address}, weight}, i) => {
    const place = `${quoted(address.host)}, ${address.port}`;
    const more = options.named === true ? `, ${quoted(nodes[i]!)}` : `, 2000, 2000, ${weight}`;
    return `shards.add(new JedisShardInfo(${place}${more}));`;
  });
  const hash = options.hash === 'md5' ? 'Hashing.MD5' : 'Hashing.MURMUR_HASH';
  const pattern =
    options.keyTagPattern === undefined ? '' : `, Pattern.compile(${quoted(String(options.keyTagPattern))})`;
  return [
    'List<JedisShardInfo> shards = new ArrayList<>();   // the order matters',
    ...lines,
    `ShardedJedis jedis = new ShardedJedis(shards, ${hash}${pattern});`,
    '',
  ].join('\n');
}

function redisRbCode({shards}: Topology, nodes: readonly string[], {tag}: Readonly<Record<string, unknown>>): string {
  const lines = shards.map(
    ({master: {address}}, i) => `  {host: ${single(address.host)}, port: ${address.port}, id: ${single(nodes[i]!)}},`,
  );
  const rule = tag === undefined ? '' : `, tag: Regexp.new(${single(String(tag))})`;
  return ['redis = Redis::Distributed.new([', ...lines, `]${rule})`, ''].join('\n');
}

function phpredisCode(
  {shards}: Topology,
  nodes: readonly string[],
  {consistent, algorithm}: Readonly<Record<string, unknown>>,
): string {
  const hosts = consistent === true ? nodes : shards.map(endpoint);
  const options = [
    ...(consistent === true ? ["'consistent' => true"] : []),
    ...(algorithm === undefined ? [] : [`'algorithm' => ${single(String(algorithm))}`]),
  ];
  return [
    `$redis = new RedisArray([   // ${consistent === true ? 'the strings are the identities' : 'the order matters'}`,
    ...hosts.map((host) => `    ${single(host)},`),
    `], [${options.join(', ')}]);`,
    '',
  ].join('\n');
}

function predisCode(
  {shards}: Topology,
  nodes: readonly string[],
  {distributor}: Readonly<Record<string, unknown>>,
): string {
  const lines = shards.map(({weight}, i) => {
    const [, host, port] = /^(.*):(\d+)$/.exec(nodes[i]!) ?? [];
    return `    ['host' => ${single(host ?? nodes[i]!)}, 'port' => ${port ?? 6379}, 'weight' => ${weight}],`;
  });
  const strategy =
    distributor === 'ketama'
      ? ", ['cluster' => fn () => new Predis\\Connection\\Aggregate\\PredisCluster(\n    new Predis\\Cluster\\PredisStrategy(new Predis\\Cluster\\Distributor\\KetamaRing()))]"
      : ", ['cluster' => 'predis']";
  return ['$redis = new Predis\\Client([', ...lines, `]${strategy});`, ''].join('\n');
}

function goRedisCode({shards}: Topology, nodes: readonly string[]): string {
  return [
    'ring := redis.NewRing(&redis.RingOptions{',
    '\tAddrs: map[string]string{',
    ...shards.map((shard, i) => `\t\t${quoted(nodes[i]!)}: ${quoted(endpoint(shard))},`),
    '\t},',
    '})',
    '',
  ].join('\n');
}
