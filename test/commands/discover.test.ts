/** `rtopo discover` on real servers: what it asks, whom it never dials, and a file that our own commands take. */
import {readFileSync, statSync, writeFileSync} from 'node:fs';
import {connect, createServer} from 'node:net';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText} from '../../src/topology/types.js';
import {assertExit, assertNoSecret, envelope, forgetOrders, live, orders} from '../replication/live.js';
import type {Rig} from '../rig/servers.js';
import {withServers} from '../rig/servers.js';

const test = suite('commands/discover');

/** A listener that counts who dials it: nobody may. */
async function trap(rig: Rig): Promise<{port: number; dialled: () => number}> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  rig.defer(() => new Promise((resolve) => server.close(resolve)));
  return {port: (server.address() as {port: number}).port, dialled: () => count};
}

test('from the end of a chain to its master, and a file that status takes as it is', () =>
  withServers(4, async ([a, b, c, d], rig) => {
    const rtopo = live(rig);
    await rig.replicate(b!, a!);
    await rig.replicate(c!, b!);
    await rig.caughtUp(a!, b!, c!);
    await forgetOrders(a!, b!, c!, d!);
    const args = ['discover', c!.address, d!.address, '--follow', '127.0.0.1', '--name', 'cache'];
    const run = await rtopo(args);
    assertExit(run, 0);
    assert.match(run.stderr, '2 shards, 4 instances; 4 addresses asked');
    const {topology} = parseTopology(run.stdout, 'x.yml');
    assert.is(topology.name, 'cache');
    assert.equal(
      topology.shards.map(({master, replicas}) => [master, ...replicas].map(({address}) => addressText(address))),
      [[a!.address, b!.address, c!.address], [d!.address]],
    );
    assert.is(addressText(topology.shards[0]!.replicas[1]!.of!), b!.address);
    for (const server of [a!, b!, c!, d!]) assert.equal(await orders(server), [], 'nothing was changed');
    writeFileSync(join(rig.dir, 'rtopo.yml'), run.stdout);
    // Nothing to change: the file says what is.
    assertExit(await rtopo(['replicate']), 0);
  }));

test('what was not confirmed is told and not dialled: exit 2; without its master there is no file', () =>
  withServers(2, async ([a, b], rig) => {
    const rtopo = live(rig);
    await rig.replicate(b!, a!);
    const asked = async (): Promise<number> => Number((await b!.raw.info('stats')).total_connections_received);
    const before = await asked();
    const run = await rtopo(['discover', a!.address]);
    assertExit(run, 2);
    assert.is(await asked(), before, 'nobody dialled it');
    assert.match(
      run.stdout,
      `# ${a!.address} names ${b!.address} as its replica, which was not asked: it was not confirmed`,
    );
    assert.equal(parseTopology(run.stdout, 'x.yml').topology.shards[0]!.replicas, []);
    assert.match(run.stderr, 'add --follow 127.0.0.1');
    // A network never means loopback, however large it is.
    const orphan = await rtopo(['discover', b!.address, '--json', '--follow', '64.0.0.0/2']);
    assertExit(orphan, 2);
    assert.is(orphan.stderr, '');
    const {error, result} = envelope(orphan);
    assert.equal(
      [error.code, result.topology, result.homeless[0].code],
      ['MASTER_NOT_FOUND', null, 'MASTER_NOT_FOUND'],
    );
    assert.equal(result.announced, [{address: a!.address, by: b!.address, as: 'master', why: 'not-confirmed'}]);
  }));

test('injected and absurd announcements: escaped, bounded, never dialled', () =>
  withServers(2, async ([a, b], rig) => {
    const rtopo = live(rig);
    const {port, dialled} = await trap(rig);
    // A replica may announce whatever it likes: other hosts, many of them.
    for (const host of ['evil.example', `127.0.0.2`, '::ffff:127.0.0.3', 'x'.repeat(46), '$(id)']) {
      const liar = connect(a!.port, '127.0.0.1').on('error', () => undefined);
      rig.defer(() => liar.destroy());
      // A server refuses PSYNC while a reply is still on its way.
      liar.once('data', () => liar.resume().write('PSYNC ? -1\r\n'));
      liar.write(`REPLCONF listening-port ${port} ip-address ${host}\r\n`);
    }
    await rig.until('the lies are listed', async () =>
      Object.keys(await a!.raw.info('replication')).some((name) => name.startsWith('slave4')),
    );
    await b!.raw.cmd(
      'REPLICAOF',
      `127.0.0.1\x1b[2J\r\nslave0:ip=127.0.0.1,port=${port},state=online,offset=0,lag=0`,
      port,
    );
    const run = await rtopo(['discover', a!.address, b!.address, '--follow', '127.0.0.1', '--follow', '10.0.0.0/8']);
    assertExit(run, 2);
    assert.is(dialled(), 0);
    assert.not.match(run.stdout + run.stderr, /[\x00-\x09\x0b-\x1f]/);
    assert.is(parseTopology(run.stdout, 'x.yml').topology.shards.length, 1);
    assert.match(run.stdout, 'no host has such an address');
    assert.ok(run.stdout.includes(`evil.example:${port}`), run.stdout);
    // The limit holds also for what is confirmed.
    const limited = await rtopo(['discover', a!.address, '--follow', 'evil.example', '--limit', '1', '--json']);
    assertExit(limited, 2);
    const {result} = envelope(limited);
    assert.is(result.dialled, 1);
    assert.ok(result.announced.some((one: {why: string; address: string}) => one.why === 'limit'));
  }));

test('login from REDISCLI_AUTH, in the file as its name; a silent server is exit 5; files are not overwritten', () =>
  withServers([{args: ['--requirepass', 'hunter2hunter2'], auth: ['hunter2hunter2']}], async ([a], rig) => {
    const rtopo = live(rig);
    const env = {REDISCLI_AUTH: 'hunter2hunter2'};
    const file = join(rig.dir, 'found.yml');
    const run = await rtopo(['discover', a!.address, '--output', file], {env});
    assertExit(run, 0);
    assertNoSecret(run, 'hunter2hunter2');
    assert.match(readFileSync(file, 'utf8'), 'auth: {passwordEnv: REDISCLI_AUTH}');
    assert.is(statSync(file).mode & 0o777, 0o644);
    assertExit(await rtopo(['status', '--topology', file], {env}), 0);
    writeFileSync(file, 'mine');
    const again = await rtopo(['discover', a!.address, '--output', file], {env});
    assertExit(again, 3);
    assert.match(again.stderr, '--overwrite');
    assert.is(readFileSync(file, 'utf8'), 'mine');
    const dead = await rig.deadAddress();
    const part = await rtopo(['discover', a!.address, dead, '--output', file, '--overwrite', '--json'], {env});
    assertExit(part, 5);
    assert.is(envelope(part).error.code, 'CONNECTION_REFUSED');
    assert.match(readFileSync(file, 'utf8'), `# Not here: ${dead} refused the connection`);
  }));

test('wrong usage is told before anybody is asked', () =>
  withServers(0, async (_, rig) => {
    const rtopo = live(rig);
    assertExit(await rtopo(['discover', '127.0.0.1:1', '--name', 'A b']), 64);
  }));

test.run();
