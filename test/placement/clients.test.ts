/** Every recorded answer of every real client, through the scheme that is named after it. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {NO_OWNER} from '../../src/placement/placement.js';
import {type PlacementSketch, placed, type ShardSketch} from './topologies.js';
import {type TwemproxyConfig, twemproxyPool} from './twemproxy-pool.js';
import {vectorCases} from './vectors.js';

const test = suite('placement/clients');

/** A recorded configuration in the words of a topology. */
interface Told {
  readonly placement: PlacementSketch;
  /** In the order of the client; `owner` as the recording names it. */
  readonly shards: readonly (Omit<ShardSketch, 'name'> & {readonly owner: string})[];
}

/** One client: how many owners were recorded, and how its configuration is told. */
interface Client<Config> {
  readonly count: number;
  /** null leaves a case out, and `count` does not count it. */
  told(config: Config, owners: readonly (string | null)[]): Told | null;
}

function client<Config>(system: string, {count, told}: Client<Config>): void {
  let compared = 0;
  for (const {name, config, keys, owners} of vectorCases<Config>(system)) {
    const topology = told(config, owners);
    if (topology === null) continue;
    compared += keys.length;
    test(`${system} ${name}: ${keys.length} owners`, () => {
      const {placement, shards} = topology;
      const bound = placed(
        placement,
        shards.map(({owner: _, ...shard}, i) => ({...shard, name: `s${i}`})),
      );
      for (const [i, key] of keys.entries()) {
        const index = bound.ownerIndex(key, 0, key.length);
        assert.is(index === NO_OWNER ? null : shards[index]!.owner, owners[i], key.toString('base64'));
      }
    });
  }
  test(`${system}: no case was left out unnoticed`, () => assert.is(compared, count));
}

const byNode = (nodes: readonly string[]): Told['shards'] => nodes.map((node) => ({node, owner: node}));

interface HostPort {
  readonly host: string;
  readonly port: number;
  readonly name?: string;
  readonly weight?: number;
}

client<{jedis: string; hash: string; api: string; tag?: string; nodes: readonly HostPort[]}>('jedis-sharded', {
  count: 19_332,
  told: ({jedis, hash, api, tag, nodes}) => {
    const names = nodes.flatMap(({name}, i) => (name === undefined ? [] : [`s${i}`]));
    const named = names.length === 0 || names.length === nodes.length ? names.length > 0 : names;
    const version = jedis.startsWith('2') ? 2 : Number(jedis[0]);
    const pattern = api === 'string' && tag !== undefined ? {keyTagPattern: tag} : {};
    return {
      placement: {scheme: 'jedis', hash, version, named: version === 4 ? false : named, ...pattern},
      shards: nodes.map(({host, port, name, weight = 1}) => ({
        node: name ?? `${host}:${port}`,
        weight: version === 4 ? 1 : weight,
        owner: name ?? `${host}:${port}`,
      })),
    };
  },
});

client<{hosts: readonly string[]; options: {consistent?: boolean; algorithm?: string; function?: string}}>(
  'phpredis-redisarray',
  {
    // Without the two cases in which a function of the user picks the tag.
    count: 16_482 - 2 * 402,
    told: ({hosts, options: {function: own, ...options}}) =>
      own === undefined ? {placement: {scheme: 'phpredis', ...options}, shards: byNode(hosts)} : null,
  },
);

client<{distributor: string; nodes: readonly string[]}>('predis', {
  count: 9246,
  told: ({distributor, nodes}) => ({
    placement: {scheme: 'predis', distributor},
    shards: nodes.map((uri) => {
      const {alias, weight, node} = predisNode(uri);
      return {node, weight, owner: alias ?? node};
    }),
  }),
});

function predisNode(uri: string): {alias: string | null; weight: number; node: string} {
  const [, scheme, place, query = ''] = /^(\w+):(?:\/\/)?(.*?)(?:\/\d+)?(?:\?(.*))?$/.exec(uri)!;
  const parameters = new URLSearchParams(query);
  // As PHP casts it: 0 and what is no number are the default.
  const weight = Number.parseInt(parameters.get('weight') ?? '', 10) || 100;
  const node = scheme === 'unix' || /:\d+$/.test(place!) ? place! : `${place}:6379`;
  return {alias: parameters.get('alias'), weight, node};
}

client<{
  redis_rb: string;
  node_ids: readonly string[];
  tag?: string;
  remove?: string;
  add?: readonly string[];
}>('redis-rb-distributed', {
  count: 13_266,
  told: ({redis_rb, node_ids, tag}) => ({
    placement: {scheme: 'redis-rb', version: redis_rb.startsWith('4') ? 4 : 5, ...(tag === undefined ? {} : {tag})},
    shards: byNode(node_ids),
  }),
});

client<{kind: 'slot' | 'ranges'; ranges?: readonly [string, number, number][]}>('codis', {
  count: 3 * 402,
  told: ({ranges}) => (ranges === undefined ? null : slotted('codis', ranges)),
});

client<{kind: 'slot' | 'ranges'; ranges?: readonly [string, number, number][]}>('redis-cluster', {
  count: 3 * 403,
  told: ({ranges}) => (ranges === undefined ? null : slotted('slots', ranges)),
});

function slotted(scheme: string, ranges: readonly [string, number, number][]): Told {
  const slots = Object.fromEntries(ranges.map(([, first, last], i) => [`s${i}`, `${first}-${last}`]));
  return {placement: {scheme, slots}, shards: ranges.map(([owner]) => ({owner}))};
}

test('codis: the slot of every key', () => {
  const {keys, owners} = vectorCases('codis').find(({name}) => name === 'slots')!;
  const placement = placed({scheme: 'codis'}, ['a', 'b']);
  for (const [i, key] of keys.entries())
    assert.is(placement.explain(key).facts.find(({label}) => label === 'slot')!.value, owners[i]);
});

client<{Hash: string; HashTag?: string; groups: readonly string[]}>('predixy', {
  count: 6766,
  told: ({Hash, HashTag, groups}) => ({
    placement: {scheme: 'predixy', hash: Hash, ...(HashTag === undefined ? {} : {hashTag: HashTag})},
    shards: byNode(groups),
  }),
});

client<{router: string; hosts: readonly {host_id: number; repr: string}[]}>('sentry-rb', {
  count: 3216,
  told: ({router, hosts}) => ({
    placement: {scheme: 'sentry-rb', router: router === 'PartitionRouter' ? 'partition' : 'consistent'},
    shards: hosts.map(({host_id, repr}) => ({node: repr, owner: String(host_id)})),
  }),
});

client<{replicas: number; servers: readonly HostPort[]}>('credis-cluster', {
  count: 3216,
  told: ({replicas, servers}) => ({
    placement: {scheme: 'credis', replicas},
    shards: byNode(servers.map(({host, port}) => `${host}:${port}`)),
  }),
});

client<TwemproxyConfig>('twemproxy', {
  count: 52_320,
  told: (config) => {
    const {shards, ownersByName, hashTag} = twemproxyPool(config);
    return {
      placement: {scheme: 'twemproxy', distribution: config.distribution, hash: config.hash, ...hashTag},
      // In an order that twemproxy would not keep: sorting is the scheme's task.
      shards: shards.toReversed().map(({name, ...shard}) => ({...shard, owner: ownersByName.get(name)!})),
    };
  },
});

client<{go_redis: string; shards: readonly string[]}>('go-redis-ring', {
  count: 7236,
  told: ({go_redis, shards}) => ({
    placement: {scheme: 'go-redis', version: go_redis.startsWith('9') ? 9 : 6},
    shards: byNode(shards),
  }),
});

client<{names: readonly string[]; table_size: number; key_digest: string}>('go-maglev', {
  count: 804,
  told: ({names, table_size, key_digest}) => ({
    placement: {scheme: 'maglev', tableSize: table_size, digest: key_digest},
    shards: byNode(names),
  }),
});

const jumpDigests: Readonly<Record<string, string>> = {
  crc32_ieee: 'crc32',
  fnv1_64: 'fnv164',
  murmur3_32_fixed: 'murmur3_32',
  sipHash24: 'siphash24',
};

client<{digest: string; buckets: number}>('jump-hash', {
  count: 17_688,
  told: ({digest, buckets}) => ({
    placement: {scheme: 'jump', digest: jumpDigests[digest] ?? digest},
    shards: byNode(Array.from({length: buckets}, (_, i) => String(i))),
  }),
});

interface EnvoyConfig {
  readonly lb_policy: string;
  readonly hash_function?: string;
  readonly enable_hashtagging: boolean;
  readonly use_hostname_for_hashing?: boolean;
  readonly minimum_ring_size?: number;
  readonly maximum_ring_size?: number;
  readonly table_size?: number;
  readonly hosts: readonly {address: string; hostname: string; weight?: number; hash_key?: string}[];
}

client<EnvoyConfig>('envoy-redis-proxy', {
  count: 31 * 402,
  told: (config) => ({
    placement: {
      scheme: 'envoy',
      policy: config.lb_policy.toLowerCase(),
      enableHashtagging: config.enable_hashtagging,
      ...(config.hash_function === undefined ? {} : {hashFunction: config.hash_function.toLowerCase()}),
      ...(config.minimum_ring_size === undefined ? {} : {minimumRingSize: config.minimum_ring_size}),
      ...(config.maximum_ring_size === undefined ? {} : {maximumRingSize: config.maximum_ring_size}),
      ...(config.table_size === undefined ? {} : {tableSize: config.table_size}),
    },
    shards: config.hosts.map(({address, hostname, weight = 1, hash_key}) => ({
      node: hash_key ?? (config.use_hostname_for_hashing === true ? hostname : address),
      weight,
      owner: address,
    })),
  }),
});

client<{mode: string; servers: readonly HostPort[]}>('libmemcached-ketama', {
  count: 8040,
  told: ({mode, servers}) => ({
    placement: {
      scheme: 'libmemcached',
      ...(mode === 'modula_md5' ? {mode: 'modula', hash: 'md5'} : {mode: mode === 'consistent' ? 'ketama' : mode}),
    },
    shards: servers.map(({host, port, weight = 1}) => ({
      node: port === 11211 ? host : `${host}:${port}`,
      weight,
      owner: `${host}:${port}`,
    })),
  }),
});

interface HashringConfig {
  readonly algorithm: string;
  readonly servers: readonly string[] | Readonly<Record<string, number | {weight?: number; vnodes?: number}>>;
  readonly options: Readonly<Record<string, unknown>>;
}

client<HashringConfig>('npm-hashring', {
  count: 4956,
  told: ({algorithm, servers, options}) => {
    const list = Array.isArray(servers) ? servers.map((server) => [server, 1] as const) : Object.entries(servers);
    const port = `:${options['default port']}`;
    const vnodes = list.flatMap(([, given], i) =>
      typeof given === 'object' && given.vnodes !== undefined ? [[`s${i}`, given.vnodes]] : [],
    );
    return {
      placement: {
        scheme: 'hashring',
        algorithm,
        replicas: options.compatibility === 'hash_ring' ? 3 : ((options.replicas as number | undefined) ?? 4),
        vnodeCount: options['vnode count'] ?? 40,
        vnodes: Object.fromEntries(vnodes),
      },
      shards: list.map(([server, given]) => ({
        node: server.endsWith(port) ? server.slice(0, -port.length) : server,
        weight: typeof given === 'object' ? (given.weight ?? 1) : given,
        owner: server,
      })),
    };
  },
});

client<{mode: string; nodes: Readonly<Record<string, number>>}>('uhashring', {
  count: 3540,
  told: ({mode, nodes}) => ({
    placement: {scheme: 'uhashring', mode},
    shards: Object.entries(nodes).map(([node, weight]) => ({node, weight, owner: node})),
  }),
});

client<{servers: readonly string[]}>('django-redis-shardclient', {
  count: 2124,
  told: ({servers}) => ({placement: {scheme: 'django-redis'}, shards: byNode(servers)}),
});

client<{hash_method: string; api: string; nodes: readonly string[]}>('python-redis-shard', {
  count: 8784,
  told: ({hash_method, api, nodes}) => ({
    placement: {scheme: 'redis-shard', hash: hash_method, api},
    shards: byNode(nodes),
  }),
});

/** A key that is the label of a point has the hash of that point: where rings that look at or after it and strictly after it part. */
test('a key that is a label belongs to its point, or to the next one, as each client has it', () => {
  const names = ['a', 'b', 'c', 'd'];
  const share = (placement: PlacementSketch, labelOf: (node: string, i: number) => string, count: number): number => {
    const bound = placed(placement, names);
    const own = names.flatMap((node) =>
      Array.from({length: count}, (_, i) => bound.ownerOf(Buffer.from(labelOf(node, i))).name === node),
    );
    return own.filter(Boolean).length / own.length;
  };
  const dashed = (node: string, i: number): string => `${node}-${i}`;
  assert.is(share({scheme: 'ketama', hash: 'md5'}, dashed, 40), 1);
  assert.is(share({scheme: 'predis', distributor: 'ketama'}, dashed, 40), 1);
  assert.is(
    share({scheme: 'predis'}, (node, i) => `${node}:${i}`, 128),
    1,
  );
  assert.is(share({scheme: 'credis'}, dashed, 129), 1);
  assert.is(share({scheme: 'hashring'}, dashed, 40), 1);
  // Strictly after: chance decides, one in four.
  for (const strict of [
    share({scheme: 'uhashring', mode: 'ketama'}, dashed, 40),
    share({scheme: 'uhashring'}, dashed, 160),
    share({scheme: 'sentry-rb', router: 'consistent'}, (node, i) => `${node}-${i}-salt`, 40),
    share({scheme: 'redis-shard', hash: 'md5'}, (node, i) => `${node}:${i}`, 128),
  ])
    assert.ok(strict > 0.1 && strict < 0.5, `${strict}`);
});

test('libmemcached ketama: the first weight above 1 makes it another ring', () => {
  const keys = Array.from({length: 300}, (_, i) => Buffer.from(`key:${i}`));
  const owners = (weight: number) => {
    const placement = placed({scheme: 'libmemcached', mode: 'ketama'}, [
      {name: 'a', weight},
      {name: 'b', weight},
    ]);
    return keys.map((key) => placement.ownerOf(key).name);
  };
  assert.not.equal(owners(1), owners(2));
  assert.equal(owners(2), owners(3), 'the same shares of the same ring');
});

test.run();
