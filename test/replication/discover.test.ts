/** What a walk found, as shards and as a file; worlds that no honest server would make. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {ServerFacts} from '../../src/redis/identity.js';
import {discovered} from '../../src/replication/discover.js';
import type {Walk} from '../../src/replication/walk.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText} from '../../src/topology/types.js';
import {discoveredText} from '../../src/topology/write-discovered.js';
import {address, attached, facts, leading, listed, replicaRole} from './worlds.js';

const test = suite('replication/discover');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];

function walked(world: readonly (readonly [string, ServerFacts, string?])[]): Walk {
  const found = world.map(([at, one, ip]) => ({address: address(at), facts: one, ip: ip ?? null}));
  return {found, silent: [], announced: [], announcedMore: 0};
}

/** `shard-1: M, R of M`, and who has no place. */
function told(world: Parameters<typeof walked>[0]): string[] {
  const {shards, homeless} = discovered(walked(world));
  return [
    ...shards.map(({name, instances}) => {
      const list = instances.map(({address: at, of}) => (of === undefined ? at : `${at} of ${of}`));
      return `${name}: ${list.join(', ')}`;
    }),
    ...homeless.map(({code, address: at}) => `${code} ${at}`),
  ];
}

test('a chain, in whatever order it was asked; shards in the order of whom was asked first', () => {
  const chain = [
    [S, attached(R)],
    [R, attached(M, {replicas: [listed(S)]})],
    [M, leading([R])],
  ] as const;
  assert.equal(told(chain), [`shard-1: ${M}, ${R} of ${M}, ${S} of ${R}`]);
  assert.equal(told([chain[0], ['10.0.0.9:1', facts()], chain[1], chain[2]]), [
    `shard-1: ${M}, ${R} of ${M}, ${S} of ${R}`,
    'shard-2: 10.0.0.9:1',
  ]);
});

test('who has no place is told: a master that was not asked, a ring, a cluster, a Sentinel', () => {
  assert.equal(told([[R, attached(M)]]), [`MASTER_NOT_FOUND ${R}`]);
  assert.equal(
    told([
      [M, attached(S)],
      [R, attached(M)],
      [S, attached(R)],
    ]),
    [`RING ${M}`, `RING ${R}`, `RING ${S}`],
  );
  assert.equal(
    told([
      [M, facts({mode: 'cluster'})],
      [R, attached(M)],
    ]),
    [`CLUSTER_ENABLED ${M}`, `MASTER_NOT_FOUND ${R}`],
  );
  assert.equal(told([[M, facts({role: {kind: 'other', name: 'sentinel'}})]]), [`NOT_A_SERVER ${M}`]);
  assert.equal(told([[M, attached(M)]]), [`MASTER_NOT_FOUND ${M}`]);
});

test('one process under two names is one instance; peers dial another name than we do; what is announced is kept', () => {
  const root = leading([], {runId: 'one', replicas: [listed('172.17.0.2:6379')]});
  const {shards} = discovered(
    walked([
      ['db1.lan:6379', root, '10.0.0.1'],
      ['10.0.0.1:6379', root, '10.0.0.1'],
      [R, attached('10.0.0.1:6379')],
    ]),
  );
  assert.is(shards.length, 1);
  const [master, replica] = shards[0]!.instances;
  assert.equal(
    {...master, version: '', keys: 0},
    {
      ...{address: 'db1.lan:6379', peer: '10.0.0.1:6379', version: '', server: 'redis', keys: 0},
      alsoAt: ['10.0.0.1:6379'],
    },
  );
  assert.equal([replica!.of, replica!.announce], ['db1.lan:6379', '172.17.0.2:6379']);
});

function textOf(world: Parameters<typeof walked>[0], comments: readonly string[] = []): string {
  const {shards} = discovered(walked(world));
  return discoveredText({
    ...{name: 'cache', comments, auth: {username: 'ops', password: {from: 'env', name: 'REDISCLI_AUTH'}}},
    tls: {ca: '/etc/ca, "x".pem', cert: null, key: null, serverName: null},
    shards: shards.map((shard) => ({...shard, instances: shard.instances.map((one) => ({...one, comments}))})),
  });
}

test('the file is read by our own parser as what was found: chains, peers, login, TLS, IPv6', () => {
  const six = '[2001:db8::1]:6379';
  const world = [
    [six, leading([R])],
    [R, attached(six, {replicas: [listed(S)]})],
    [S, attached(R)],
    ['10.0.0.9:1', facts()],
  ] as const;
  const {topology} = parseTopology(textOf(world), 'x.yml');
  const [one, two] = topology.shards;
  assert.is(addressText(one!.master.address), six);
  assert.equal(
    one!.replicas.map(({address: at, of}) => `${addressText(at)} of ${addressText(of!)}`),
    [`${R} of ${six}`, `${S} of ${R}`],
  );
  assert.is(addressText(two!.master.address), '10.0.0.9:1');
  assert.equal(topology.auth, {username: 'ops', password: {from: 'env', name: 'REDISCLI_AUTH'}});
  assert.is(one!.master.tls!.ca, '/etc/ca, "x".pem');
  assert.is(topology.placement!.scheme, 'ketama');
  // One shard needs no placement, and none is guessed.
  assert.is(parseTopology(textOf([[M, facts()]]), 'x.yml').topology.placement, null);
});

test('comments cannot leave their line, whatever a server said', () => {
  const evil = 'a\nshards: []\r\u2028\u0085b\u001b[2J # : - {x';
  const text = textOf(
    [
      [M, leading([R])],
      [R, attached(M)],
    ],
    [evil],
  );
  assert.equal(parseTopology(text, 'x.yml').topology.shards.length, 1);
  assert.not.match(text, /[\u0000-\u0009\u000b-\u001f\u0085\u2028]/);
});

test('made-up graphs: always a file that parses, each instance once, and everybody accounted for', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  for (let round = 0; round < 300; round += 1) {
    const size = 1 + random(7);
    const at = (i: number): string => `10.0.0.${i + 1}:6379`;
    const world = Array.from({length: size}, (_, i) => {
      const role = random(3) === 0 ? {} : {role: replicaRole(at(random(size + 1))), linkUp: random(2) === 0};
      return [at(i), facts({...role, runId: `run ${random(10) === 0 ? 0 : i}`})] as const;
    });
    const {shards, homeless} = discovered(walked(world));
    const housed = shards.flatMap(({instances}) => instances);
    const all = [...housed.flatMap((one) => [one.address, ...one.alsoAt]), ...homeless.map((one) => one.address)];
    assert.is(new Set(all).size, all.length, 'nobody twice');
    const runs = new Set(world.map(([, {runId}]) => runId)).size;
    assert.is(housed.length + homeless.length, runs, 'nobody lost');
    if (shards.length > 0) {
      const parsed = parseTopology(textOf(world), 'x.yml').topology;
      assert.equal(
        parsed.shards.map(({master}) => addressText(master.address)),
        shards.map(({instances}) => instances[0]!.address),
      );
    }
  }
});

test.run();
