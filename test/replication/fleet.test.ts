/** A master with a dozen replicas, a few at a time; and what came of it, by the counters of the master. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Replication} from '../../src/replication/replication.js';
import type {Shard} from '../../src/topology/types.js';
import {type Server, withServers} from '../rig/servers.js';
import {fill, follows} from './live.js';
import {instance, shard, topology} from './worlds.js';

const test = suite('replication/fleet');

function plan(declared: Shard, parallelSyncs?: number): Promise<Replication> {
  return Replication.plan({
    ...{topology: topology([declared]), discard: [], commandTimeoutMs: 5000, linkTimeoutMs: 30_000},
    parallelSyncs,
  });
}

const under = (m: Server, replicas: readonly Server[]): Shard =>
  shard(
    m.address,
    replicas.map(({address}) => instance(address, m.address)),
  );

test('twelve replicas, three at a time, all of them up, and none of them twice', () =>
  withServers(13, async ([m, ...replicas]) => {
    await fill(m!, 50);
    const made = await plan(under(m!, replicas), 3);
    assert.is(made.report.steps.length, 12);
    // How many snapshots the master is making or sending, as it says itself.
    let most = 0;
    const timer = setInterval(async () => {
      const info = await m!.raw.info('replication').catch(() => ({}));
      const busy = Object.entries(info).filter(
        ([name, value]) => /^slave\d+$/.test(name) && !value.includes('state=online'),
      );
      most = Math.max(most, busy.length);
    }, 2);
    const {report, verdict} = await made.apply(() => undefined);
    clearInterval(timer);
    assert.is(verdict.exit, 0, JSON.stringify(report.steps));
    assert.equal([...new Set(report.steps.map(({outcome, resynced}) => `${outcome} ${resynced}`))], ['done full']);
    assert.ok(most > 0 && most <= 3, `${most} at once`);
    assert.is((await m!.raw.info('stats')).sync_full, '12');
    for (const server of replicas) assert.is(await follows(server), m!.address);
    const again = await plan(under(m!, replicas));
    assert.equal([again.hasWork, again.report.unchanged], [false, 13]);
  }));

test('a predicted partial resync that became a full one is reported, with a warning', () =>
  withServers(3, async ([a, b, c], rig) => {
    await fill(a!, 20);
    for (const replica of [b!, c!]) await rig.replicate(replica, a!);
    await rig.caughtUp(a!, b!, c!);
    const chain = shard(a!.address, [instance(b!.address, a!.address), instance(c!.address, b!.address)]);
    const made = await plan(chain);
    assert.is(made.report.steps[0]!.resync, 'partial');
    // The backlog of the new parent no longer reaches back: what the prediction rested on is gone.
    await b!.raw.cmd('CONFIG', 'SET', 'repl-backlog-size', '16kb');
    await c!.raw.cmd('REPLICAOF', '127.0.0.1', (await rig.deadAddress()).split(':')[1]!);
    await fill(a!, 2000);
    await rig.caughtUp(a!, b!);
    const {report, warnings, verdict} = await made.apply(() => undefined);
    assert.equal(
      report.steps.map(({outcome, resync, resynced}) => [outcome, resync, resynced]),
      [['done', 'partial', 'full']],
    );
    assert.equal(
      report.warnings.map(({code, instance: at}) => [code, at]),
      [['FULL_INSTEAD_OF_PARTIAL', c!.address]],
    );
    assert.match(warnings.join(), `${c!.address} was expected to go on from where it stood`);
    assert.is(verdict.exit, 0);
  }));

test('an interrupt begins nothing more and undoes nothing: the next run goes on', () =>
  withServers([{args: ['--repl-diskless-sync-delay', '3600']}, {}, {}], async ([m, r, s], rig) => {
    const made = await plan(under(m!, [r!, s!]), 1);
    const controller = new AbortController();
    const applying = made.apply(() => undefined, controller.signal);
    await rig.until('the first order', async () => (await follows(r!)) === m!.address);
    controller.abort();
    const {report, verdict} = await applying;
    assert.equal(
      report.steps.map(({outcome, code}) => [outcome, code]),
      [
        ['failed', 'INTERRUPTED'],
        ['skipped', 'INTERRUPTED'],
      ],
    );
    assert.equal([verdict.exit, verdict.error?.code, verdict.error?.remedy], [130, 'INTERRUPTED', 'rtopo replicate']);
    assert.equal([await follows(r!), await follows(s!)], [m!.address, 'master']);
    await m!.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    const on = await (await plan(under(m!, [r!, s!]))).apply(() => undefined);
    assert.is(on.verdict.exit, 0);
  }));

test.run();
