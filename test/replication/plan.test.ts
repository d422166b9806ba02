/** What is done, what is refused and why, as tables over made-up observations. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import type {ServerFacts} from '../../src/redis/identity.js';
import {type Plan, planReplication} from '../../src/replication/plan.js';
import {promotionStaleness, sourceStaleness, staleness, targetStaleness} from '../../src/replication/stale.js';
import {type Auth, addressText, type Shard} from '../../src/topology/types.js';
import {
  address,
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
  secret,
  shard,
  topology,
} from './worlds.js';

const test = suite('replication/plan');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];
const a = history('a');
const pair = shard(M, [instance(R, M)]);
const chain = shard(M, [instance(S, R), instance(R, M)]);

interface Options {
  readonly shards?: readonly Shard[];
  readonly discard?: readonly string[];
  readonly auth?: Auth | null;
}

function plan(world: Parameters<typeof observed>[0], {shards = [pair], discard = [], auth = null}: Options = {}): Plan {
  return planReplication({
    topology: topology(shards, auth),
    observation: observed(world),
    discard: discard.map(address),
  });
}

/** `promote 10.0.0.1:6379`, `10.0.0.2:6379 <- 10.0.0.1:6379 full`, in order. */
function steps(made: Plan): string[] {
  return made.shards.flatMap((one) =>
    one.steps.map((step) => {
      const at = addressText(step.instance.address);
      if (step.do !== 'replicate-from') return `${step.do} ${at}`;
      const risk = step.keysAtRisk > 0 ? ` risks ${step.keysAtRisk}` : '';
      return `${at} <- ${addressText(step.parent.address)} ${step.resync}${risk}`;
    }),
  );
}

function codes(made: Plan): string[] {
  return made.refused.map(({code, instance: at}) => `${code} ${at}`);
}

test('two empty masters: the replica is attached, in full', () => {
  const made = plan({[M]: facts(), [R]: facts()});
  assert.equal(steps(made), [`${R} <- ${M} full`]);
  assert.is(made.unchanged, 1);
  assert.equal(codes(made), []);
});

test('as declared: nothing to do', () => {
  const made = plan({[M]: leading([R], {keys: 5}), [R]: attached(M, {keys: 5})}, {auth: secret});
  assert.equal(steps(made), []);
  assert.is(made.unchanged, 2);
});

test('a chain comes in the order of its levels, after the logins', () => {
  const made = plan({[M]: facts(), [R]: facts(), [S]: facts()}, {shards: [chain], auth: secret});
  assert.equal(steps(made), [
    `set-auth ${M}`,
    `set-auth ${S}`,
    `set-auth ${R}`,
    `${R} <- ${M} full`,
    `${S} <- ${R} full`,
  ]);
});

test('TLS alone makes the login step too: the link must speak TLS', () => {
  const tls = {ca: null, cert: null, key: null, serverName: null};
  const made = plan({[M]: facts(), [R]: facts()}, {shards: [shard(instance(M, null, {tls}), [instance(R, M, {tls})])]});
  assert.equal(steps(made), [`set-auth ${M}`, `set-auth ${R}`, `${R} <- ${M} full`]);
});

test('from another master of the same history: straight there, partially, and never by way of a promotion', () => {
  const made = plan(
    {[M]: leading([R, S]), [R]: attached(M), [S]: attached(M, {keys: 3, lineage: lineage(a, 90)})},
    {shards: [chain]},
  );
  assert.equal(steps(made), [`${S} <- ${R} full`]);
  const kept = plan(
    {[M]: leading([R, S]), [R]: attached(M, {backlog: backlog(1, 100)}), [S]: attached(M, {keys: 3})},
    {shards: [chain]},
  );
  assert.equal(steps(kept), [`${S} <- ${R} partial`]);
});

test('a replica that is the declared master is promoted, and what hangs below is looked after', () => {
  const made = plan({[M]: attached(R, {replicas: [listed(R)], backlog: backlog(1, 100)}), [R]: attached(M)});
  assert.equal(steps(made), [`promote ${M}`, `${R} <- ${M} partial`]);
  assert.equal(codes(made), []);
});

const wipes: readonly [string, Parameters<typeof observed>[0], RegExp][] = [
  ['foreign keys', {[M]: facts({keys: 9}), [R]: facts({keys: 2})}, /holds 2 keys \(db0 2\).*no replication history/],
  [
    'keys in db3 only',
    {[M]: facts({keys: 9}), [R]: facts({keys: 1, keyspace: [{db: 3, keys: 1, expires: 0}]})},
    /holds 1 key \(db3 1\)/,
  ],
  [
    'diverged',
    {[M]: leading([], {keys: 9}), [R]: facts({keys: 2, lineage: lineage(history('b'), 130, [a, 101])})},
    /went on for 30 bytes/,
  ],
  [
    'attached by order, never synchronised, with keys of its own',
    {[M]: leading([], {keys: 9}), [R]: facts({keys: 2, role: replicaRole(M, 'handshake'), linkUp: false})},
    /no replication history/,
  ],
  [
    'ahead of its master',
    {[M]: leading([], {keys: 9}), [R]: attached(M, {linkUp: false, keys: 9, lineage: lineage(a, 105)})},
    /went on for 5 bytes/,
  ],
];
for (const [what, world, says] of wipes) {
  test(`would wipe: ${what}`, () => {
    const made = plan(world, {auth: secret});
    assert.equal(codes(made), [`WOULD_WIPE ${R}`]);
    assert.equal(steps(made), [], 'not even the login is set');
    assert.match(made.refused[0]!.message, says);
    assert.is(made.refused[0]!.consent, `--discard-data ${R}`);
    const other = plan(world, {auth: secret, discard: [M]});
    assert.equal(codes(other), [`WOULD_WIPE ${R}`], 'a consent for another instance');
    const given = plan(world, {auth: secret, discard: [R]});
    assert.equal(codes(given), []);
    assert.match(steps(given).at(-1)!, / risks \d+$/);
  });
}

test('a replica that takes writes itself and holds more than its master: its own keys are at risk', () => {
  const own = {writable: true, keys: 9, linkUp: false, role: replicaRole('10.0.0.9:1')};
  const made = plan({[M]: leading([], {keys: 5}), [R]: attached(M, own)});
  assert.equal(codes(made), [`WOULD_WIPE ${R}`]);
  assert.match(made.refused[0]!.message, /replica-read-only no\), and 4 or more of its keys are its own/);
  assert.equal(
    codes(plan({[M]: leading([], {keys: 9}), [R]: attached(M, own)})),
    [],
    'nothing more than its master has',
  );
  assert.equal(codes(plan({[M]: leading([], {keys: 5}), [R]: attached(M, {...own, writable: false})})), []);
});

test('asked a moment later under load, a replica with a good link seems ahead of its master, and is not', () => {
  const world = (linkUp: boolean) => ({
    [M]: leading([R, S], {keys: 9}),
    [R]: attached(M, {keys: 9, lineage: lineage(a, 130), backlog: backlog(1, 130)}),
    [S]: attached(M, {keys: 9, lineage: lineage(a, 120), linkUp}),
  });
  assert.equal(codes(plan(world(true), {shards: [chain]})), []);
  assert.equal(codes(plan(world(false), {shards: [chain]})), [`WOULD_WIPE ${S}`]);
});

test('a master that was restarted without its data, or with old data, is named as such', () => {
  const replica = attached(M, {keys: 9, linkUp: false});
  const empty = plan({[M]: facts(), [R]: replica}).refused[0]!.message;
  assert.match(empty, /restarted empty, and 10\.0\.0\.2:6379 may hold the only copy/);
  const stale = facts({keys: 5, lineage: lineage(history('n'), 60, [a, 61])});
  assert.match(plan({[M]: stale, [R]: replica}).refused[0]!.message, /40 bytes .* restarted with an older snapshot/);
});

test('would wipe, and the master is the emptier side: was the reverse meant?', () => {
  const [refusal] = plan({[M]: facts(), [R]: facts({keys: 2})}).refused;
  assert.match(refusal!.message, /10\.0\.0\.1:6379 is the emptier side: was the reverse meant/);
  assert.match(refusal!.remedy, /^declare 10\.0\.0\.2:6379 as the master, or repeat with --discard-data/);
  assert.not.match(plan({[M]: facts({keys: 9}), [R]: facts({keys: 2})}).refused[0]!.message, /reverse/);
});

test('a good link below a parent that moves to other data is no protection: it needs its own consent', () => {
  const own = lineage(history('b'), 50);
  const world = {
    [M]: leading([], {keys: 9}),
    [R]: facts({keys: 4, lineage: own, replicas: [listed(S)]}),
    [S]: attached(R, {keys: 4, lineage: own}),
  };
  assert.equal(codes(plan(world, {shards: [chain]})), [`WOULD_WIPE ${R}`]);
  assert.equal(codes(plan(world, {shards: [chain], discard: [R]})), [`WOULD_WIPE ${S}`]);
  assert.equal(steps(plan(world, {shards: [chain], discard: [R, S]})), [
    `${R} <- ${M} full risks 4`,
    `${S} <- ${R} full risks 4`,
  ]);
});

test('a replica that loads the snapshot of its own master is waited for, not refused', () => {
  const child = facts({keys: 3, role: replicaRole(M, 'sync'), linkUp: false, loading: true, syncInProgress: true});
  const made = plan({[M]: leading([], {keys: 9}), [R]: child});
  assert.equal(codes(made), []);
  assert.equal(steps(made), [`${R} <- ${M} full`]);
});

test('consent for an address that is not declared is a typing error', () => {
  try {
    plan({[M]: facts(), [R]: facts()}, {discard: ['10.0.0.9:6379']});
    assert.unreachable('accepted');
  } catch (error) {
    assert.instance(error, RtopoError);
    const {code, exit, remedy} = error as RtopoError;
    assert.equal([code, exit], ['CONSENT_UNKNOWN', 64]);
    assert.match(remedy!, /10\.0\.0\.1:6379, 10\.0\.0\.2:6379/);
  }
});

test('out of reach: the replica is left, the children of a lost parent too', () => {
  const made = plan({[M]: facts(), [R]: fault(), [S]: facts()}, {shards: [chain]});
  assert.equal(steps(made), []);
  assert.equal(made.skipped, [{shard: 'alpha', instance: S, parent: R}]);
  assert.equal(
    made.unreachable.map(({instance: at, fault: why}) => [at, why.code]),
    [[R, 'CONNECTION_REFUSED']],
  );
  const headless = plan({[M]: fault(), [R]: facts(), [S]: facts()}, {shards: [chain]});
  assert.equal(steps(headless), []);
  assert.equal(
    headless.skipped.map(({instance: at}) => at),
    [R, S],
  );
});

test('one that loads its own data counts as out of reach: it does not know yet what it holds', () => {
  const child = plan({[M]: facts(), [R]: facts({loading: true, keys: 0})});
  assert.equal(steps(child), []);
  assert.equal(
    child.unreachable.map(({fault: why}) => why.code),
    ['LOADING'],
  );
  const master = plan({[M]: facts({loading: true}), [R]: facts()});
  assert.equal(steps(master), []);
  assert.equal(master.skipped.length, 1);
});

const instanceReasons: readonly [string, Partial<ServerFacts>][] = [
  ['CLUSTER_ENABLED', {mode: 'cluster'}],
  ['NOT_A_DATA_SERVER', {mode: 'sentinel'}],
  ['NOT_A_DATA_SERVER', {role: {kind: 'other', name: 'sentinel'}}],
  ['FAILOVER_RUNNING', {failoverState: 'waiting-for-sync'}],
  ['INFO_TAMPERED', {tampered: ['role']}],
];
for (const [code, over] of instanceReasons) {
  test(`refused: ${code} ${JSON.stringify(over)}`, () => {
    for (const world of [
      {[M]: facts(over), [R]: facts()},
      {[M]: facts(), [R]: facts(over)},
    ])
      assert.ok(codes(plan(world)).some((one) => one.startsWith(code)));
  });
}

test('refused: one process under two names', () => {
  const made = plan({[M]: facts({runId: 'x'}), [R]: facts({runId: 'x'})});
  assert.equal(codes(made), [`SAME_INSTANCE ${R}`]);
  const beta = shard('10.0.0.9:1', [], 'beta');
  const across = plan(
    {[M]: facts({runId: 'x'}), [R]: facts(), '10.0.0.9:1': facts({runId: 'x'})},
    {shards: [pair, beta]},
  );
  assert.equal(codes(across), ['SAME_INSTANCE 10.0.0.9:1']);
});

test('refused: an older replica of a newer master', () => {
  const made = plan({[M]: facts({version: '7.2.4'}), [R]: facts()});
  assert.equal(codes(made), [`VERSION_TOO_OLD_FOR_MASTER ${R}`]);
  assert.match(made.refused[0]!.message, /redis 7\.0\.15 and cannot read the snapshots of .* redis 7\.2\.4/);
});

test('refused: a loopback parent for a replica elsewhere', () => {
  const far = shard('127.0.0.1:6379', [instance(R, '127.0.0.1:6379')]);
  assert.equal(codes(plan({'127.0.0.1:6379': facts(), [R]: facts()}, {shards: [far]})), [`LOOPBACK_PEER ${R}`]);
  const peered = shard(instance('127.0.0.1:6379', null, {peer: address(M)}), [instance(R, '127.0.0.1:6379')]);
  assert.equal(codes(plan({'127.0.0.1:6379': facts(), [R]: facts()}, {shards: [peered]})), []);
});

test('refused: master and replica exchanged, directly or over a third', () => {
  const world = {[M]: attached(R, {keys: 3}), [R]: leading([M], {keys: 3})};
  assert.equal(codes(plan(world)), [`MASTER_SWAP ${R}`]);
  assert.is(plan(world).refused[0]!.consent, `--discard-data ${R}`);
  assert.equal(codes(plan(world, {discard: [R]})), []);
  const third = {[M]: attached(S, {keys: 3}), [S]: attached(R, {replicas: [listed(M)]}), [R]: leading([S], {keys: 3})};
  assert.ok(codes(plan(third, {shards: [shard(M, [instance(R, M), instance(S, M)])]})).includes(`MASTER_SWAP ${R}`));
});

test('refused: promotion away from a live master that nobody declared; allowed when that one is dead, or another shard', () => {
  const world = {[M]: attached('10.0.0.66:6379'), [R]: facts()};
  assert.equal(codes(plan(world)), [`FOLLOWS_UNDECLARED ${M}`]);
  assert.match(plan(world).refused[0]!.remedy, /REPLICAOF NO ONE$/);
  const dead = {[M]: facts({role: replicaRole('10.0.0.66:6379', 'connect'), linkUp: false}), [R]: facts()};
  assert.equal(codes(plan(dead)), []);
  assert.is(steps(plan(dead))[0], `promote ${M}`);
  const beta = shard('10.0.0.66:6379', [], 'beta');
  assert.equal(codes(plan({...world, '10.0.0.66:6379': leading([M])}, {shards: [pair, beta]})), []);
});

test('a stale plan names the fact that changed', () => {
  const before = facts({keys: 5});
  assert.is(staleness(before, before, 'x'), null);
  assert.match(staleness(before, {...before, runId: 'other'}, 'x')!, /x was restarted or replaced/);
  assert.match(staleness(before, {...before, role: replicaRole(M)}, 'x')!, /x changed its role/);
  assert.is(staleness(before, {...before, keys: 0}, 'x'), null, 'a replica may be emptier now');
  assert.match(sourceStaleness(before, {...before, keys: 0}, 'x')!, /held 5 keys .* holds none now/);
  assert.is(sourceStaleness(before, {...before, role: replicaRole(M)}, 'x'), null, 'promoted by this very run');
  assert.is(targetStaleness(before, {...before, keys: 4}, 'x', 5), null, 'less to lose than was consented to');
  assert.match(targetStaleness(before, {...before, keys: 6}, 'x', 5)!, /holds 6 keys, and 5 when .* somebody writes/);
  assert.is(targetStaleness(before, {...before, keys: 6}, 'x', 0), null, 'its history says that nothing is lost');
  const other = {...before, lineage: lineage(history('z'), 1)};
  assert.is(targetStaleness(before, other, 'x', 5), null, 'a master begins new histories by itself');
  const replica = {...before, role: replicaRole(M), linkUp: false};
  assert.match(targetStaleness(replica, {...other, role: replicaRole(M)}, 'x', 5)!, /another replication history/);
  assert.is(promotionStaleness(replica, replica, 'x'), null);
  assert.match(
    promotionStaleness(replica, {...replica, linkUp: true}, 'x')!,
    /the master that x follows has come back/,
  );
});

test.run();
