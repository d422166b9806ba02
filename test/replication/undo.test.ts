/** A link that does not come up is taken back, straight; and never where that would cost something. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Replication} from '../../src/replication/replication.js';
import {undoOf} from '../../src/replication/undo.js';
import {snapshot} from '../rig/checker.js';
import {type Server, withServers} from '../rig/servers.js';
import {fill, follows} from './live.js';
import {address, facts, instance, listed, replicaRole, shard, topology} from './worlds.js';

const test = suite('replication/undo');
const [M, R, FORMER] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];

const step: Parameters<typeof undoOf>[0]['step'] = {
  ...{do: 'replicate-from' as const, instance: instance(R, M), parent: instance(M)},
  ...{level: 1, resync: 'full' as const, keysAtRisk: 0},
};
const waiting = facts({role: replicaRole(M, 'handshake'), linkUp: false, keys: 5});
const master = facts({keys: 5});
const replica = facts({keys: 5, role: replicaRole(FORMER)});

const table: readonly [string, Omit<Parameters<typeof undoOf>[0], 'step'>, ReturnType<typeof undoOf>['do'] | RegExp][] =
  [
    ['a former replica', {before: replica, now: waiting, above: null}, 'return'],
    ['a former master', {before: master, now: waiting, above: facts()}, 'lead'],
    ['a former master, empty', {before: facts(), now: {...waiting, keys: 0}, above: null}, 'lead'],
    ['its keys are gone', {before: master, now: {...waiting, keys: 0}, above: null}, /gone already/],
    ['it loads', {before: master, now: {...waiting, loading: true}, above: null}, /under way/],
    ['it receives', {before: replica, now: {...waiting, syncInProgress: true}, above: null}, /under way/],
    [
      'a snapshot is made for it',
      {before: replica, now: waiting, above: facts({replicas: [listed(R, 'wait_bgsave')]})},
      /under way/,
    ],
    ['it has come up', {before: master, now: {...waiting, linkUp: true}, above: null}, /come up/],
    ['somebody gave it another order', {before: master, now: replica, above: null}, /not follow as it was told/],
    ['it followed like that before', {before: waiting, now: waiting, above: null}, /before/],
  ];
for (const [what, scene, expected] of table) {
  test(what, () => {
    const undo = undoOf({step, ...scene});
    if (typeof expected === 'string') assert.is(undo.do, expected);
    else assert.match(undo.do === 'leave' ? undo.why : undo.do, expected);
    if (undo.do === 'return') assert.equal([undo.host, undo.port], ['10.0.0.3', 6379]);
  });
}

/** The master is declared under a peer address where nobody listens. */
async function run(m: Server, r: Server, dead: string, discard: readonly string[] = []) {
  const wrong = instance(m.address, null, {peer: address(dead)});
  const made = await Replication.plan({
    topology: topology([shard(wrong, [instance(r.address, m.address)])]),
    ...{discard: discard.map(address), commandTimeoutMs: 2000, linkTimeoutMs: 400},
  });
  return made.apply(() => undefined);
}

test('a replica goes back to its former master, in one order, and goes on there partially', () =>
  withServers(3, async ([m, r, former], rig) => {
    await fill(former!, 5);
    for (const one of [m!, r!]) await rig.replicate(one, former!);
    await rig.caughtUp(former!, m!, r!);
    await m!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    const before = await former!.raw.info('stats');
    const {report, verdict} = await run(m!, r!, await rig.deadAddress());
    const [only] = report.steps;
    assert.equal([only!.outcome, only!.code, report.changed], ['undone', 'LINK_NOT_UP', false]);
    assert.match(only!.message!, `a replica of ${former!.address}, as before`);
    assert.equal([verdict.exit, verdict.error?.code], [4, 'LINK_NOT_UP']);
    assert.match(verdict.error!.message, 'all is as it was');
    assert.is(await follows(r!), former!.address);
    await rig.until('the link', async () => (await r!.raw.info('replication')).master_link_status === 'up');
    const after = await former!.raw.info('stats');
    assert.equal(
      [after.sync_full, Number(after.sync_partial_ok)],
      [before.sync_full, Number(before.sync_partial_ok) + 1],
    );
  }));

test('a master with keys of its own is a master with all of them again, also when their loss was consented to', () =>
  withServers([{}, {config: ''}], async ([m, r], rig) => {
    await fill(m!, 9);
    await fill(r!, 4, 3);
    const dead = await rig.deadAddress();
    const {report} = await run(m!, r!, dead, [r!.address]);
    assert.equal([report.steps[0]!.outcome, report.steps[0]!.persisted], ['undone', 'yes']);
    assert.is(await follows(r!), 'master');
    assert.is((await snapshot(r!)).size, 4);
    await r!.restart();
    assert.is(await follows(r!), 'master', 'and the config file says so');
  }));

test.run();
