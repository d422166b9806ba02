/** Each finding by its code, over made-up observations; what is unknown stays null. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {ServerFacts} from '../../src/redis/identity.js';
import {judgeTopology} from '../../src/replication/judge.js';
import type {Shard} from '../../src/topology/types.js';
import {
  attached,
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

const test = suite('replication/judge');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];
const pair = shard(M, [instance(R, M)]);
const chain = shard(M, [instance(R, M), instance(S, R)]);

function judge(world: Parameters<typeof observed>[0], one: Shard = pair) {
  const report = judgeTopology(topology([one]), observed(world));
  const codes = report.problems.map(({code, instance: at}) => `${code} ${at}`);
  const [shardReport] = report.shards;
  return {report, codes, of: (i: number) => shardReport!.instances[i]!};
}

test('healthy: no finding, lag and ack from both ends', () => {
  const child = attached(M, {lineage: lineage(history('a'), 90)});
  const {report, codes, of} = judge({[M]: leading([R]), [R]: child});
  assert.equal(codes, []);
  assert.ok(report.healthy);
  const {link, lagBytes, ackSeconds, sync, of: parent} = of(1);
  assert.equal([link, lagBytes, ackSeconds, sync, parent], ['up', 10, 0, null, M]);
  assert.is('of' in of(0), false);
});

test('a chain on one port everywhere: nobody is taken for somebody else', () => {
  const {codes, of} = judge(
    {[M]: leading([R]), [R]: attached(M, {replicas: [{...listed(S), ackSeconds: 7}]}), [S]: attached(R)},
    chain,
  );
  assert.equal(codes, []);
  assert.equal([of(2).of, of(2).ackSeconds], [R, 7]);
});

const up = leading([R]);
const down = {linkUp: false, lastIoSeconds: null} as const;
const cases: readonly [string, Parameters<typeof observed>[0], string][] = [
  ['no answer', {[M]: up, [R]: fault('BUSY')}, `BUSY ${R}`],
  ['roles: the master', {[M]: attached('10.9.9.9:1'), [R]: fault()}, `ROLE_MISMATCH ${M}`],
  ['roles: the replica', {[M]: leading([]), [R]: facts()}, `ROLE_MISMATCH ${R}`],
  ['another parent', {[M]: leading([]), [R]: attached('10.9.9.9:1')}, `PARENT_MISMATCH ${R}`],
  ['itself as parent', {[M]: leading([]), [R]: attached(R, down)}, `PARENT_MISMATCH ${R}`],
  ['handshake', {[M]: leading([]), [R]: attached(M, {...down, role: replicaRole(M, 'handshake')})}, `LINK_AUTH ${R}`],
  ['link down', {[M]: leading([]), [R]: attached(M, {...down, role: replicaRole(M, 'connect')})}, `LINK_DOWN ${R}`],
  [
    'master dead',
    {[M]: fault(), [R]: attached(M, {...down, role: replicaRole(M, 'connect')})},
    `LINK_PARENT_DOWN ${R}`,
  ],
  ['transfer', {[M]: up, [R]: attached(M, {...down, syncInProgress: true, syncPercent: 43})}, `SYNCING ${R}`],
  [
    'waiting for a snapshot',
    {[M]: leading([], {replicas: [listed(R, 'wait_bgsave')]}), [R]: attached(M, down)},
    `SYNCING ${R}`,
  ],
  ['another history', {[M]: up, [R]: attached(M, {lineage: lineage(history('b'), 1)})}, `LINEAGE_MISMATCH ${R}`],
  ['loading', {[M]: leading([R], {loading: true}), [R]: attached(M)}, `LOADING ${M}`],
  ['cluster', {[M]: leading([R], {mode: 'cluster'}), [R]: attached(M)}, `CLUSTER_ENABLED ${M}`],
  ['failover', {[M]: leading([R], {failoverState: 'waiting-for-sync'}), [R]: attached(M)}, `FAILOVER_RUNNING ${M}`],
  ['forged', {[M]: up, [R]: attached(M, {tampered: ['role']})}, `INFO_TAMPERED ${R}`],
  ['one process', {[M]: leading([R], {runId: 'x'}), [R]: attached(M, {runId: 'x'})}, `SAME_INSTANCE ${R}`],
  ['a ring', {[M]: attached(R, {replicas: [listed(R)]}), [R]: attached(M)}, `NO_WRITABLE_ROOT ${M}`],
  ['an empty master', {[M]: leading([]), [R]: facts({keys: 3})}, `MASTER_EMPTY ${M}`],
];
for (const [what, world, expected] of cases) {
  test(`critical: ${what}`, () => {
    const {report, codes, of} = judge(world);
    assert.ok(codes.includes(expected), `${expected} is not among ${codes.join(', ')}`);
    assert.not.ok(report.healthy);
    const [code, at] = expected.split(' ');
    assert.ok(of(at === M ? 0 : 1).problems.includes(code!));
    const finding = report.problems.find((one) => one.code === code)!;
    assert.ok(finding.message.length > 10 && finding.remedy.length > 3);
  });
}

test('keys that a master has deleted and its replica not yet make it no empty master', () => {
  const {codes} = judge({[M]: leading([R]), [R]: attached(M, {keys: 1})});
  assert.equal(codes, []);
  const lost = judge({[M]: leading([R]), [R]: attached(M, {...down, keys: 1})});
  assert.ok(lost.codes.includes(`MASTER_EMPTY ${M}`), lost.codes.join());
});

test('a replica whose master cuts its old SYNC off again and again: that is the cause, and no loop that a buffer ends', () => {
  const asking = {...listed(R), port: 0, state: 'wait_bgsave', offset: 0};
  const {codes} = judge({
    [M]: leading([], {replicas: [asking], fullSyncs: 50}),
    [R]: attached(M, {...down, syncInProgress: true}),
  });
  assert.equal(codes, [`LEGACY_SYNC ${R}`]);
});

const warnings: readonly [string, Partial<ServerFacts>, string][] = [
  ['a stranger', {replicas: [listed(R), listed('10.9.9.9:6379')]}, `UNDECLARED_REPLICA ${M}`],
  ['a newer master', {version: '7.2.4'}, `VERSION_TOO_OLD_FOR_MASTER ${R}`],
];
for (const [what, over, expected] of warnings) {
  test(`warning: ${what}`, () => {
    const {report, codes} = judge({[M]: leading([R], over), [R]: attached(M)});
    assert.equal(codes, [expected]);
    assert.ok(report.healthy);
  });
}

test('not a ring: two that follow somebody outside; one that did not answer', () => {
  const outside = judge({[M]: attached('10.9.9.9:1'), [R]: attached(M)});
  assert.not.ok(outside.codes.some((code) => code.startsWith('NO_WRITABLE_ROOT')));
  const unknown = judge({[M]: attached(R), [R]: fault()});
  assert.not.ok(unknown.codes.some((code) => code.startsWith('NO_WRITABLE_ROOT')));
});

test('lag is unknown, not 0, where the link is down or the history another', () => {
  for (const over of [down, {lineage: lineage(history('b'), 1)}, {tampered: ['role']}])
    assert.is(judge({[M]: up, [R]: attached(M, over)}).of(1).lagBytes, null);
  assert.is(judge({[M]: fault(), [R]: attached(M)}).of(1).lagBytes, null);
  const ahead = judge({[M]: up, [R]: attached(M, {lineage: lineage(history('a'), 500)})});
  assert.is(ahead.of(1).lagBytes, 0, 'sampled a moment later than its master');
});

test('progress: percent where the server knows it', () => {
  const sync = judge({[M]: up, [R]: attached(M, {...down, syncInProgress: true, syncPercent: 43})}).of(1).sync;
  assert.equal(sync, {phase: 'transfer', percent: 43, etaSeconds: null, readBytes: null, totalBytes: null});
  const loading = {...down, loading: true, syncInProgress: true, loadingPercent: 7, loadingEtaSeconds: 3};
  assert.equal(judge({[M]: up, [R]: attached(M, {...loading, syncReadBytes: 7, syncTotalBytes: 100})}).of(1).sync, {
    ...{phase: 'loading', percent: 7, etaSeconds: 3, readBytes: 7, totalBytes: 100},
  });
});

test('remedies dial as the operator would: TLS and user, never a password; a live host is escaped', () => {
  const tls = {ca: '/etc/ca.pem', cert: null, key: null, serverName: 'redis.lan'};
  const auth = {username: 'ops', password: {from: 'env', name: 'X'}} as const;
  const secured = shard(M, [instance(R, M, {tls, auth}), instance(S, R)]);
  const lost = (of: string) => attached(of, {...down, role: replicaRole(of, 'connect')});
  const remedyIn = (world: Parameters<typeof judge>[0]) =>
    judge(world, secured).report.problems.find(({code}) => code === 'LINK_PARENT_DOWN')!.remedy;
  assert.is(
    remedyIn({[M]: fault(), [R]: lost(M), [S]: attached(R)}),
    'rtopo failover alpha --dry-run, when it does not come back',
  );
  assert.is(
    remedyIn({[M]: leading([]), [R]: fault(), [S]: lost(R)}),
    'redis-cli -h 10.0.0.2 -p 6379 --user ops --askpass --tls --cacert /etc/ca.pem --sni redis.lan PING',
  );
  const evil = attached(M, {role: {...replicaRole('h:1'), host: 'a\x1b[2J\nb'} as ServerFacts['role'], ...down});
  const text = JSON.stringify(judge({[M]: leading([]), [R]: evil}).report);
  assert.not.match(text, /\\u001b|\\n/);
});

test.run();
