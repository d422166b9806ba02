/** Servers that are dead, stopped, busy or loading: the others get done, and the exit code says what is left. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {withServers} from '../rig/servers.js';
import {assertExit, declare, envelope, follows, live, shardYaml} from './live.js';

const test = suite('replication/trouble');

test('a dead replica: exit 5, the other is attached; a dead master: exit 5, nothing is', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    const dead = {address: await rig.deadAddress()};
    declare(rig, shardYaml('alpha', [dead, r!]));
    const headless = await rtopo(['replicate', '--yes']);
    assertExit(headless, 5);
    assert.match(headless.stdout, `its parent ${dead.address} is out of reach`);
    assert.is(await follows(r!), 'master');
    declare(rig, shardYaml('alpha', [m!, dead, r!]));
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 5);
    const {error, result} = envelope(run);
    assert.is(error.code, 'CONNECTION_REFUSED');
    assert.match(error.message, dead.address);
    assert.equal(
      result.steps.map((one: {instance: string; outcome: string}) => [one.instance, one.outcome]),
      [[r!.address, 'done']],
    );
    assert.is(await follows(r!), m!.address);
    const again = await rtopo(['replicate', '--yes']);
    assertExit(again, 5);
    assert.match(again.stdout, '1 instance out of reach; 2 instances are as declared');
    assert.match(again.stderr, `Out of reach: ${dead.address} (CONNECTION_REFUSED)`);
    assert.match(again.stderr, `start the server at ${dead.address}`);
    const status = await rtopo(['status', '--json']);
    assertExit(status, 5);
    assert.is(envelope(status).result.shards[0].instances[1].reachable, false);
  }));

test('a stopped server costs its own deadline once, and nobody else anything', () =>
  withServers(3, async ([m, r, s], rig) => {
    const rtopo = live(rig);
    await rig.replicate(r!, m!);
    await rig.replicate(s!, m!);
    declare(rig, shardYaml('alpha', [m!, r!, s!]));
    const idle = await rtopo(['status', '--json']);
    assertExit(idle, 0);
    s!.pause();
    const run = await rtopo(['status', '--json', '--timeout', '700ms']);
    s!.resume();
    assertExit(run, 5);
    const {result} = envelope(run);
    assert.equal(result.shards[0].instances[2].problems, ['TIMEOUT']);
    assert.ok(result.sampledMs >= 690 && result.sampledMs < 1100, `${result.sampledMs} ms`);
    assert.is(result.shards[0].instances[1].link, 'up');
    assert.is(result.shards[0].instances[2].role, 'unknown');
  }));

test('one deadline for connecting, logging in and answering together', () =>
  withServers([{args: ['--requirepass', 'pw-of-test'], auth: ['pw-of-test']}], async ([m], rig) => {
    const rtopo = live(rig);
    declare(rig, `  - {name: a, master: "${m!.address}"}\n`, 'auth: {passwordEnv: P}\n');
    m!.pause();
    const run = await rtopo(['status', '--json', '--timeout', '600ms'], {env: {P: 'pw-of-test'}});
    m!.resume();
    assertExit(run, 5);
    assert.ok(envelope(run).result.sampledMs < 1000, run.stdout);
    assert.match(envelope(run).result.problems[0].message, 'did not answer AUTH within 600 ms');
  }));

test('busy with a script: BUSY, with the way out, and not "down"', () =>
  withServers([{args: ['--busy-reply-threshold', '100']}, {}], async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]));
    const blocker = await m!.connect({timeoutMs: 30_000});
    const loop = blocker.cmd('EVAL', 'while true do end', 0).catch(() => undefined);
    await rig.until('busy', async () => {
      const [reply] = await m!.raw.pipeline([['PING']]);
      return reply instanceof Error && reply.message.startsWith('BUSY');
    });
    const status = await rtopo(['status']);
    assertExit(status, 5);
    assert.match(status.stdout, /BUSY/);
    assert.match(status.stdout, new RegExp(`${m!.address} +busy`));
    assert.match(status.stdout + status.stderr, 'SCRIPT KILL');
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 5);
    assert.is(envelope(run).error.code, 'BUSY');
    await m!.raw.cmd('SCRIPT', 'KILL');
    await loop;
    assertExit(await rtopo(['replicate', '--yes']), 0);
  }));

test.run();
