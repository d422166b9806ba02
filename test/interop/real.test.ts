/**
 * The schemes against reality: thousands of random keys are written through each real client, and every key must lie on the
 * server that the imported topology says. What is exported must make the same client write to the same servers.
 */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {parseNode} from '../../src/interop/client-node.js';
import {type ClientName, type ClientOptions, exportClient, importClient} from '../../src/interop/clients.js';
import {exportTwemproxy, importTwemproxy} from '../../src/interop/twemproxy.js';
import {placementOf} from '../../src/placement/schemes.js';
import {parseTopology} from '../../src/topology/parse.js';
import type {Topology} from '../../src/topology/types.js';
import {plainKeys, randomKeys} from '../placement/random.js';
import {scan} from '../rig/checker.js';
import {cli} from '../rig/cli.js';
import {writeThrough, writeThroughTwemproxy} from '../rig/clients.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';

const test = suite('interop/real');
// Only where nobody packages them; the set-up of the tests says so.
const withClients = process.env.RTOPO_TEST_WITHOUT_CLIENTS === '1' ? test.skip : test;

/** Random bytes with many braces, and names as applications write them; none empty, none twice. */
const keys = [
  ...randomKeys(1500, 41),
  ...plainKeys(700, 42),
  ...plainKeys(300, 43).map((key) => Buffer.from(`{${key}}:x`)),
].filter((key, i, all) => key.length > 0 && all.findIndex((other) => other.equals(key)) === i);

function topologyOf(text: string): Topology {
  return parseTopology(text, 'imported.yml').topology;
}

/** Every key is on the server that owns it, and on no other. */
async function assertPlaced(
  topology: Topology,
  servers: readonly Server[],
  expected: readonly Buffer[],
): Promise<void> {
  const placement = placementOf(topology);
  let found = 0;
  for (const {address, raw} of servers) {
    const shard = topology.shards.findIndex(({master}) => `${master.address.host}:${master.address.port}` === address);
    for (const key of await scan(raw)) {
      found += 1;
      assert.is(placement.ownerIndex(key, 0, key.length), shard, `${key.toString('base64')} on ${address}`);
    }
  }
  assert.is(found, expected.length);
  assert.ok(found >= 2000, `${found} keys`);
}

/** The live keys alone tell who wrote them, whatever the topology says. */
async function assertDetected(rig: Rig, servers: readonly Server[], scheme: string, options: object): Promise<void> {
  const lines = servers.map(({address}, i) => `  - {name: s${i}, master: "${address}"}\n`).join('');
  const file = join(rig.dir, 'guess.yml');
  writeFileSync(file, `version: 1\nname: guess\nplacement: {scheme: slots}\nshards:\n${lines}`);
  const {status, stdout, stderr} = await cli(['verify', '--detect', '--json', '-t', file], {timeoutMs: 60_000});
  assert.is(status, 2, stderr);
  const {result} = JSON.parse(stdout);
  assert.is(result.verdict, 'other');
  assert.is(result.winner.share, 1);
  assert.ok(result.declared < 0.9);
  const found = [result.winner, ...result.equals].map(({placement}) => placement);
  assert.ok(
    found.some((one) => one.scheme === scheme && Object.entries(options).every(([name, value]) => one[name] === value)),
    JSON.stringify(result.winner),
  );
}

async function empty(servers: readonly Server[]): Promise<void> {
  for (const {raw} of servers) await raw.cmd('FLUSHALL');
}

const pools: readonly {
  title: string;
  settings: string;
  server: (server: Server, i: number) => string;
  detected?: object;
}[] = [
  {
    ...{title: 'ketama, fnv1a_64, no names', settings: '', server: ({address}) => `${address}:1`},
    detected: {distribution: 'ketama', hash: 'fnv1a_64'},
  },
  {
    title: 'ketama, murmur, {}',
    settings: 'hash: murmur\n  hash_tag: "{}"',
    server: ({address}, i) => `${address}:${i + 1} s${i}`,
  },
  {
    title: 'modula, crc32a, weights',
    settings: 'hash: crc32a\n  distribution: modula',
    server: ({address}, i) => `${address}:${3 - i} n${'x'.repeat(3 - i)}`,
  },
  {
    title: 'ketama, one_at_a_time, $$',
    settings: 'hash: one_at_a_time\n  hash_tag: "$$"',
    server: ({address}) => `${address}:1`,
  },
  {title: 'ketama, hsieh', settings: 'hash: hsieh', server: ({address}, i) => `${address}:10 server-${i}`},
  {
    title: 'modula, md5',
    settings: 'hash: md5\n  distribution: modula\n  hash_tag: "{}"',
    server: ({address}) => `${address}:1`,
    detected: {distribution: 'modula', hash: 'md5', hashTag: '{}'},
  },
];

withClients(`a real nutcracker: ${pools.length} pools of ${keys.length} keys each`, () =>
  withServers(
    3,
    async (servers, rig) => {
      for (const {title, settings, server, detected = null} of pools) {
        const list = servers.map((one, i) => `    - ${server(one, i)}\n`).join('');
        const pool = `pool:\n  redis: true\n${settings === '' ? '' : `  ${settings}\n`}  servers:\n${list}`;
        const topology = topologyOf(importTwemproxy(pool, {file: 'nutcracker.yml', pool: null}).topology);
        await empty(servers);
        await writeThroughTwemproxy(rig, pool, keys);
        await assertPlaced(topology, servers, keys);
        if (detected !== null) await assertDetected(rig, servers, 'twemproxy', detected);
        // And the way back: the exported pool puts the same keys to the same servers, and is imported as what it was.
        const exported = exportTwemproxy(topology).text;
        await empty(servers);
        await writeThroughTwemproxy(rig, exported, keys);
        await assertPlaced(topology, servers, keys);
        const again = topologyOf(importTwemproxy(exported, {file: 'exported.yml', pool: null}).topology);
        assert.equal(
          again.shards.map(({node, name, weight}) => [node ?? name, weight]),
          topology.shards.map(({node, name, weight}) => [node ?? name, weight]),
          title,
        );
      }
    },
    {timeoutMs: 120_000},
  ),
);

interface Case {
  readonly client: ClientName;
  readonly options: ClientOptions;
  readonly weights?: readonly number[];
  readonly program: Parameters<typeof writeThrough>[0];
  readonly told: (servers: readonly Server[], weights: readonly number[]) => object;
}

const hosts = (servers: readonly Server[]): string[] => servers.map(({address}) => address);
const urls = (servers: readonly Server[]): string[] => servers.map(({address}) => `redis://${address}`);
const parameters = (servers: readonly Server[], weights: readonly number[]) =>
  servers.map(({host, port}, i) => ({host, port, ...(weights[i] === undefined ? {} : {weight: weights[i]})}));

const cases: readonly Case[] = [
  {client: 'phpredis', options: {}, program: 'phpredis.php', told: (all) => ({hosts: hosts(all), options: {}})},
  {
    ...{client: 'phpredis', options: {consistent: true}, program: 'phpredis.php'},
    told: (all) => ({hosts: hosts(all), options: {consistent: true}}),
  },
  {
    ...{client: 'phpredis', options: {algorithm: 'xxh64'}, program: 'phpredis.php'},
    told: (all) => ({hosts: hosts(all), options: {algorithm: 'xxh64'}}),
  },
  {
    ...{client: 'phpredis', options: {consistent: true, algorithm: 'sha256'}, program: 'phpredis.php'},
    told: (all) => ({hosts: hosts(all), options: {consistent: true, algorithm: 'sha256'}}),
  },
  {
    ...{client: 'predis', options: {}, program: 'predis.php'},
    told: (all, weights) => ({nodes: parameters(all, weights), distributor: 'hashring'}),
  },
  {
    ...{client: 'predis', options: {}, program: 'predis.php', weights: [100, 300, 50]},
    told: (all, weights) => ({nodes: parameters(all, weights), distributor: 'hashring'}),
  },
  {
    ...{client: 'predis', options: {distributor: 'ketama'}, program: 'predis.php', weights: [1, 2, 3]},
    told: (all, weights) => ({nodes: parameters(all, weights), distributor: 'ketama'}),
  },
  {client: 'redis-rb', options: {version: 4}, program: 'redis-rb.rb', told: (all) => ({nodes: urls(all)})},
  {
    ...{client: 'redis-rb', options: {version: 4, tag: '\\{(.+?)\\}'}, program: 'redis-rb.rb'},
    told: (all) => ({nodes: urls(all), tag: '\\{(.+?)\\}'}),
  },
];

for (const {client, options, program, told, weights = []} of cases)
  withClients(`the real ${client}: ${JSON.stringify({...options, weights})}, ${keys.length} keys`, () =>
    withServers(
      3,
      async (servers, rig) => {
        const nodes = servers.map(({address}, i) =>
          parseNode(`n${i}=${address}${weights[i] === undefined ? '' : `:${weights[i]}`}`),
        );
        const topology = topologyOf(importClient(client, nodes, options).topology);
        await writeThrough(program, told(servers, weights), keys);
        await assertPlaced(topology, servers, keys);
        if (weights.length === 0) await assertDetected(rig, servers, client, options);
        assert.ok(exportClient(client, topology).text.includes(String(servers[2]!.port)));
      },
      {timeoutMs: 120_000},
    ),
  );

test.run();
