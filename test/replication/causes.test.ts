/** Causes found from outside, on real servers: each is made, and named by its code with a remedy that mends it. */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {statusOf} from '../../src/replication/status.js';
import {codes} from '../../src/report/codes/codes.js';
import type {Finding} from '../../src/report/finding.js';
import {loadTopology} from '../../src/topology/load.js';
import {type Rig, type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {assertExit, assertNoSecret, declare, fill, live, shardYaml} from './live.js';

const test = suite('replication/causes');
const secret = 'master-pass-word-1';
const other = 'some-other-pass-2';
/** From a file, so that roles can be persisted. */
const filed: ServerSpec = {config: ''};
const locked: ServerSpec = {config: `requirepass ${secret}`, auth: [secret]};

/** The report of `rtopo status`, with its findings by `CODE address`; `exit` is what the command would end with. */
async function look(rig: Rig, exit: number) {
  const {topology} = await loadTopology({file: join(rig.dir, 'rtopo.yml'), env: {}, cwd: rig.dir});
  const result = await statusOf(topology, 3000);
  const {problems} = result;
  const text = JSON.stringify(result);
  for (const one of [secret, other]) assert.not.ok(text.includes(one), text);
  const asked = result.shards.every((one) => one.instances.every(({reachable}) => reachable));
  assert.is(asked ? (result.healthy ? 0 : 2) : 5, exit, JSON.stringify(problems, null, 2));
  for (const {code, severity, message, remedy} of problems) {
    assert.is(severity, codes.get(code)?.severity, `${code} is explained, with its severity`);
    assert.ok(message.length > 10 && remedy.length > 3, code);
  }
  const found = problems.map(({code, instance}) => `${code} ${instance}`);
  const has = (code: string, at: Server): Finding => {
    assert.ok(found.includes(`${code} ${at.address}`), `${code} ${at.address} is not among ${found.join(', ')}`);
    return problems.find((one) => one.code === code && one.instance === at.address)!;
  };
  return {result, found, has, instances: result.shards.flatMap((one) => one.instances)};
}

const cut = (m: Server) => m.raw.cmd('CLIENT', 'KILL', 'TYPE', 'replica');
const linkIs = (r: Server, status: string) => async () =>
  (await r.raw.info('replication')).master_link_status === status;

/** A command of a remedy, given to the server itself as it stands. */
async function obey(server: Server, remedy: string): Promise<void> {
  await server.raw.cmd(...remedy.replace(/^redis-cli .*?--askpass |^redis-cli -h \S+ -p \d+ /, '').split(' '));
}

test('logins: another password, none at all, one where none is wanted, a missing permission; stale reads refused', () =>
  withServers([locked, filed], async ([m, r], rig) => {
    const env = {OPS: secret, REPL: other};
    Object.assign(process.env, env);
    const shards = shardYaml('alpha', [{address: m!.address}, r!]).replace(
      `master: "${m!.address}"`,
      `master: {address: "${m!.address}", auth: {passwordEnv: OPS}}`,
    );
    declare(rig, shards, 'replicationAuth: {passwordEnv: OPS}\n');
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', secret);
    await rig.replicate(r!, m!);
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', other);
    await r!.raw.cmd('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    await cut(m!);
    await rig.until('the link is down', linkIs(r!, 'down'));
    const wrong = await look(rig, 2);
    const run = await live(rig)(['status', '--json'], {env});
    assertExit(run, 2);
    assertNoSecret(run, secret, other);
    assert.match(run.stdout, '"LINK_AUTH"');
    assert.match(wrong.has('LINK_AUTH', r!).message, 'with another password than the declared one');
    wrong.has('MASTERDOWN', r!);
    await obey(r!, wrong.has('MASTERDOWN', r!).remedy);
    assert.equal([wrong.instances[1]!.lagBytes, wrong.instances[1]!.ackSeconds], [null, null]);
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', '');
    const none = await look(rig, 2);
    assert.match(none.has('LINK_AUTH', r!).message, 'masterauth is empty');
    assert.not.ok(none.found.some((one) => one.startsWith('MASTERDOWN')));
    // The declared login itself is refused.
    declare(rig, shards, 'replicationAuth: {passwordEnv: REPL}\n');
    assert.match((await look(rig, 2)).has('LINK_AUTH', r!).message, 'WRONGPASS');
    // A user that may not replicate.
    await m!.raw.cmd('ACL', 'SETUSER', 'repl', 'on', `>${other}`, '+ping', '+replconf');
    await r!.raw.cmd('CONFIG', 'SET', 'masteruser', 'repl', 'masterauth', other);
    declare(rig, shards, 'replicationAuth: {username: repl, passwordEnv: REPL}\n');
    const denied = (await look(rig, 2)).has('LINK_NO_PERMISSION', r!);
    assert.match(denied.message, 'user repl may not run psync there');
    await obey(m!, denied.remedy);
    await rig.until('the link is up', linkIs(r!, 'up'));
    assert.equal((await look(rig, 0)).found, [`ROLE_NOT_PERSISTED ${r!.address}`]);
  }));

test('a login that broke half-way: the old SYNC, seen under a link that says "up", and mended by its remedy', () =>
  withServers([filed, filed], async ([m, r], rig) => {
    declare(rig, shardYaml('alpha', [m!, r!]));
    await fill(m!, 5);
    await m!.raw.cmd('ACL', 'SETUSER', 'repl', 'on', `>${other}`, '+ping', '+sync');
    await r!.raw.cmd('CONFIG', 'SET', 'masteruser', 'repl', 'masterauth', other);
    await rig.replicate(r!, m!);
    const found = await look(rig, 2);
    const {message, remedy} = found.has('LEGACY_SYNC', r!);
    assert.match(message, 'it acknowledges nothing');
    assert.is(found.instances[1]!.lagBytes, null);
    await m!.raw.cmd('ACL', 'SETUSER', 'repl', '+psync', '+replconf');
    await obey(m!, remedy.slice(remedy.indexOf('redis-cli')));
    await rig.until('an acknowledgement', async () =>
      /slave0:.*port=(?!0,).*offset=(?!0,)/.test(await m!.raw.text('INFO', 'replication')),
    );
    assert.equal((await look(rig, 0)).found, [`ROLE_NOT_PERSISTED ${r!.address}`]);
  }));

test('roles: not persisted, a hijack, a ring, an undeclared name, and CONFIG REWRITE as the remedy', () =>
  withServers([filed, filed, filed, {}], async ([m, r, s, foreign], rig) => {
    declare(rig, shardYaml('alpha', [m!, r!, s!]));
    await fill(m!, 3);
    for (const one of [r!, s!]) await rig.replicate(one, m!);
    const volatile = await look(rig, 0);
    assert.equal(volatile.found, [`ROLE_NOT_PERSISTED ${r!.address}`, `ROLE_NOT_PERSISTED ${s!.address}`]);
    for (const one of [r!, s!]) await obey(one, volatile.has('ROLE_NOT_PERSISTED', one).remedy);
    const healthy = await look(rig, 0);
    assert.equal(healthy.found, []);
    assert.equal([healthy.instances[1]!.linkState, healthy.instances[1]!.lagSeconds], ['online', 0]);
    await r!.raw.cmd('REPLICAOF', s!.host, s!.port);
    await s!.raw.cmd('REPLICAOF', r!.host, r!.port);
    const ring = (await look(rig, 2)).has('RING', r!);
    assert.match(ring.message, `${r!.address} follows ${s!.address} follows ${r!.address}`);
    await m!.raw.cmd('REPLICAOF', r!.host, r!.port);
    (await look(rig, 2)).has('NO_WRITABLE_ROOT', m!);
    await m!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await s!.raw.cmd('REPLICAOF', s!.host, s!.port);
    assert.match((await look(rig, 2)).has('RING', s!).message, 'follows itself');
    await rig.replicate(m!, foreign!);
    const hijacked = await look(rig, 2);
    hijacked.has('ROLE_MISMATCH', m!);
    const {message, remedy} = hijacked.has('UNDECLARED_PARENT', m!);
    assert.match(message, 'Its data are now those of that server');
    await obey(m!, remedy);
    assert.is(String(((await m!.raw.cmd('ROLE')) as Buffer[])[0]), 'master');
  }));

test('a master that came back with an older file, then two masters of one history', () =>
  withServers([filed, filed], async ([m, r], rig) => {
    declare(rig, shardYaml('alpha', [m!, r!]));
    await fill(m!, 4);
    await rig.replicate(r!, m!);
    await rig.until('a snapshot', async () => (await m!.raw.text('SAVE')) === 'OK');
    await fill(m!, 40);
    await rig.caughtUp(m!, r!);
    // Kept from following before anybody has looked.
    await r!.raw.cmd('CONFIG', 'SET', 'masterauth', other);
    await m!.kill();
    await m!.restart();
    const {has} = await look(rig, 2);
    assert.match(has('LINK_AUTH', r!).message, 'has a masterauth, and that server asks for no login');
    const old = has('MASTER_OUTDATED', m!);
    assert.match(old.message, 'holds 4 keys and is behind its replica');
    assert.match(old.message, 'which holds 40 keys');
    await obey(r!, old.remedy.slice(old.remedy.indexOf('redis-cli')));
    assert.is(await r!.raw.cmd('DBSIZE'), 40);
    const two = await look(rig, 2);
    two.has('ROLE_MISMATCH', r!);
    two.has('TWO_MASTERS', r!);
  }));

test('lag in bytes and seconds, the backlog it uses; writes, functions and disks that are not as they should be', () =>
  withServers([{config: 'repl-backlog-size 16kb\nmin-replicas-to-write 0'}, filed], async ([m, r], rig) => {
    declare(rig, shardYaml('alpha', [m!, r!]));
    await rig.replicate(r!, m!);
    await r!.raw.cmd('CONFIG', 'REWRITE');
    // The stream from its master waits; INFO does not.
    await r!.raw.cmd('CLIENT', 'PAUSE', '20000', 'WRITE');
    const writer = await m!.connect();
    const writing = {on: true};
    const done = (async () => {
      while (writing.on) await writer.cmd('SET', 'k', 'x'.repeat(2000));
    })();
    await rig.until('a lag', async () => {
      const [above, below] = [await m!.raw.info('replication'), await r!.raw.info('replication')];
      return Number(above.master_repl_offset) - Number(below.slave_repl_offset) > 40_000;
    });
    const lagging = await look(rig, 0);
    writing.on = false;
    await done;
    const {lagBytes, lagSeconds, backlogShare, link} = lagging.instances[1]!;
    assert.is(link, 'up');
    assert.ok(lagBytes! >= 20_000, `${lagBytes} bytes`);
    assert.ok(lagSeconds! > 0 && lagSeconds! < 20, `${lagSeconds} s`);
    assert.ok(backlogShare! > 1, `${backlogShare} of the backlog`);
    assert.match(lagging.has('BACKLOG_TOO_SMALL', r!).message, 'an interruption now costs a full resync');
    await r!.raw.cmd('CLIENT', 'UNPAUSE');
    await rig.caughtUp(m!, r!);
    await r!.raw.cmd('CONFIG', 'SET', 'replica-read-only', 'no');
    await r!.raw.cmd('FUNCTION', 'LOAD', "#!lua name=own\nredis.register_function('f', function() return 1 end)");
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', '3');
    await m!.raw.cmd('CONFIG', 'SET', 'min-replicas-max-lag', '10');
    rmSync(m!.dir, {recursive: true});
    await m!.raw.cmd('BGSAVE').catch(() => undefined);
    await rig.until('a failed save', async () => (await m!.raw.info('persistence')).rdb_last_bgsave_status === 'err');
    const sick = await look(rig, 2);
    sick.has('REPLICA_WRITABLE', r!);
    sick.has('FUNCTIONS_DIFFER', r!);
    sick.has('MISCONF', m!);
  }));

test('a chain whose upper link is down, and full resyncs one after the other', () =>
  withServers([filed, filed, filed], async ([a, b, c], rig) => {
    declare(rig, shardYaml('alpha', [a!, b!, c!], true));
    await rig.replicate(b!, a!);
    for (let i = 0; i < 4; i += 1) {
      await b!.raw.cmd('REPLICAOF', 'NO', 'ONE');
      await rig.replicate(b!, a!);
    }
    await rig.replicate(c!, b!);
    await b!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await a!.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '3600');
    await b!.raw.cmd('REPLICAOF', a!.host, a!.port);
    await rig.until('b waits', async () => /state=wait_bgsave/.test(await a!.raw.text('INFO', 'replication')));
    const waiting = await look(rig, 2);
    waiting.has('SYNCING', b!);
    assert.match(waiting.has('RESYNC_LOOP', b!).message, `${a!.address} has given 6 full resyncs`);
    const {link, linkState, sync} = waiting.instances[1]!;
    assert.equal([link, linkState, sync?.phase, sync?.percent], ['syncing', 'waiting', 'waiting', null]);
    await a!.kill();
    await rig.until('c has no link', async () => {
      await cut(b!);
      return (await c!.raw.info('replication')).master_link_status === 'down';
    });
    const dead = await look(rig, 5);
    dead.has('CONNECTION_REFUSED', a!);
    dead.has('LINK_PARENT_DOWN', b!);
    dead.has('LINK_PARENT_UNLINKED', c!);
  }));

test.run();
