/** A narrow login, a full server, a Sentinel beside it, many dead ones: the status says what it can, in time, and asks no more than it must. */
import {writeFileSync} from 'node:fs';
import {networkInterfaces} from 'node:os';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {freePort, startProcess} from '../rig/processes.js';
import {withServers} from '../rig/servers.js';
import {assertExit, declare, envelope, forgetOrders, live, shardYaml} from './live.js';

const test = suite('replication/degraded');
const secret = 'narrow-login-1';
const narrow = {config: `user ops on >${secret} +info +role +ping\nuser blind on >${secret} +info`};

test('+info +role +ping is enough; with +info alone the link is known from INFO, and that is said', () =>
  withServers([narrow, narrow], async ([m, r], rig) => {
    const rtopo = live(rig);
    const env = {OPS: secret};
    await rig.replicate(r!, m!);
    await forgetOrders(m!, r!);
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {username: ops, passwordEnv: OPS}\n');
    const run = await rtopo(['status', '--json'], {env});
    assertExit(run, 0);
    assert.equal(envelope(run).result.problems, []);
    // Not one question more than it may ask, but for the name of the connection.
    for (const server of [m!, r!]) {
      const log = String(await server.raw.cmd('ACL', 'LOG'));
      assert.equal(
        log.split(',').filter((word) => /^[a-z]+\|/.test(word)),
        log === '' ? [] : ['client|setname'],
      );
    }
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {username: blind, passwordEnv: OPS}\n');
    const blind = await rtopo(['status', '--json'], {env});
    assertExit(blind, 0);
    const {result} = envelope(blind);
    assert.equal(
      result.problems.map(({code, severity}: {code: string; severity: string}) => `${code} ${severity}`),
      ['NOT_ASKED info', 'NOT_ASKED info'],
    );
    const [, replica] = result.shards[0].instances;
    assert.equal([replica.role, replica.link, replica.of, replica.lagBytes], ['replica', 'up', m!.address, 0]);
    // A probe that is not permitted is no reason to fail, and no reason to guess.
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', 'nonsense');
    await m!.raw.cmd('CLIENT', 'KILL', 'TYPE', 'replica');
    await rig.until('down', async () => (await r!.raw.info('replication')).master_link_status === 'down');
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {username: ops, passwordEnv: OPS}\n');
    const down = await rtopo(['status', '--json'], {env});
    assertExit(down, 2);
    assert.match(envelope(down).result.problems[0].code, /^LINK_/);
  }));

test('a server without room for one more connection', () =>
  withServers(1, async ([m], rig) => {
    declare(rig, `  - {name: alpha, master: "${m!.address}"}\n`);
    await m!.raw.cmd('CONFIG', 'SET', 'maxclients', '1');
    const run = await live(rig)(['status', '--json']);
    assertExit(run, 5);
    const [problem] = envelope(run).result.problems;
    assert.is(problem.code, 'MAX_CLIENTS');
    assert.match(problem.remedy, 'maxclients');
  }));

const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

test('protected mode, met from another address than loopback', () =>
  withServers([{args: ['--bind', '0.0.0.0', '--protected-mode', 'yes']}], async ([m], rig) => {
    if (outside === undefined) return console.log('skipped: this machine has no address but loopback');
    declare(rig, `  - {name: alpha, master: "${outside}:${m!.port}"}\n`);
    const run = await live(rig)(['status', '--json']);
    assertExit(run, 5);
    const [problem] = envelope(run).result.problems;
    assert.is(problem.code, 'PROTECTED_MODE');
    assert.match(problem.remedy, 'set a password');
  }));

test('a real Sentinel that watches the master', () =>
  withServers([{config: ''}], async ([m], rig) => {
    const port = await freePort();
    const file = join(rig.dir, 'sentinel.conf');
    writeFileSync(file, `port ${port}\nbind 127.0.0.1\ndir ${rig.dir}\nsentinel monitor x 127.0.0.1 ${m!.port} 1\n`);
    const sentinel = await startProcess([file, '--sentinel'], {
      ...{dir: rig.dir, timeoutMs: 10_000, onLog: () => undefined, ready: /Sentinel ID is/},
    });
    rig.defer(() => {
      sentinel.child.kill('SIGKILL');
      return sentinel.ended;
    });
    declare(rig, `  - {name: alpha, master: "${m!.address}"}\n`);
    await rig.until('it listens', async () => (await m!.raw.info('stats')).pubsub_channels === '1');
    const run = await live(rig)(['status', '--json']);
    assertExit(run, 0);
    const {problems} = envelope(run).result;
    assert.equal(
      problems.map(({code, severity}: {code: string; severity: string}) => `${code} ${severity}`),
      ['SENTINEL_ATTACHED warning'],
    );
    assert.match(problems[0].message, /sentinel-[0-9a-f]{8}/);
    // Declared itself, by mistake.
    declare(rig, `  - {name: alpha, master: "127.0.0.1:${port}"}\n`);
    const wrong = await live(rig)(['status', '--json']);
    assertExit(wrong, 2);
    assert.is(envelope(wrong).result.problems[0].code, 'NOT_A_DATA_SERVER');
  }));

test('stopped masters and lost links together: below two limits', () =>
  withServers(3, async ([m, r, s], rig) => {
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', 'nonsense');
    await r!.raw.cmd('REPLICAOF', m!.host, m!.port);
    declare(
      rig,
      `${shardYaml('alpha', [m!, r!])}  - {name: beta, master: "${s!.address}"}\n`,
      'placement: {scheme: ketama}\nreplicationAuth: {passwordEnv: OPS}\n',
    );
    s!.pause();
    const run = await live(rig)(['status', '--json', '--timeout', '1500ms'], {env: {OPS: secret}});
    s!.resume();
    assertExit(run, 5);
    const {result} = envelope(run);
    const codes = result.problems.map(({code}: {code: string}) => code);
    assert.ok(codes.includes('TIMEOUT') && codes.includes('LINK_AUTH'), codes.join());
    assert.ok(result.sampledMs < 2000, `${result.sampledMs} ms`);
    assert.ok(run.durationMs < 8000, `${run.durationMs} ms`);
  }));

test.run();
