/**
 * kill -9 of `rtopo replicate` between its orders. Given again it finishes at once: takes over the lock of the dead process, writes down what was not
 * written down, and says what it found. See the kill points in src/replication/replicate-run.ts; test/reliability/replicate.ts has many more.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {topologyStatePath} from '../../src/journal/state.js';
import {readKnown} from '../../src/replication/former.js';
import {Replication} from '../../src/replication/replication.js';
import {statusOf} from '../../src/replication/status.js';
import {loadTopology} from '../../src/topology/load.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {assertExit, declare, fill, follows, live, shardYaml} from './live.js';

const test = suite('replication/replicate-kill');
const LOCK = '__rtopo:lock';

/** Orders that change something, at the beginning of a command: EVAL takes the lock and gives it back. */
const ORDER = /\*\d+\r\n\$\d+\r\n(REPLICAOF|EVAL\r|CONFIG\r\n\$\d+\r\n(SET|REWRITE))/;
const killAt = (point: string) => ({
  NODE_OPTIONS: `--import ${new URL('../rig/kill-order.mjs', import.meta.url).href}`,
  ...{RTOPO_KILL_ORDER: ORDER.source, RTOPO_KILL_ORDER_AT: point},
});

interface Scene {
  readonly rig: Rig;
  readonly file: string;
  readonly servers: readonly Server[];
}

/** A master and a replica to be, both with a config file that was written before: their counters do not tell that it is out of date. */
function withPair(body: (scene: Scene) => Promise<void>): Promise<void> {
  return withServers([{config: ''}, {config: '', args: ['--repl-diskless-sync-delay', '0']}], async (servers, rig) => {
    await fill(servers[0]!, 20);
    for (const {raw} of servers) await raw.cmd('CONFIG', 'REWRITE');
    await servers[0]!.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    await body({rig, file: declare(rig, shardYaml('alpha', servers)), servers});
  });
}

const state = (rig: Rig): string => join(rig.dir, 'home', 'state', 'rtopo');

async function options({rig, file}: Scene, who = state(rig)) {
  const {topology} = await loadTopology({file, env: {}, cwd: rig.dir, stdin: async () => ''});
  const at = {stateDir: who, declared: file, command: 'rtopo replicate --yes'};
  return {topology, discard: [], commandTimeoutMs: 2000, linkTimeoutMs: 10_000, at};
}

/** @param who name of somebody with a state folder of his own */
async function planAgain(scene: Scene, who?: string): Promise<Replication> {
  return Replication.plan(await options(scene, who === undefined ? undefined : join(scene.rig.dir, who)));
}

async function problems({rig, file}: Scene): Promise<string[]> {
  const {topology} = await loadTopology({file, env: {}, cwd: rig.dir, stdin: async () => ''});
  const journals = {again: '', readKnown: () => readKnown(topology, {file, stateDir: state(rig), again: ''})};
  const report = await statusOf(topology, 2000, journals);
  return report.problems.map(({code, instance, message, remedy}) => `${code} ${instance} ${message} ${remedy}`);
}

async function killed({rig}: Scene, point: string, more: readonly string[] = []): Promise<void> {
  const run = await live(rig)(['replicate', '--yes', ...more], {env: killAt(point)});
  assert.is(run.signal, 'SIGKILL', `${point}: ${run.status} ${run.stdout}${run.stderr}`);
}

test('between REPLICAOF and CONFIG REWRITE: status says so, and the same command writes the role down', () =>
  withPair(async (scene) => {
    const [m, r] = scene.servers as [Server, Server];
    await killed(scene, '2:after');
    assert.is(await follows(r), m.address, 'ordered');
    assert.not.match(readFileSync(join(r.dir, 'redis.conf'), 'utf8'), /^replicaof/m, 'and not written down');
    await scene.rig.caughtUp(m, r);
    const told = (await problems(scene)).filter((one) => one.startsWith('REPLICATE_UNFINISHED'));
    assert.is(told.length, 1);
    assert.match(told[0]!, `REPLICATE_UNFINISHED ${r.address} rtopo replicate, begun `);
    assert.match(told[0]!, `It had ordered: ${r.address} → replica of ${m.address}.`);
    assert.match(told[0]!, /is not known: if not, a restart takes it back\. rtopo replicate --yes$/);
    assert.is(await m.raw.cmd('EXISTS', LOCK), 1, 'the lock of the dead process');
    const dry = (await planAgain(scene)).report;
    assert.equal(
      dry.steps.map(({instance, action, outcome}) => [instance, action, outcome]),
      [[r.address, 'persist', 'planned']],
    );
    assert.is(dry.warnings[0]!.code, 'REPLICATE_UNFINISHED');
    const again = await live(scene.rig)(['replicate', '--yes']);
    assertExit(again, 0);
    assert.match(again.stdout, `✓ ${r.address}  write its role into its config file`);
    assert.match(readFileSync(join(r.dir, 'redis.conf'), 'utf8'), `replicaof ${m.host} ${m.port}`);
    assert.is(await m.raw.cmd('EXISTS', LOCK), 0);
    assert.equal(await problems(scene), []);
    assert.is((await planAgain(scene)).hasWork, false);
    await r.restart();
    assert.is(await follows(r), m.address, 'it outlives a restart');
  }));

test('with the lock taken and nothing ordered; with everything ordered and the lock not given back', () =>
  withPair(async (scene) => {
    const [m, r] = scene.servers as [Server, Server];
    await killed(scene, '1:after');
    await scene.rig.until('the lock', async () => (await m.raw.cmd('EXISTS', LOCK)) === 1);
    assert.is(await follows(r), 'master');
    assert.match((await problems(scene)).join('\n'), 'It had ordered nothing.');
    // Another account knows nothing of it, and waits for the lease.
    assert.is((await planAgain(scene, 'other')).report.refused[0]?.code, 'LOCKED');
    await killed(scene, '4:before');
    await scene.rig.caughtUp(m, r);
    assert.is(await m.raw.cmd('EXISTS', LOCK), 1);
    // Nothing is left to do, and nothing is locked for that: the journal is closed, and the key goes with its lease.
    const again = await planAgain(scene);
    assert.equal([again.hasWork, again.report.warnings.map(({code}) => code)], [false, ['REPLICATE_UNFINISHED']]);
    again.conclude();
    assert.equal(await problems(scene), []);
    assert.equal((await planAgain(scene)).report.warnings, []);
  }));

test('in the middle of a plan that was saved: the same file finishes it', () =>
  withPair(async (scene) => {
    const [m, r] = scene.servers as [Server, Server];
    const plan = join(scene.rig.dir, 'plan.json');
    await (await planAgain(scene)).save(plan, 'rtopo replicate --plan-out plan.json');
    await killed(scene, '2:after', ['--apply-plan', plan]);
    await scene.rig.caughtUp(m, r);
    const again = await Replication.saved(plan, await options(scene));
    assert.is((await again.apply(() => undefined)).verdict.exit, 0);
    assert.match(readFileSync(join(r.dir, 'redis.conf'), 'utf8'), /^replicaof /m);
  }));

test('a role that was changed by hand and not written down is written down too, once', () =>
  withServers([{config: ''}, {config: ''}], async (servers, rig) => {
    const [m, r] = servers as [Server, Server];
    await rig.replicate(r, m);
    await rig.caughtUp(m, r);
    const scene = {rig, file: declare(rig, shardYaml('alpha', servers)), servers};
    assert.match((await problems(scene)).join(), 'ROLE_NOT_PERSISTED');
    const made = await planAgain(scene);
    assert.equal(
      made.report.steps.map(({action, instance}) => [action, instance]),
      [['persist', r.address]],
    );
    assert.is((await made.apply(() => undefined)).verdict.exit, 0);
    assert.equal([await problems(scene), (await planAgain(scene)).hasWork], [[], false]);
  }));

test('without a file the addresses stand for the topology, in any order', () => {
  const path = (...addresses: string[]) => topologyStatePath('/state', addresses, 'replication');
  assert.is(path('a:1', 'b:2'), path('b:2', 'a:1'));
  assert.is.not(path('a:1', 'b:2'), path('a:1', 'b:3'));
  assert.is.not(path('a:1'), topologyStatePath('/state', 'a:1', 'replication'));
});

test('a server that is declared no more is forgotten with what it owes', () =>
  withPair(async (scene) => {
    await killed(scene, '2:after');
    const [m] = scene.servers as [Server];
    declare(scene.rig, `  - {name: alpha, master: "${m.address}"}\n`);
    const made = await planAgain(scene);
    assert.match(made.report.warnings.map(({code}) => code).join(), 'REPLICATE_UNFINISHED');
    assert.is(made.hasWork, false);
    made.conclude();
    assert.not.match((await problems(scene)).join(), 'REPLICATE_UNFINISHED');
  }));

test.run();
