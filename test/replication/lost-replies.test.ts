/** An answer that does not come back says nothing: what became of the order is read from the server. Real servers, behind a gate. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {handOver} from '../../src/replication/handover.js';
import {Replication} from '../../src/replication/replication.js';
import {Gate} from '../rig/gate.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {declare, fill, follows, live} from './live.js';
import {changeHere, fails, hooks, plainly, planHere, takesWrites} from './mastering.js';
import {address, instance, shard, topology} from './worlds.js';

const test = suite('replication/lost-replies');

async function gateBefore(rig: Rig, server: Server): Promise<Gate> {
  const gate = await Gate.before(server);
  rig.defer(() => gate.close());
  return gate;
}

/** `r`, known to rtopo by its gate, is to follow `m`. */
function planned(m: Server, gate: Gate, settings = ''): Promise<Replication> {
  const replica = instance(gate.address, m.address, settings === '' ? {} : {priority: Number(settings)});
  return Replication.plan({
    topology: topology([shard(m.address, [replica])]),
    ...{discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
  });
}

test('REPLICAOF was obeyed and its answer lost: the role is read, written down, and the step is done', () =>
  withServers([{}, {config: ''}], async ([m, r], rig) => {
    const gate = await gateBefore(rig, r!);
    const made = await planned(m!, gate);
    gate.meet(/\r\nREPLICAOF\r\n/, async () => {
      await rig.until('it is obeyed', async () => (await follows(r!)) === m!.address);
      return 'cut';
    });
    const {report, verdict} = await made.apply(() => undefined);
    assert.is(gate.met, 1);
    assert.equal([report.steps[0]!.outcome, report.steps[0]!.persisted, verdict.exit], ['done', 'yes', 0]);
    assert.match((await r!.raw.info('commandstats')).cmdstat_replicaof!, /^calls=1,/);
  }));

test('the answer is lost and somebody has turned the server back: it failed, it may have changed, and nothing is given twice', () =>
  withServers(2, async ([m, r], rig) => {
    const gate = await gateBefore(rig, r!);
    const made = await planned(m!, gate);
    gate.meet(/\r\nREPLICAOF\r\n/, async () => {
      await rig.until('it is obeyed', async () => (await follows(r!)) === m!.address);
      await r!.raw.cmd('REPLICAOF', 'NO', 'ONE');
      return 'cut';
    });
    const {report, verdict} = await made.apply(() => undefined);
    assert.equal([report.steps[0]!.outcome, report.changed, verdict.exit], ['failed', true, 4]);
    assert.equal([report.steps[0]!.code, report.steps[0]!.persisted], ['CONNECTION_LOST', 'not-asked']);
    assert.is(await follows(r!), 'master');
  }));

test('a setting that somebody else sets back at once: NOT_SET, and not called done', () =>
  withServers(2, async ([m, r], rig) => {
    await rig.replicate(r!, m!);
    await rig.caughtUp(m!, r!);
    const gate = await gateBefore(rig, r!);
    const made = await planned(m!, gate, '7');
    gate.meet(/replica-priority\r\n\$1\r\n7/, async () => {
      await rig.until('it is set', async () => (await r!.raw.info('replication')).slave_priority === '7');
      await r!.raw.cmd('CONFIG', 'SET', 'replica-priority', '55');
      return 'pass';
    });
    const {report, verdict} = await made.apply(() => undefined);
    const step = report.steps.find(({action}) => action === 'set-config')!;
    assert.equal([gate.met, step.outcome, step.code], [1, 'failed', 'NOT_SET']);
    assert.match(step.message!, 'answered OK to CONFIG SET replica-priority 7');
    assert.is(verdict.error?.code, 'NOT_SET');
  }));

test('FAILOVER was begun and its answer lost: it is seen to its end, and not given again', () =>
  withServers([{}, {}], async ([old, next], rig) => {
    await rig.replicate(next!, old!);
    await fill(old!, 30);
    const gate = await gateBefore(rig, old!);
    gate.meet(/\r\nFAILOVER\r\n/, async () => {
      await rig.until('it is over', async () => (await follows(next!)) === 'master');
      return 'cut';
    });
    const pair = {old: instance(gate.address, null, {peer: address(old!.address)}), next: instance(next!.address)};
    const handed = await plainly(
      handOver(pair, {
        ...{login: null, commandTimeoutMs: 1500, fenceMs: 3000, fence: null, onFenced: () => undefined},
        failover: {host: next!.host, port: next!.port, orPause: false},
      }),
    );
    assert.equal([gate.met, handed.engine], [1, 'failover']);
    assert.ok(handed.promotedOffset >= handed.fencedOffset!);
    assert.equal([await follows(old!), await follows(next!)], [next!.address, 'master']);
    assert.match((await old!.raw.info('commandstats')).cmdstat_failover!, /^calls=1,/);
    await takesWrites(next!);
  }));

test('a candidate that falls behind after the plan and comes no nearer: CANDIDATE_LAGS, writers never notice, and a second try works', () =>
  withServers(2, async ([a, b], rig) => {
    const gate = await gateBefore(rig, a!);
    await fill(a!, 10);
    await b!.raw.cmd('REPLICAOF', '127.0.0.1', gate.address.split(':')[1]!);
    await rig.caughtUp(a!, b!);
    const file = declare(
      rig,
      `  - {name: alpha, master: {address: "${a!.address}", peer: "${gate.address}"}, replicas: ["${b!.address}"]}\n`,
    );
    const cluster = {rig, rtopo: live(rig), servers: [a!, b!], file};
    const change = await planHere(cluster, {timeoutMs: 400});
    assert.ok(change.mayRun, JSON.stringify(change.report.refused));
    gate.hold();
    await a!.raw.cmd('SET', 'big', 'x'.repeat(400_000));
    const error = await fails(change.run(hooks), 'CANDIDATE_LAGS');
    assert.equal([error.exit, await follows(a!)], [1, 'master']);
    assert.match(error.message, `${b!.address} is more than 256 kB behind`);
    assert.equal([await a!.raw.cmd('EXISTS', '__rtopo:lock')], [0], 'no lock is left');
    assert.not.match(
      Object.keys(await a!.raw.info('commandstats')).join(),
      'client|pause',
      'writers were not held off',
    );
    gate.open();
    await rig.caughtUp(a!, b!);
    await takesWrites(a!);
    const again = await changeHere(cluster);
    assert.is(again.report.phase, 'done', JSON.stringify(again.report.left));
    assert.is(await follows(b!), 'master');
  }));

test.run();
