/** One `rtopo replicate` at a time: who gets the lock, where it lies, where none may be written, and that nothing of it stays. */
import {existsSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {readKnown} from '../../src/replication/former.js';
import {Replication} from '../../src/replication/replication.js';
import {cliStart} from '../rig/cli.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {assertExit, declare, envelope, fill, follows, forgetOrders, live, orders, shardYaml} from './live.js';
import {address, instance, shard, topology} from './worlds.js';

const test = suite('replication/replicate-lock');
const LOCK = '__rtopo:lock';
/** No link comes up before `letGo`, and until then a run is at work, however slow the machine is. */
const slow = {args: ['--repl-diskless-sync-delay', '3600']};
const letGo = ({raw}: Server) => raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');

/** A replica hears a moment later that it was given back. */
async function assertFree(rig: Rig, m: Server, ...replicas: readonly Server[]): Promise<void> {
  assert.is(await m.raw.cmd('EXISTS', LOCK), 0, 'a lock is left');
  await rig.caughtUp(m, ...replicas);
  for (const one of replicas) assert.is(await one.raw.cmd('EXISTS', LOCK), 0, `a lock is left on ${one.address}`);
}

/** The lock is renewed each ten seconds; here twenty times a second. */
async function hurried<T>(work: () => Promise<T>): Promise<T> {
  const {setInterval: each} = globalThis;
  globalThis.setInterval = ((tick: () => void, ms: number) => each(tick, ms === 10_000 ? 50 : ms)) as typeof each;
  try {
    return await work();
  } finally {
    globalThis.setInterval = each;
  }
}

/** A plan of somebody with a state folder of his own. */
function planOf(rig: Rig, who: string, [m, ...replicas]: readonly Server[], discard: readonly Server[] = []) {
  return Replication.plan({
    topology: topology([
      shard(
        m!.address,
        replicas.map(({address: at}) => instance(at, m!.address)),
      ),
    ]),
    discard: discard.map((one) => address(one.address)),
    ...{commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
    at: {stateDir: join(rig.dir, who), declared: [m!.address], command: 'rtopo replicate --yes'},
  });
}

test('it lies on the master while a run is at work, and a second run is refused with holder, age and what to do', () =>
  withServers([slow, {}], async ([m, r], rig) => {
    const home = join(rig.dir, 'home');
    mkdirSync(home);
    const file = declare(rig, shardYaml('alpha', [m!, r!]));
    const rtopo = live(rig);
    const first = cliStart(['replicate', '--yes'], {cwd: rig.dir, home});
    await rig.until('the lock', async () => (await m!.raw.cmd('EXISTS', LOCK)) === 1);
    assert.ok(Number(await m!.raw.cmd('PTTL', LOCK)) > 0, 'and goes by itself');
    await rig.until('the order', async () => (await follows(r!)) === m!.address);
    const where = {file, stateDir: join(home, 'state', 'rtopo'), again: ''};
    const [run] = readKnown(topology([shard(m!.address, [instance(r!.address)])]), where).runs!;
    assert.equal(
      [run!.isAtWork, run!.ordered, run!.command],
      [true, [`${r!.address} → replica of ${m!.address}`], 'rtopo replicate --yes'],
    );
    const second = await rtopo(['replicate', '--yes', '--json']);
    assertExit(second, 3);
    const {error, result} = envelope(second);
    assert.is(error.code, 'LOCKED');
    assert.match(result.refused[0].message, /is locked by operation \w{26} of .+ \(process \d+, since .+, \d+ s ago\)/);
    assert.match(error.remedy, 'when its process is dead, its lock ends by itself within 60 s');
    await letGo(m!);
    const done = await first.done;
    assertExit(done, 0);
    await assertFree(rig, m!, r!);
  }));

test('of two whose plans are equally fresh one gets it, and the other leaves nothing behind', () =>
  withServers(3, async (servers, rig) => {
    const [m, ...replicas] = servers;
    const plans = await Promise.all(['one', 'two'].map((who) => planOf(rig, who, servers)));
    const ends = await Promise.allSettled(plans.map((plan) => plan.apply(() => undefined)));
    const won = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    const lost = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as RtopoError] : []));
    assert.equal([won.length, lost[0]?.code, lost[0]?.exit], [1, 'LOCKED', 3]);
    assert.match(lost[0]!.message, /\d+ s ago\)/);
    assert.is(won[0]!.verdict.exit, 0, JSON.stringify(won[0]!.report.steps));
    for (const one of replicas) assert.is(await follows(one), m!.address);
    await assertFree(rig, m!, ...replicas);
  }));

test('a plan alone, and one that is refused, write no key and no journal', () =>
  withServers(2, async ([m, r], rig) => {
    await forgetOrders(m!, r!);
    assert.ok((await planOf(rig, 'one', [m!, r!])).hasWork);
    await fill(r!, 3);
    await forgetOrders(m!, r!);
    const refused = await planOf(rig, 'one', [m!, r!]);
    assert.equal([refused.hasWork, refused.report.refused[0]?.code], [false, 'WOULD_WIPE']);
    refused.conclude();
    assert.equal([await orders(m!), await orders(r!)], [[], []]);
    assert.not.ok(existsSync(join(rig.dir, 'one')));
  }));

test('one that is promoted is locked after it, and nothing is ever written to the others', () =>
  withServers(3, async ([old, next, third], rig) => {
    await fill(old!, 5);
    for (const one of [next!, third!]) await rig.replicate(one, old!);
    await rig.caughtUp(old!, next!, third!);
    await old!.kill();
    await forgetOrders(next!, third!);
    const made = await planOf(rig, 'one', [next!, third!]);
    const {report, verdict} = await made.apply(() => undefined);
    assert.is(verdict.exit, 0, JSON.stringify(report.steps));
    assert.ok((await orders(next!)).includes('eval'), 'locked');
    assert.ok(!(await orders(third!)).includes('eval'), 'not locked');
    assert.equal([await next!.raw.text('DBSIZE'), await third!.raw.text('DBSIZE')], ['5', '5']);
    await assertFree(rig, next!, third!);
  }));

test('of two who promote at once one goes on, and the other stops before anybody follows', () =>
  withServers(3, async ([old, next, third], rig) => {
    await fill(old!, 5);
    for (const one of [next!, third!]) await rig.replicate(one, old!);
    await rig.caughtUp(old!, next!, third!);
    await old!.kill();
    const made = await planOf(rig, 'one', [next!, third!]);
    const holder = JSON.stringify({
      op: 'OTHER',
      host: 'elsewhere',
      user: 'u',
      pid: 1,
      started: new Date().toISOString(),
    });
    // The other one was faster by a moment: it promoted, and has its lock.
    await next!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await next!.raw.cmd('SET', LOCK, holder, 'PX', 60_000);
    let code = '';
    try {
      const {report} = await made.apply(() => undefined);
      code = report.steps.map((step) => step.code ?? step.outcome).join();
    } catch (error) {
      code = (error as RtopoError).code;
    }
    assert.is(code, 'LOCKED');
    assert.is(await follows(third!), old!.address, 'nobody was told to follow');
    assert.is(await next!.raw.text('GET', LOCK), holder, 'and his lock is his');
  }));

test('a master that takes no writes is mended without a lock, and that is said; somebody else s lock there still counts', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]));
    await m!.raw.cmd('SET', LOCK, '{"op":"OTHER","host":"elsewhere","pid":1}', 'PX', 60_000);
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const made = await planOf(rig, 'one', [m!, r!]);
    assert.is(made.report.refused[0]?.code, 'LOCKED');
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await m!.raw.cmd('DEL', LOCK);
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 0);
    const {result, warnings} = envelope(run);
    assert.equal(
      result.warnings
        .filter(({code}: {code: string}) => code === 'NOT_LOCKED')
        .map((one: {instance: string}) => one.instance),
      [m!.address],
    );
    assert.ok(
      warnings.some((text: string) => text.includes('could not be locked')),
      warnings.join(),
    );
    assert.is(await follows(r!), m!.address);
    assert.is(await m!.raw.text('SET', 'again', 'writable'), 'OK');
    await assertFree(rig, m!, r!);
  }));

test('a lock that is taken away in the middle stops what was not begun', () =>
  withServers([slow, {}, {}], async ([m, r, s], rig) => {
    const chain = shard(m!.address, [instance(r!.address, m!.address), instance(s!.address, r!.address)]);
    const made = await Replication.plan({
      ...{topology: topology([chain]), discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
      at: {stateDir: join(rig.dir, 'one'), declared: [m!.address], command: 'rtopo replicate --yes -t here.yml'},
    });
    await hurried(async () => {
      const applied = made.apply(() => undefined);
      await rig.until('the order', async () => (await follows(r!)) === m!.address);
      await m!.raw.cmd('SET', LOCK, 'his', 'PX', 60_000);
      await sleep(500);
      await letGo(m!);
      const {report, verdict} = await applied;
      assert.equal(
        report.steps.map(({outcome, code}) => [outcome, code]),
        [
          ['done', undefined],
          ['failed', 'LOCK_LOST'],
        ],
      );
      assert.equal([verdict.exit, verdict.error?.code], [4, 'LOCK_LOST']);
      assert.is(verdict.error?.remedy, 'rtopo replicate --yes -t here.yml');
      assert.is(await follows(s!), 'master', 'what was not begun is as it was');
      assert.is(await m!.raw.text('GET', LOCK), 'his');
    });
  }));

test('a master that stops taking writes in the middle: the lease cannot be renewed, nobody else can have it, and it is taken again', () =>
  withServers([slow, {}, {}], async ([m, r, s], rig) => {
    const chain = shard(m!.address, [instance(r!.address, m!.address), instance(s!.address, r!.address)]);
    const made = await Replication.plan({
      ...{topology: topology([chain]), discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
      at: {stateDir: join(rig.dir, 'one'), declared: [m!.address], command: 'rtopo replicate'},
    });
    const {report, verdict} = await hurried(async () => {
      const applied = made.apply(() => undefined);
      await rig.until('the order', async () => (await follows(r!)) === m!.address);
      await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '1');
      await sleep(500);
      await letGo(m!);
      return applied;
    });
    assert.is(verdict.exit, 0, JSON.stringify(report.steps));
    assert.is(await follows(s!), r!.address);
    await assertFree(rig, m!, r!, s!);
  }));

test('where no lock can be, the journal keeps off a second process of this account', () =>
  withServers([slow, {}], async ([m, r], rig) => {
    const home = join(rig.dir, 'home');
    mkdirSync(home);
    declare(rig, shardYaml('alpha', [m!, r!]));
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '1');
    const first = cliStart(['replicate', '--yes'], {cwd: rig.dir, home});
    await rig.until('the order', async () => (await follows(r!)) === m!.address);
    const second = await live(rig)(['replicate', '--yes', '--json']);
    assertExit(second, 3);
    assert.is(envelope(second).error.code, 'LOCKED');
    assert.match(envelope(second).error.message, /Another rtopo replicate is at work .*process \d+ on this host/);
    await letGo(m!);
    assertExit(await first.done, 0);
  }));

test('a replica that follows already brings the lock with it: that is no key of its own', () =>
  withServers([{}, {}, {args: ['--replica-read-only', 'no']}], async ([m, r, w], rig) => {
    await fill(m!, 5);
    // The other one is filled meanwhile, so that the key has arrived when it is looked at.
    await rig.replicate(w!, m!);
    await rig.caughtUp(m!, w!);
    await w!.raw.cmd('SET', 'of:its:own', '1');
    const chain = shard(m!.address, [instance(r!.address, m!.address), instance(w!.address, r!.address)]);
    const made = await Replication.plan({
      ...{topology: topology([chain]), discard: [address(w!.address)], commandTimeoutMs: 2000, linkTimeoutMs: 10_000},
      at: {stateDir: join(rig.dir, 'one'), declared: [m!.address], command: 'rtopo replicate'},
    });
    assert.equal(
      made.report.steps.map(({instance: at, keysAtRisk}) => [at, keysAtRisk]),
      [
        [r!.address, 0],
        [w!.address, 6],
      ],
    );
    const {report, verdict} = await made.apply(() => undefined);
    assert.is(verdict.exit, 0, JSON.stringify(report.steps));
    assert.is(await follows(w!), r!.address);
  }));

test.run();
