/** Between the plan and its steps the servers go on living: a step reads its facts again, and stops when one has changed. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {applyReplication} from '../../src/replication/apply.js';
import {observeTopology} from '../../src/replication/observe.js';
import {planReplication} from '../../src/replication/plan.js';
import {Replication} from '../../src/replication/replication.js';
import {type Server, withServers} from '../rig/servers.js';
import {fill, follows, forgetOrders, orders} from './live.js';
import {instance, shard, topology} from './worlds.js';

const test = suite('replication/step');

function plan(m: Server, ...replicas: readonly Server[]): Promise<Replication> {
  return Replication.plan({
    topology: topology([
      shard(
        m.address,
        replicas.map(({address}) => instance(address, m.address)),
      ),
    ]),
    ...{discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
  });
}

const changes: readonly [string, (m: Server, r: Server) => Promise<unknown>, RegExp][] = [
  ['the replica restarted', (_m, r) => r.restart(), /was restarted or replaced/],
  ['the master restarted empty', (m) => m.restart({empty: true}), /was restarted or replaced/],
  ['the master was emptied', (m) => m.raw.cmd('FLUSHALL'), /held 5 keys .* holds none now/],
  ['the replica got keys', (_m, r) => fill(r, 3), /has received keys of its own/],
  ['the replica was attached elsewhere', (m, r) => r.raw.cmd('REPLICAOF', m.host, 1), /changed its role/],
];
for (const [what, change, says] of changes) {
  test(`stale: ${what}`, () =>
    withServers(2, async ([m, r]) => {
      await fill(m!, 5);
      const made = await plan(m!, r!);
      assert.ok(made.hasWork);
      await change(m!, r!);
      const role = await follows(r!);
      await forgetOrders(m!, r!);
      const {report, verdict} = await made.apply(() => undefined);
      assert.is(report.steps[0]!.outcome, 'failed');
      assert.match(report.steps[0]!.message!, says);
      assert.is(report.changed, false);
      assert.equal([verdict.exit, verdict.error?.code], [3, 'PLAN_STALE']);
      assert.is(await follows(r!), role);
      assert.equal([...(await orders(m!)), ...(await orders(r!))], []);
    }));
}

test('one step stale, the other done: incomplete', () =>
  withServers(3, async ([m, r, s]) => {
    const made = await plan(m!, r!, s!);
    await fill(s!, 2);
    const {report, verdict} = await made.apply(() => undefined);
    assert.equal(
      report.steps.map(({outcome}) => outcome),
      ['done', 'failed'],
    );
    assert.equal([verdict.exit, verdict.error?.code, report.changed], [4, 'PLAN_STALE', true]);
    assert.is(await follows(s!), 'master');
  }));

test('a child waits for its parent, siblings do not wait for one another', () =>
  withServers(4, async ([m, r, s, t]) => {
    const replicas = [
      instance(r!.address, m!.address),
      instance(s!.address, r!.address),
      instance(t!.address, m!.address),
    ];
    const declared = topology([shard(m!.address, replicas)]);
    const observation = await observeTopology(declared, 2000);
    const moments: string[] = [];
    await applyReplication(planReplication({topology: declared, observation, discard: []}), {
      ...{topology: declared, observation, commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
      onStep: (step, moment) => moments.push(`${moment} ${step.instance}`),
    });
    const at = (moment: string, {address}: Server) => moments.indexOf(`${moment} ${address}`);
    assert.ok(at('end', r!) < at('start', s!), moments.join());
    assert.ok(at('start', t!) < at('end', r!), moments.join());
    assert.is(moments.length, 6);
  }));

test('one that died after the plan: unreachable, and its children are left alone', () =>
  withServers(3, async ([m, r, s]) => {
    const chain = topology([shard(m!.address, [instance(r!.address, m!.address), instance(s!.address, r!.address)])]);
    const options = {topology: chain, discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000};
    const made = await Replication.plan(options);
    await r!.kill();
    const {report, verdict} = await made.apply(() => undefined);
    assert.equal(
      report.steps.map(({outcome}) => outcome),
      ['failed', 'skipped'],
    );
    assert.match(report.steps[1]!.message!, 'is not ready');
    assert.equal([verdict.exit, report.changed], [5, false]);
    assert.is(await follows(s!), 'master');
  }));

test('a permission that the plan could not know of: failed, nothing changed, the reply told', () =>
  withServers(2, async ([m, r]) => {
    const made = await plan(m!, r!);
    await r!.raw.cmd('ACL', 'SETUSER', 'default', '-replicaof');
    const {report, verdict} = await made.apply(() => undefined);
    assert.match(report.steps[0]!.message!, /NOPERM/);
    assert.equal([verdict.exit, verdict.error?.code, report.changed], [5, 'NO_PERMISSION', false]);
  }));

test.run();
