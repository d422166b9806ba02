import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {ExitCode, RtopoError} from '../../src/errors.js';
import {addressText, allInstances} from '../../src/topology/types.js';
import {accepted, thrownBy} from './failure.js';

const test = suite('topology/parse');

/** As PRODUCT documents it. */
const DOCUMENTED = `version: 1
name: cache
auth:                                # how rtopo logs in
  username: ops
  passwordEnv: REDIS_OPS_PASSWORD
replicationAuth:
  username: repl
  passwordEnv: REDIS_REPL_PASSWORD
tls: {ca: ca.pem}                    # presence turns TLS on
placement:
  scheme: ketama
  hashTag: "{}"
shards:
  - name: alpha
    weight: 1
    master: 10.0.0.1:6379
    replicas:
      - 10.0.0.2:6379
      - {address: 10.0.0.3:6379, of: 10.0.0.2:6379, priority: 0}     # chained replica, never promoted
  - {name: beta, master: "10.0.0.4:6379", replicas: ["10.0.0.5:6379"]}
`;

test('the documented file becomes the whole topology', () => {
  const auth = {username: 'ops', password: {from: 'env', name: 'REDIS_OPS_PASSWORD'}} as const;
  const tls = {ca: '/etc/rtopo/ca.pem', cert: null, key: null, serverName: null};
  const at = (host: string) => ({host, port: 6379});
  const instance = (host: string, of: string | null, priority: number | null = null) => {
    return {address: at(host), peer: at(host), announce: null, auth, tls, priority, of: of === null ? null : at(of)};
  };
  assert.equal(accepted(DOCUMENTED, '/etc/rtopo/rtopo.yml').topology, {
    version: 1,
    name: 'cache',
    auth,
    replicationAuth: {username: 'repl', password: {from: 'env', name: 'REDIS_REPL_PASSWORD'}},
    placement: {scheme: 'ketama', hashTag: '{}', options: {}},
    shards: [
      {
        name: 'alpha',
        node: null,
        weight: 1,
        master: instance('10.0.0.1', null),
        replicas: [instance('10.0.0.2', '10.0.0.1'), instance('10.0.0.3', '10.0.0.2', 0)],
      },
      {
        name: 'beta',
        node: null,
        weight: 1,
        master: instance('10.0.0.4', null),
        replicas: [instance('10.0.0.5', '10.0.0.4')],
      },
    ],
  });
});

test('the smallest file: one shard, no login, no placement', () => {
  const {topology} = accepted('{version: 1, name: one, shards: [{name: a, master: "h:1"}]}', 'rtopo.yml');
  assert.is(topology.auth, null);
  assert.is(topology.replicationAuth, null);
  assert.is(topology.placement, null);
  assert.equal(topology.shards[0]?.replicas, []);
  assert.is(topology.shards[0]?.master.tls, null);
});

test('an instance replaces the defaults as a whole, and false switches them off', () => {
  const {topology} = accepted(
    `version: 1
name: x
auth: {username: ops, passwordFile: secret}
tls: {ca: ca.pem, cert: c.pem, key: /k.pem}
shards:
  - name: a
    master: {address: "h:1", auth: false, tls: false}
    replicas:
      - {address: "h:2", auth: {passwordCommand: pass show x}, tls: {serverName: redis.internal}}
      - {address: "h:3", peer: "[::1]:3", announce: "nat:33", tls: {}}
`,
    'conf/rtopo.yml',
    '/srv/conf',
  );
  const [a, b, c] = allInstances(topology).map(({instance}) => instance);
  assert.equal(topology.auth, {username: 'ops', password: {from: 'file', path: '/srv/conf/secret'}});
  assert.equal(topology.replicationAuth, topology.auth);
  assert.is(a?.auth, null);
  assert.is(a?.tls, null);
  assert.equal(b?.auth, {username: null, password: {from: 'command', command: 'pass show x'}});
  assert.equal(b?.tls, {ca: null, cert: null, key: null, serverName: 'redis.internal'});
  assert.equal(c?.auth, topology.auth);
  assert.equal(c?.tls, {ca: null, cert: null, key: null, serverName: null});
  assert.equal(c?.peer, {host: '::1', port: 3});
  assert.equal(c?.announce, {host: 'nat', port: 33});
});

test('replicationAuth false: replicas do not log in, although rtopo does', () => {
  const file =
    '{version: 1, name: x, auth: {passwordEnv: P}, replicationAuth: false, shards: [{name: a, master: "h:1"}]}';
  const {topology} = accepted(file, 'rtopo.yml');
  assert.is(topology.replicationAuth, null);
  assert.is.not(topology.auth, null);
});

test('options of the placement stay as they are read', () => {
  const file = `version: 1
name: x
placement:
  scheme: slots
  slots: {a: 0-100, b: 101}
  deep: [1, {x: [true, 1.5, text]}]
shards: [{name: a, node: "redis://h:1/0", weight: 7, master: "h:1"}, {name: b, master: "h:2"}]
`;
  const {topology} = accepted(file, 'rtopo.yml');
  assert.equal(topology.placement, {
    scheme: 'slots',
    hashTag: null,
    options: {slots: {a: '0-100', b: 101}, deep: [1, {x: [true, 1.5, 'text']}]},
  });
  assert.is(topology.shards[0]?.node, 'redis://h:1/0');
  assert.is(topology.shards[0]?.weight, 7);
});

test('byte order mark, CRLF, JSON, a document start and a few aliases are fine', () => {
  const plain = accepted(DOCUMENTED, '/r/rtopo.yml').topology;
  const source = accepted(`\ufeff${DOCUMENTED.replaceAll('\n', '\r\n')}`, '/r/rtopo.yml');
  assert.equal(source.topology, plain);
  assert.ok(source.text.startsWith('\ufeff'));
  assert.equal(accepted(`---\n${DOCUMENTED}...\n`, '/r/rtopo.yml').topology, plain);
  const json = '{"version": 1, "name": "x", "shards": [{"name": "a", "master": "h:1"}]}';
  assert.is(accepted(json, 'rtopo.json').topology.name, 'x');
  const aliases =
    'version: 1\nname: x\nauth: &a {passwordEnv: P}\nreplicationAuth: *a\nshards: [{name: s, master: "h:1"}]';
  assert.equal(accepted(aliases, 'r').topology.auth, accepted(aliases, 'r').topology.replicationAuth);
});

test('addresses have one spelling, so that `of` finds its instance', () => {
  const {topology} = accepted(
    '{version: 1, name: x, shards: [{name: a, master: "Redis-A:1", replicas: [{address: "redis://[0:0::1]:1", of: "redis-a:1"}, {address: "h:2", of: "[::1]:1"}]}]}',
    'rtopo.yml',
  );
  assert.equal(
    allInstances(topology).map(({instance}) => addressText(instance.address)),
    ['redis-a:1', '[::1]:1', 'h:2'],
  );
});

test('check: an error with a path comes out with file, line and column', () => {
  const source = accepted(DOCUMENTED, 'conf/rtopo.yml');
  const fail = (details: Record<string, unknown>) => () =>
    source.check(() => {
      throw new RtopoError({
        code: 'PLACEMENT_INVALID',
        exit: ExitCode.topology,
        message: 'Bad.',
        remedy: 'Mend.',
        details,
      });
    });
  const one = thrownBy(fail({path: ['placement', 'scheme']}));
  assert.is(one.message, 'conf/rtopo.yml:11:11: Bad.');
  assert.is(one.code, 'PLACEMENT_INVALID');
  assert.is(one.exit, 78);
  assert.is(one.remedy, 'Mend.');
  assert.instance(one.cause, RtopoError);
  const many = thrownBy(
    fail({
      path: ['placement'],
      problems: [
        {path: ['placement', 'missing'], message: 'First.'},
        {path: ['shards', 1, 'weight'], message: 'Second.'},
        {path: ['shards', 0, 'weight'], message: 'Third.'},
      ],
    }),
  );
  assert.equal(many.message.split('\n'), [
    'conf/rtopo.yml:10:1: First.',
    'conf/rtopo.yml:15:13: Third.',
    'conf/rtopo.yml:20:5: Second.',
  ]);
  assert.equal((many.details!.problems as unknown[])[0], {
    file: 'conf/rtopo.yml',
    line: 10,
    column: 1,
    message: 'First.',
    path: ['placement', 'missing'],
  });
  assert.is(thrownBy(fail({other: 1})).message, 'Bad.');
  const plain = new Error('plain');
  assert.throws(
    () =>
      source.check(() => {
        throw plain;
      }),
    (error: unknown) => error === plain,
  );
  assert.is(
    source.check((topology) => topology.name),
    'cache',
  );
});

test.run();
