/** Logins: proved first, set on every node, and never shown. */
import {chmodSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {assertExit, assertNoSecret, declare, envelope, follows, forgetOrders, live, orders, shardYaml} from './live.js';

const test = suite('replication/auth');
const secret = 'open+sesame/äß%1';
const other = 'repl-pass-word-2';
const locked: ServerSpec = {args: ['--requirepass', secret], auth: [secret]};

async function masterauth(server: Server): Promise<string[]> {
  const values = await Promise.all(
    ['masteruser', 'masterauth'].map((name) => server.raw.cmd('CONFIG', 'GET', name) as Promise<Buffer[]>),
  );
  return values.map((pair) => String(pair[1]));
}

test('one password for all, from the environment: set on every node, the master too, and shown nowhere', () =>
  withServers([locked, locked], async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {passwordEnv: OPS}\n');
    const run = await rtopo(['replicate', '--yes'], {env: {OPS: secret}});
    assertExit(run, 0);
    assert.match(run.stdout, `✓ ${m!.address}  set the login towards a master`);
    for (const server of [m!, r!]) assert.equal(await masterauth(server), ['', secret]);
    assert.is(await follows(r!), m!.address);
    const again = await rtopo(['replicate', '--yes', '--json'], {env: {OPS: secret}});
    assertExit(again, 0);
    for (const one of [run, again]) assertNoSecret(one, secret);
  }));

test('a wrong password, or none: exit 5 or 78, nothing ordered, nothing shown', () =>
  withServers([locked, locked], async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {passwordEnv: OPS}\n');
    await forgetOrders(m!, r!);
    for (const command of [['replicate', '--yes'], ['status']]) {
      for (const json of [[], ['--json']]) {
        const wrong = await rtopo([...command, ...json], {env: {OPS: other}});
        assertExit(wrong, 5);
        assert.match(wrong.stdout, 'AUTH_FAILED');
        assertNoSecret(wrong, other);
        const unset = await rtopo([...command, ...json]);
        assertExit(unset, 78);
        assert.match(unset.stdout + unset.stderr, 'SECRET_UNAVAILABLE');
        assert.match(unset.stdout + unset.stderr, 'environment variable OPS is not set');
      }
    }
    declare(rig, shardYaml('alpha', [m!, r!]));
    const none = await rtopo(['status', '--json']);
    assertExit(none, 5);
    assert.is(envelope(none).result.problems[0].code, 'AUTH_REQUIRED');
    for (const server of [m!, r!]) assert.equal(await orders(server), []);
  }));

test('a replication user with +psync +replconf +ping is enough; without psync nothing is ordered', () =>
  withServers([{config: `user repl on >${other} +psync +replconf +ping`}, {}], async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]), 'replicationAuth: {username: repl, passwordEnv: REPL}\n');
    const env = {REPL: other};
    await m!.raw.cmd('ACL', 'SETUSER', 'repl', '-psync');
    await forgetOrders(m!, r!);
    const denied = await rtopo(['replicate', '--yes', '--json'], {env});
    assertExit(denied, 3);
    const {error, result} = envelope(denied);
    assert.is(error.code, 'REPLICATION_LOGIN');
    assert.match(result.refused[0].message, 'psync');
    assert.is(error.remedy, `on ${m!.address}: ACL SETUSER repl on +psync +replconf +ping`);
    const wrong = await rtopo(['replicate', '--yes'], {env: {REPL: 'not-the-one'}});
    assertExit(wrong, 3);
    assert.match(wrong.stdout, 'REPLICATION_LOGIN');
    assert.match(wrong.stdout, 'WRONGPASS');
    assertNoSecret(wrong, 'not-the-one');
    for (const server of [m!, r!]) assert.equal(await orders(server), []);
    assert.equal(await masterauth(r!), ['', '']);
    // The remedy, to the letter.
    await m!.raw.cmd(...error.remedy.split(': ')[1].split(' '));
    const run = await rtopo(['replicate', '--yes', '--json'], {env});
    assertExit(run, 0);
    assert.equal(await masterauth(r!), ['repl', other]);
    assert.is((await r!.raw.info('replication')).master_link_status, 'up');
    for (const one of [denied, run]) assertNoSecret(one, other);
  }));

test('an instance with a login of its own, and no replication login declared: refused before it knocks in vain', () =>
  withServers([locked, {}], async ([m, r], rig) => {
    const rtopo = live(rig);
    const file = join(rig.dir, 'secret');
    writeFileSync(file, `${secret}\n`);
    chmodSync(file, 0o600);
    const yaml = `  - name: alpha\n    master: {address: "${m!.address}", auth: {passwordFile: ${file}}}\n    replicas: ["${r!.address}"]\n`;
    declare(rig, yaml);
    const refused = await rtopo(['replicate', '--yes', '--json']);
    assertExit(refused, 3);
    const {error, result} = envelope(refused);
    assert.is(error.code, 'REPLICATION_LOGIN');
    assert.match(result.refused[0].message, 'masterauth is empty');
    assert.is(await follows(r!), 'master');
    declare(rig, yaml, `replicationAuth: {passwordCommand: "cat ${file}"}\n`);
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 0);
    assert.is(await follows(r!), m!.address);
    for (const one of [refused, run]) assertNoSecret(one, secret);
    assertExit(await rtopo(['status']), 0);
  }));

test('a link whose login broke is seen, and mended by the next run', () =>
  withServers([locked, locked], async ([m, r], rig) => {
    const rtopo = live(rig);
    const env = {OPS: secret};
    declare(rig, shardYaml('alpha', [m!, r!]), 'auth: {passwordEnv: OPS}\n');
    assertExit(await rtopo(['replicate', '--yes'], {env}), 0);
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', 'broken');
    await m!.raw.cmd('CLIENT', 'KILL', 'TYPE', 'replica');
    await rig.until('the link is down', async () => (await r!.raw.info('replication')).master_link_status === 'down');
    const sick = await rtopo(['status', '--json'], {env});
    assertExit(sick, 2);
    assert.match(envelope(sick).result.problems[0].code, /^LINK_(AUTH|DOWN)$/);
    const mended = await rtopo(['replicate', '--yes'], {env});
    assertExit(mended, 0);
    assertExit(await rtopo(['status'], {env}), 0);
  }));

test.run();
