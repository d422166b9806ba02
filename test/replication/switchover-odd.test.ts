/** Changes of master where something is in the way, or not as FAILOVER wants it. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Journal, type JournalRecord} from '../../src/journal/record.js';
import {operationId, topologyStateDir} from '../../src/journal/state.js';
import {abortChange, resumeChange} from '../../src/replication/switchover-recover.js';
import {cliStart} from '../rig/cli.js';
import {withServers} from '../rig/servers.js';
import {needingValkey, valkey} from '../rig/valkey.js';
import {declare, follows, forgetOrders, live, orders, shardYaml} from './live.js';
import {
  assertLeads,
  assertProved,
  changeHere,
  codes,
  fails,
  hooks,
  oneShard,
  persistent,
  plainly,
  planHere,
  runs,
  takesWrites,
  underWriters,
  whereOf,
} from './mastering.js';
import {address} from './worlds.js';

const test = suite('replication/switchover-odd');

test('an announced address, a renamed FAILOVER, a host name: by a write pause, and the reason is told', () =>
  withServers(
    [{}, {args: ['--replica-announce-ip', '10.1.2.3']}, {config: 'rename-command FAILOVER ""'}],
    async (servers, rig) => {
      const [a, b, c] = servers;
      const cluster = await oneShard(rig, servers);
      const plan = await planHere(cluster, {to: address(b!.address), engine: 'failover'});
      assert.equal(codes(plan), ['FAILOVER_UNUSABLE']);
      assert.match(plan.report.refused[0]!.message, `lists its replicas as 10.1.2.3:${b!.port}`);
      const announced = await changeHere(cluster, {to: address(b!.address)});
      assertProved(announced.report);
      assert.equal([announced.report.engine, announced.report.persisted], ['pause', false]);
      assert.match(announced.warnings.join(), `not persisted on ${[b, a].map((one) => one!.address).join(', ')}`);
      await assertLeads(cluster, b!, [a!, c!]);
      const back = await changeHere(cluster, {to: address(c!.address)});
      assert.is(back.report.engine, 'failover', 'the new master knows it, and lists this one rightly');
      const renamed = await changeHere(cluster, {to: address(a!.address)});
      assert.match(renamed.report.engineReason!, 'does not know FAILOVER');
      await assertLeads(cluster, a!, [b!, c!]);
      // The same servers by a name that they do not list.
      const named = (address: string) => ({address: address.replace('127.0.0.1', 'localhost')});
      declare(
        rig,
        shardYaml(
          'alpha',
          [a!, c!, b!].map((one) => named(one.address)),
        ),
      );
      const local = await changeHere(cluster, {to: address(`localhost:${c!.port}`)});
      assertProved(local.report);
      assert.match(local.report.engineReason!, `lists its replicas as`);
      assert.equal([await follows(a!), await follows(c!)], [`localhost:${c!.port}`, 'master']);
    },
  ));

test('who cannot take over is told: stopped, priority 0, a chain, a master that is stopped', () =>
  withServers(4, async (servers, rig) => {
    const [a, b, c, d] = servers;
    const cluster = await oneShard(rig, [a!, b!, c!]);
    await rig.replicate(d!, c!);
    declare(
      rig,
      `  - {name: alpha, master: "${a!.address}", replicas: ["${b!.address}", {address: "${c!.address}", priority: 0}, {address: "${d!.address}", of: "${c!.address}"}]}\n`,
    );
    b!.pause();
    const none = await planHere(cluster);
    assert.equal(codes(none), ['NO_CANDIDATE']);
    const {message} = none.report.refused[0]!;
    for (const why of [
      `${b!.address} does not answer`,
      `${c!.address} has priority 0`,
      `${d!.address} follows ${c!.address}, not`,
    ])
      assert.match(message, why);
    assert.equal(codes(await planHere(cluster, {to: address(b!.address)})), ['CANDIDATE_UNFIT']);
    b!.resume();
    assert.is((await planHere(cluster)).report.to, b!.address);
    a!.pause();
    const stopped = await planHere(cluster);
    a!.resume();
    assert.is(codes(stopped)[0], 'MASTER_UNREACHABLE');
    assert.match(stopped.report.refused[0]!.remedy, 'rtopo failover alpha');
    await rig.caughtUp(a!, b!, c!);
    const {report} = await changeHere(cluster);
    assertProved(report);
    // What hangs on a sibling stays there.
    assert.equal([await follows(a!), await follows(c!), await follows(d!)], [b!.address, b!.address, c!.address]);
    assert.match(JSON.stringify(await plainly(planHere(cluster)).then((plan) => plan.report.to)), a!.address);
  }));

test('while keys are half moved no master changes: OPERATION_UNFINISHED, with both ways out, and nothing is written', () =>
  withServers(2, async (servers, rig) => {
    const cluster = await oneShard(rig, servers);
    const id = operationId(Date.now());
    const state = join(rig.dir, 'home', 'state', 'rtopo');
    const journal = Journal.create<JournalRecord>(join(topologyStateDir(state, cluster.file), `${id}.jsonl`));
    const begin = {type: 'begin', id, file: cluster.file, fromText: 'from', toText: 'to'};
    await journal.append(begin, Date.now());
    await forgetOrders(...servers);
    const {error} = await runs(cluster, ['switchover', 'alpha', '--yes'], 3);
    assert.is(error.code, 'OPERATION_UNFINISHED');
    assert.match(error.remedy, `rtopo rebalance resume ${id}, or rtopo rebalance abort ${id}`);
    assert.is(await follows(servers[0]!), 'master');
    for (const server of servers) assert.equal(await orders(server), []);
    await journal.append({type: 'end'}, Date.now());
    await journal.close();
    await runs(cluster, ['switchover', 'alpha', '--dry-run'], 2);
  }));

test('others at work are named: a Sentinel, another rtopo', () =>
  withServers(2, async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    const sentinel = await a!.connect();
    await sentinel.cmd('CLIENT', 'SETNAME', 'sentinel-00ff-cmd');
    assert.equal(codes(await planHere(cluster)), ['SENTINEL_ATTACHED']);
    sentinel.close();
    const listener = await b!.connect();
    await listener.cmd('SUBSCRIBE', '__sentinel__:hello');
    assert.equal(codes(await planHere(cluster)), ['SENTINEL_ATTACHED']);
    listener.close();
    const holder = {op: 'X', nonce: 'n', host: 'elsewhere', user: 'eve', pid: 4711, started: '2026-01-01T00:00:00Z'};
    await a!.raw.cmd('SET', '__rtopo:lock', JSON.stringify(holder), 'PX', 60_000);
    await rig.until('the lock has travelled', async () => (await b!.raw.cmd('EXISTS', '__rtopo:lock')) === 1);
    const locked = await planHere(cluster);
    assert.is(codes(locked)[0], 'LOCKED');
    assert.match(locked.report.refused[0]!.message, 'operation X of eve on elsewhere (process 4711');
  }));

test('a wrong masterauth on the old master, where nothing is declared; too small, and min-replicas that nobody meets', () => {
  const spec = {args: ['--requirepass', 'right', '--masterauth', 'right'], auth: ['right']};
  return withServers([spec, spec], async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    const own = (one: typeof a) => `{address: "${one!.address}", auth: {passwordEnv: MASTERING}}`;
    declare(rig, `  - name: alpha\n    master: ${own(a)}\n    replicas: [${own(b)}]\n`);
    process.env.MASTERING = 'right';
    assert.equal(codes(await planHere(cluster)), []);
    await a!.raw.cmd('CONFIG', 'SET', 'masterauth', 'wrong-one');
    const plan = await planHere(cluster);
    assert.equal(codes(plan), ['REPLICATION_LOGIN']);
    assert.match(plan.report.refused[0]!.message, `${a!.address} could not replicate from ${b!.address}`);
    assert.not.ok(JSON.stringify(plan.report).includes('wrong-one'));
    await b!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '2');
    await b!.raw.cmd('CONFIG', 'SET', 'maxmemory', '1kb');
    assert.equal(codes(await planHere(cluster)).sort(), ['MIN_REPLICAS', 'TARGET_TOO_SMALL']);
  });
});

test('interrupted: before it begins nothing is changed, and the plan of an hour ago is refused', () =>
  withServers(2, async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    const change = await planHere(cluster);
    await fails(change.run({...hooks, interrupted: () => true}), 'INTERRUPTED');
    assert.is(await follows(a!), 'master');
    const old = await planHere(cluster);
    await b!.restart();
    await rig.replicate(b!, a!);
    await fails(old.run(hooks), 'PLAN_STALE');
    assert.equal([await follows(a!), await a!.raw.cmd('EXISTS', '__rtopo:lock')], ['master', 0]);
    // Nothing of that is unfinished, so that it can be done now.
    assertProved((await changeHere(cluster)).report);
    await assertLeads(cluster, b!, [a!]);
  }));

test('unfinished: interrupted after the promotion, said by status, refused to be undone, finished by one command', () =>
  withServers([persistent, persistent], async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    let asked = 0;
    const change = await planHere(cluster);
    const error = await fails(change.run({...hooks, interrupted: () => ++asked > 1}), 'INTERRUPTED');
    assert.is(error.exit, 130);
    assert.equal([await follows(a!), await follows(b!)], [b!.address, 'master']);
    const resume = error.remedy!.replace('rtopo ', '').split(' ');
    const state = ['--state-dir', whereOf(cluster).stateDir];
    const {result} = await runs(cluster, ['status', ...state], 2);
    const found = result.problems.find(({code}: {code: string}) => code === 'CHANGE_UNFINISHED');
    assert.match(found.remedy, `rtopo ${resume.join(' ')}`);
    await fails(planHere(cluster), 'CHANGE_UNFINISHED');
    const undo = {where: whereOf(cluster), id: undefined, timeoutMs: 1500, ...hooks};
    const refused = await fails(abortChange(undo), 'ALREADY_HANDED_OVER');
    assert.match(refused.remedy!, `rtopo switchover alpha --to ${a!.address}`);
    const {result: done} = await runs(cluster, [...resume, '--yes', ...state], 0);
    assertProved(done);
    await assertLeads(cluster, b!, [a!]);
    assert.is((await resumeChange(undo)).report.phase, 'done');
  }));

test('--kill-clients disconnects who still holds the old master, and SIGINT of the command line ends with 130', () =>
  withServers([persistent, persistent], async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    const client = await a!.connect();
    const listener = await a!.connect();
    await listener.cmd('SUBSCRIBE', 'news');
    const {report} = await changeHere(cluster, {killClients: true});
    assert.ok(report.killedClients! >= 2, `${report.killedClients}`);
    await rig.until('both are disconnected', () =>
      client.cmd('PING').then(
        () => false,
        () => true,
      ),
    );
    await takesWrites(b!);
    // Caught wherever it is: it ends with what it says, and one command ends it.
    const run = cliStart(['switchover', 'alpha', '--yes'], {cwd: rig.dir, home: rig.dir});
    await run.printed(/holding writes off/);
    run.kill('SIGINT');
    const {status, stderr} = await run.done;
    assert.ok(status === 130 || status === 0, stderr);
    if (status === 130) {
      const again = /rtopo (switchover resume \S+)/.exec(stderr);
      if (again !== null) assert.is((await live(rig)([...again[1]!.split(' '), '--yes'], {home: rig.dir})).status, 0);
    }
    const leaders = [await follows(a!), await follows(b!)].filter((role) => role === 'master');
    assert.is(leaders.length, 1);
  }));

const testValkey = needingValkey(test);

testValkey('valkey: the same under load, with both engines', () =>
  withServers([valkey, valkey], async (servers, rig) => {
    const cluster = await oneShard(rig, servers);
    const [a, b] = servers;
    for (const [old, next, engine] of [
      [a!, b!, 'failover'],
      [b!, a!, 'pause'],
    ] as const) {
      await underWriters(old, next, async () => {
        const {report} = await changeHere(cluster, {engine});
        assertProved(report);
        assert.is(report.engine, engine);
      });
      await assertLeads(cluster, next, [old]);
    }
  }),
);

test.run();
