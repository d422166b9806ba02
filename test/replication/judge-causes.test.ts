/** Causes as a table: what was observed and probed, and the code that must come out of it. What cannot be made cheaply on real servers is here. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {Observed} from '../../src/redis/fleet.js';
import type {ServerFacts} from '../../src/redis/identity.js';
import {judgeTopology} from '../../src/replication/judge.js';
import {type LinkProbe, NOTHING_PROBED, type Probes} from '../../src/replication/probes.js';
import {suspectsOf} from '../../src/replication/suspects.js';
import {codes} from '../../src/report/codes/codes.js';
import {addressText, type Shard} from '../../src/topology/types.js';
import {
  attached,
  backlog,
  facts,
  fault,
  history,
  instance,
  leading,
  lineage,
  listed,
  observed,
  replicaRole,
  shard,
  topology,
} from './worlds.js';

const test = suite('replication/judge-causes');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];
const pair = shard(M, [instance(R, M)]);
type World = Parameters<typeof observed>[0];

function judge(world: World, probes: Partial<Probes> = {}, one: Shard = pair) {
  const report = judgeTopology(topology([one]), observed(world), {...NOTHING_PROBED, ...probes});
  for (const {code, severity} of report.problems) {
    const explained = codes.get(code)?.severity;
    // With the link down these two are worse than they are explained.
    const worse = code === 'VERSION_TOO_OLD_FOR_MASTER' || code === 'MODULES_MISSING';
    assert.ok(severity === explained || worse, `${code}: ${severity}, explained as ${explained}`);
  }
  const [only] = report.shards;
  return {
    report,
    codes: report.problems.map(({code, instance: at}) => `${code} ${at}`),
    of: (i: number) => only!.instances[i]!,
    message: (code: string) => report.problems.find((found) => found.code === code)?.message ?? '',
  };
}

const cut = {linkUp: false, lastIoSeconds: null} as const;
const down = (state: 'connect' | 'connecting' | 'handshake' = 'connect', over: Partial<ServerFacts> = {}) =>
  attached(M, {...cut, role: replicaRole(M, state), ...over});
const up = leading([R]);
const alone = leading([]);

const fine: LinkProbe = {
  ...{open: false, login: {user: 'repl', fault: null, denied: null}, protectedMode: false, knocks: null},
  own: {user: 'repl', password: 'declared', tls: false, servesStale: true},
};
const refused = {code: 'AUTH_FAILED', message: 'WRONGPASS'};
const login = {user: 'repl', fault: refused, denied: null};

/** What was probed, and what it comes to for a replica that is between two attempts. */
const probed: readonly [string, Partial<LinkProbe>, string, RegExp][] = [
  ['all in order', {}, 'LINK_DOWN', /the way between the two/],
  ['the declared login is wrong', {login}, 'LINK_AUTH', /refuses the login.* user repl: WRONGPASS/],
  ['no psync', {login: {...login, fault: null, denied: 'psync'}}, 'LINK_NO_PERMISSION', /may not run psync/],
  ['no masterauth', {own: {...fine.own, password: 'none'}}, 'LINK_AUTH', /masterauth is empty/],
  ['another password', {own: {...fine.own, password: 'another'}}, 'LINK_AUTH', /another password/],
  ['another user', {own: {...fine.own, user: 'old'}}, 'LINK_AUTH', /as user old, declared is repl/],
  [
    'a login where none is wanted',
    {open: true, login: null, own: {...fine.own, password: 'another'}},
    'LINK_AUTH',
    /asks for no login/,
  ],
  ['no room', {login: {...login, fault: {code: 'MAX_CLIENTS', message: ''}}}, 'LINK_MAX_CLIENTS', /limit/],
  ['TLS', {own: {...fine.own, tls: true}}, 'LINK_TLS', /with TLS, and that port speaks none/],
  [
    'it may not be asked, and knocks',
    {login: null, knocks: {code: 'WRONGPASS', count: 99}},
    'LINK_AUTH',
    /WRONGPASS, 99/,
  ],
  ['rtopo itself knocked once', {login: null, knocks: {code: 'NOAUTH', count: 2}}, 'LINK_DOWN', /no route/],
  [
    'protected mode',
    {open: true, login: null, protectedMode: true, own: {...fine.own, password: 'none'}},
    'LINK_PROTECTED_MODE',
    /its own host only/,
  ],
];
for (const [what, over, code, says] of probed) {
  test(`a link that is down: ${what}`, () => {
    const links = new Map([[R, {...fine, ...over}]]);
    const found = judge({[M]: alone, [R]: down()}, {links});
    assert.equal(found.codes, [`${code} ${R}`]);
    assert.match(found.message(code), says);
    assert.is(found.of(1).link, 'down');
  });
}

test('a replica that refuses its readers is told beside the cause', () => {
  const links = new Map([[R, {...fine, own: {...fine.own, servesStale: false}}]]);
  assert.equal(judge({[M]: alone, [R]: down()}, {links}).codes, [`LINK_DOWN ${R}`, `MASTERDOWN ${R}`]);
});

const newer = {version: '7.4.1'};
const observedCauses: readonly [string, World, string, Shard?][] = [
  ['nobody answers its dial', {[M]: alone, [R]: down('connecting')}, `LINK_NO_ROUTE ${R}`],
  ['the parent loads', {[M]: leading([], {loading: true}), [R]: down()}, `LINK_PARENT_LOADING ${R}`],
  ['a snapshot that is too new', {[M]: leading([], newer), [R]: down()}, `VERSION_TOO_OLD_FOR_MASTER ${R}`],
  ['modules', {[M]: leading([], {modules: ['json']}), [R]: down()}, `MODULES_MISSING ${R}`],
  [
    'itself on its own host',
    {[M]: alone, [R]: attached(M, {...cut, role: replicaRole('127.0.0.1:6379', 'connect')})},
    `LOOPBACK_PEER ${R}`,
  ],
  [
    'another address of its parent',
    {[M]: alone, [R]: attached(M, {...cut, role: replicaRole('10.9.0.1:6379', 'connect')})},
    `LINK_PEER_ADDRESS ${R}`,
    shard(instance(M, null, {peer: {host: '10.9.0.1', port: 6379}}), [instance(R, M)]),
  ],
  [
    'the parent in a chain',
    {[M]: fault(), [R]: down(), [S]: attached(R, {...cut, role: replicaRole(R, 'connect')})},
    `LINK_PARENT_UNLINKED ${S}`,
    shard(M, [instance(R, M), instance(S, R)]),
  ],
  [
    'refusing SYNC of old',
    {[M]: alone, [R]: down('handshake', {syncInProgress: true, syncReadBytes: 0})},
    `LINK_AUTH ${R}`,
  ],
  [
    'a Sentinel',
    {[M]: up, [R]: facts({mode: 'sentinel', role: {kind: 'other', name: 'sentinel'}})},
    `NOT_A_DATA_SERVER ${R}`,
  ],
  ['no good replica', {[M]: leading([R], {goodReplicas: 0}), [R]: attached(M)}, `NOREPLICAS ${M}`],
  ['no disk', {[M]: leading([R], {rdbSaveOk: false}), [R]: attached(M)}, `MISCONF ${M}`],
  [
    'two masters: promoted out of the other',
    {[M]: up, [R]: facts({lineage: lineage(history('b'), 150, [history('a'), 101])})},
    `TWO_MASTERS ${R}`,
  ],
  [
    'two masters: out of a third',
    {
      [M]: facts({lineage: lineage(history('b'), 1, [history('o'), 1])}),
      [R]: facts({lineage: lineage(history('c'), 1, [history('o'), 1])}),
    },
    `TWO_MASTERS ${R}`,
  ],
  [
    'a master behind its replica',
    {[M]: leading([], {keys: 3}), [R]: down('connect', {lineage: lineage(history('a'), 101), keys: 3})},
    `MASTER_OUTDATED ${M}`,
  ],
  [
    'a master with an old file of another history',
    {[M]: leading([], {keys: 3}), [R]: down('connect', {lineage: lineage(history('z'), 5), keys: 300})},
    `MASTER_OUTDATED ${M}`,
  ],
];
for (const [what, world, expected, one] of observedCauses) {
  test(`critical: ${what}`, () => {
    const {report, codes: found} = judge(world, {}, one);
    assert.ok(found.includes(expected), `${expected} is not among ${found.join(', ')}`);
    assert.not.ok(report.healthy);
  });
}

const loop = {fullSyncs: 6, refusedPartialSyncs: 4, backlog: backlog(1, 100)};
const warnings: readonly [string, World, Partial<Probes>, string][] = [
  ['silence', {[M]: up, [R]: attached(M, {lastIoSeconds: 21})}, {}, `LINK_SILENT ${R}`],
  [
    'no acknowledgement',
    {[M]: leading([], {replicas: [{...listed(R), ackSeconds: 40}]}), [R]: attached(M)},
    {},
    `LINK_SILENT ${R}`,
  ],
  ['writable', {[M]: up, [R]: attached(M, {writable: true})}, {}, `REPLICA_WRITABLE ${R}`],
  ['modules', {[M]: leading([R], {modules: ['json']}), [R]: attached(M)}, {}, `MODULES_MISSING ${R}`],
  ['functions', {[M]: leading([R], {libraries: 2}), [R]: attached(M)}, {}, `FUNCTIONS_DIFFER ${R}`],
  [
    'a small backlog',
    {
      [M]: leading([R], {backlog: {firstOffset: 1, lengthBytes: 100, sizeBytes: 100}}),
      [R]: attached(M, {lineage: lineage(history('a'), 40)}),
    },
    {},
    `BACKLOG_TOO_SMALL ${R}`,
  ],
  [
    'a Sentinel at work',
    {[M]: up, [R]: attached(M)},
    {sentinels: new Map([[M, ['sentinel-ab']]])},
    `SENTINEL_ATTACHED ${M}`,
  ],
  ['no orders', {[M]: up, [R]: attached(M)}, {disobedient: new Set([R])}, `REPLICAOF_DISABLED ${R}`],
];
for (const [what, world, probes, expected] of warnings) {
  test(`warning: ${what}`, () => {
    const {report, codes: found} = judge(world, probes);
    assert.equal(found, [expected]);
    assert.ok(report.healthy);
  });
}

test('full resyncs one after the other: told beside the link that is not up, with the setting that helps', () => {
  const {codes: found, report} = judge({[M]: leading([], loop), [R]: down()});
  assert.equal(found, [`LINK_DOWN ${R}`, `RESYNC_LOOP ${R}`]);
  assert.match(report.problems[1]!.remedy, 'CONFIG SET repl-backlog-size');
  const buffer = judge({[M]: leading([], {...loop, bufferDisconnects: 2}), [R]: down()});
  assert.match(buffer.report.problems[1]!.remedy, 'CONFIG SET client-output-buffer-limit');
  for (const over of [{fullSyncs: 3}, {fullSyncs: null}])
    assert.equal(judge({[M]: leading([], {...loop, ...over}), [R]: down()}).codes, [`LINK_DOWN ${R}`]);
  assert.equal(judge({[M]: leading([R], loop), [R]: attached(M)}).codes, []);
});

test('notes keep a topology healthy: a managed service, a question that was not allowed', () => {
  const managed = judge({[M]: leading([R], {os: 'Amazon ElastiCache'}), [R]: attached(M)});
  assert.equal(managed.codes, [`MANAGED_SERVICE ${M}`]);
  assert.ok(managed.report.healthy);
  const world = observed({[M]: up, [R]: attached(M)});
  const answer = world.byAddress.get(R)! as Observed & {reachable: true};
  const narrow = {...world, byAddress: new Map([...world.byAddress, [R, {...answer, refused: ['ROLE']}]])};
  const [note] = judgeTopology(topology([pair]), narrow).problems;
  assert.equal([note?.code, note?.severity], ['NOT_ASKED', 'info']);
  assert.is(note?.remedy, `on ${R}: ACL SETUSER default +role`);
});

test('the worst of an instance comes first', () => {
  const world = observed({[M]: alone, [R]: down()});
  const answer = {...world.byAddress.get(R)!, orders: {changes: 1, rewrites: 0}} as Observed;
  const {problems} = judgeTopology(topology([pair]), {...world, byAddress: new Map([...world.byAddress, [R, answer]])});
  assert.equal(
    problems.map(({code}) => code),
    ['LINK_DOWN', 'ROLE_NOT_PERSISTED'],
  );
});

const orders: readonly [
  string,
  ServerFacts,
  Observed & {reachable: true} extends infer O ? Partial<O> : never,
  boolean,
][] = [
  ['never changed', attached(M), {orders: {changes: 0, rewrites: 0}}, false],
  ['changed and written', attached(M), {orders: {changes: 2, rewrites: 1}}, false],
  ['changed and not written', attached(M), {orders: {changes: 1, rewrites: 0}}, true],
  ['written or not, it does not say', attached(M), {orders: {changes: 1, rewrites: null}}, false],
  ['no file', attached(M, {configFile: false}), {orders: {changes: 1, rewrites: null}}, true],
  ['it says nothing', attached(M, {configFile: false}), {orders: null}, false],
];
for (const [what, child, over, expected] of orders) {
  test(`a role and its config file: ${what}`, () => {
    const world = observed({[M]: up, [R]: child});
    const answer = {...world.byAddress.get(R)!, ...over} as Observed;
    const report = judgeTopology(topology([pair]), {...world, byAddress: new Map([...world.byAddress, [R, answer]])});
    assert.is(
      report.problems.some(({code}) => code === 'ROLE_NOT_PERSISTED'),
      expected,
    );
    assert.ok(report.healthy);
  });
}

test('an undeclared parent: critical, unless one history shows that it is a declared server under another name', () => {
  const strange = judge({[M]: attached('10.9.9.9:1', {lineage: lineage(history('x'), 1)}), [R]: attached(M)});
  assert.ok(strange.codes.includes(`UNDECLARED_PARENT ${M}`), strange.codes.join());
  assert.match(strange.message('UNDECLARED_PARENT'), /now those of that server/);
  const coming = judge({[M]: up, [R]: attached('10.9.9.9:1', cut)});
  assert.match(coming.message('UNDECLARED_PARENT'), /its own until that link comes up/);
  const alias = judge({[M]: leading(['172.17.0.1:1', '172.17.0.2:1']), [R]: attached('redis-a:6379')});
  assert.not.ok(
    alias.codes.some((code) => code.startsWith('UNDECLARED_PARENT')),
    alias.codes.join(),
  );
});

test('one state from both ends', () => {
  const states: readonly [string, World, string, string][] = [
    ['online', {[M]: up, [R]: attached(M)}, 'up', 'online'],
    ['connect', {[M]: alone, [R]: down()}, 'down', 'connect'],
    ['connecting', {[M]: alone, [R]: down('connecting')}, 'connecting', 'connecting'],
    ['handshake', {[M]: alone, [R]: down('handshake')}, 'connecting', 'handshake'],
    [
      'only the master knows',
      {[M]: leading([], {replicas: [listed(R, 'wait_bgsave')]}), [R]: down('handshake')},
      'syncing',
      'waiting',
    ],
    [
      'saved to disk first',
      {
        [M]: leading([], {replicas: [listed(R, 'wait_bgsave')]}),
        [R]: down('connect', {syncInProgress: true, syncReadBytes: 0}),
      },
      'syncing',
      'waiting',
    ],
    [
      'diskless',
      {
        [M]: leading([], {replicas: [listed(R, 'send_bulk')]}),
        [R]: down('connect', {syncInProgress: true, syncReadBytes: 9}),
      },
      'syncing',
      'transfer',
    ],
    ['loading', {[M]: up, [R]: down('connect', {syncInProgress: true, loading: true})}, 'syncing', 'loading'],
  ];
  for (const [what, world, link, linkState] of states) {
    const {of} = judge(world);
    assert.equal([of(1).link, of(1).linkState], [link, linkState], what);
    assert.is(of(1).lagBytes === null, link !== 'up', what);
  }
});

test('lag in seconds by the measured rate; unknown where nobody writes, 0 where there is none', () => {
  const behind = attached(M, {lineage: lineage(history('a'), 40)});
  const rate = (bytes: number) => ({writeRates: new Map([[M, bytes]])});
  assert.is(judge({[M]: up, [R]: behind}, rate(30)).of(1).lagSeconds, 2);
  for (const probes of [rate(0), {}]) assert.is(judge({[M]: up, [R]: behind}, probes).of(1).lagSeconds, null);
  assert.is(judge({[M]: up, [R]: attached(M)}).of(1).lagSeconds, 0);
  assert.is(judge({[M]: up, [R]: behind}).of(1).backlogShare, 0);
});

test('what is asked further: nothing where all is well, and never an address that only a server named', () => {
  const suspects = (world: World) => {
    const {links, roots, sentinels, orders: told} = suspectsOf(topology([pair]), observed(world));
    const names = (list: readonly {address: {host: string; port: number}}[]) =>
      list.map(({address}) => addressText(address));
    return [
      links.map(({child, parent}) => names([child, parent]).join(' ')),
      names(roots),
      names(sentinels),
      names(told),
    ];
  };
  assert.equal(suspects({[M]: up, [R]: attached(M)}), [[], [], [], []]);
  assert.equal(suspects({[M]: alone, [R]: down()}), [[`${R} ${M}`], [], [], []]);
  assert.equal(suspects({[M]: fault(), [R]: down()}), [[], [], [], []]);
  const lag = attached(M, {lineage: lineage(history('a'), 40)});
  assert.equal(suspects({[M]: leading([R], {channels: 1}), [R]: lag}), [[], [M], [M], []]);
  assert.equal(suspects({[M]: alone, [R]: attached('10.9.9.9:1', cut)}), [[], [], [R], [R]]);
});

test.run();
