/** TLS with real certificates, between rtopo and the servers and between the servers. Certificates are made by openssl. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertExit, declare, envelope, fill, follows, live, orders} from './live.js';
import {withTls} from './tls-servers.js';

const test = suite('replication/tls');

test('replication over TLS: the link speaks it too, and the certificate is checked by its name', () =>
  withTls(async ({dir, at}, [m, r], rig) => {
    const rtopo = live(rig);
    await fill(m!, 5);
    const file = (name: string) => join(dir, name);
    const shards = `  - {name: alpha, master: "${at(0)}", replicas: ["${at(1)}"]}\n`;
    declare(rig, shards, `tls: {ca: ${file('ca.pem')}, serverName: redis.test}\n`);
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 0);
    assert.equal(
      envelope(run).result.steps.map(({action}: {action: string}) => action),
      ['set-auth', 'set-auth', 'replicate-from'],
    );
    assert.is(await follows(r!), at(0));
    assert.is(await r!.raw.text('GET', 'key:4'), 'value 4');
    const setting = (await r!.raw.cmd('CONFIG', 'GET', 'tls-replication')) as Buffer[];
    assert.is(String(setting[1]), 'yes');
    const status = await rtopo(['status']);
    assertExit(status, 0);
    const faults: readonly [string, string, RegExp][] = [
      ['another CA', `tls: {ca: ${file('wrong.pem')}, serverName: redis.test}\n`, /TLS_FAILED_CA\b/],
      [
        'another name',
        `tls: {ca: ${file('ca.pem')}, serverName: other.test}\n`,
        /TLS_FAILED_NAME\b[\s\S]*ERR_TLS_CERT_ALTNAME_INVALID/,
      ],
      ['the CAs of the system', 'tls: {serverName: redis.test}\n', /TLS_FAILED_CA\b/],
    ];
    for (const [what, tls, says] of faults) {
      declare(rig, shards, tls);
      const fault = await rtopo(['status']);
      assertExit(fault, 5);
      assert.match(fault.stdout, says, what);
      assert.match(fault.stdout, 'TLS_FAILED', what);
      assert.is(fault.stderr, '', what);
    }
    declare(rig, shards, `tls: {ca: ${file('none.pem')}}\n`);
    const missing = await rtopo(['status', '--json']);
    assertExit(missing, 78);
    assert.is(envelope(missing).error.code, 'TLS_FILE_UNREADABLE');
    declare(rig, shards, `tls: {ca: ${file('ca.pem')}, serverName: redis.test}\n`);
    const off = await rtopo(['status', '--json'], {env: {NODE_TLS_REJECT_UNAUTHORIZED: '0'}});
    assertExit(off, 64);
    assert.is(envelope(off).error.code, 'TLS_UNVERIFIED');
  }));

test('TLS on one side only is told, not waited for', () =>
  withTls(async ({dir, at}, [m, r], rig) => {
    const rtopo = live(rig);
    const shards = (master: string) => `  - {name: alpha, master: "${master}", replicas: ["${at(1)}"]}\n`;
    declare(rig, shards(m!.address), `tls: {ca: ${join(dir, 'ca.pem')}, serverName: redis.test}\n`);
    const plain = await rtopo(['replicate', '--yes', '--timeout', '3s', '--json']);
    assertExit(plain, 5);
    assert.match(envelope(plain).error.code, /^(TLS_FAILED|CONNECTION_LOST|TIMEOUT)$/);
    assert.match(envelope(plain).error.remedy, 'if this port speaks no TLS, take `tls:` away');
    declare(rig, shards(at(0)));
    const wrong = await rtopo(['status', '--timeout', '3s', '--json']);
    assertExit(wrong, 5);
    const [lost] = envelope(wrong).result.problems;
    assert.is(lost.code, 'CONNECTION_LOST');
    assert.match(lost.remedy, 'if this port expects TLS, declare `tls:`');
    assert.equal(await orders(r!), []);
  }));

test.run();
