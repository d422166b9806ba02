/** TLS with real certificates, between rtopo and the servers and between the servers. Certificates are made by openssl. */
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {freePort, makeDir, removeDir} from '../rig/processes.js';
import {type Rig, type ServerSpec, withServers} from '../rig/servers.js';
import {assertExit, declare, envelope, fill, follows, live, orders} from './live.js';

const test = suite('replication/tls');

/** A CA, a certificate for `redis.test` signed by it, and a CA that signed nothing. */
function certificates(dir: string): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, {cwd: dir, stdio: 'pipe'});
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  for (const name of ['ca', 'wrong'])
    openssl('req', '-x509', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.pem`);
  openssl(
    ...['req', '-x509', ...key, '-subj', '/CN=redis.test', '-addext', 'subjectAltName=DNS:redis.test'],
    ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-keyout', 'server.key', '-out', 'server.pem'],
  );
}

/** Runs `body` with certificates, TLS ports, and servers that speak TLS on those only. */
async function withTls(
  body: (
    tls: {dir: string; at: (i: number) => string},
    servers: Parameters<Parameters<typeof withServers>[1]>[0],
    rig: Rig,
  ) => Promise<void>,
): Promise<void> {
  const dir = makeDir('rtopo-tls-');
  try {
    certificates(dir);
    const ports = [await freePort(), await freePort()];
    const file = (name: string) => join(dir, name);
    const specs = ports.map(
      (port): ServerSpec => ({
        args: [
          ...['--tls-port', String(port), '--tls-ca-cert-file', file('ca.pem'), '--tls-cert-file', file('server.pem')],
          ...['--tls-key-file', file('server.key'), '--tls-auth-clients', 'optional'],
        ],
      }),
    );
    await withServers(specs, (servers, rig) => body({dir, at: (i) => `127.0.0.1:${ports[i]}`}, servers, rig));
  } finally {
    removeDir(dir);
  }
}

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
        /TLS_FAILED_NAME\b[^]*ERR_TLS_CERT_ALTNAME_INVALID/,
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
