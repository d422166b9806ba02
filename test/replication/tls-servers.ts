/** Servers that speak TLS with real certificates, which are made by openssl. */
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {freePort, makeDir, removeDir} from '../rig/processes.js';
import {type Rig, type ServerSpec, withServers} from '../rig/servers.js';

/** A CA, a certificate for `redis.test` signed by it, and a CA that signed nothing. */
export function certificates(dir: string): void {
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
export async function withTls(
  body: (
    tls: {dir: string; at: (i: number) => string},
    servers: Parameters<Parameters<typeof withServers>[1]>[0],
    rig: Rig,
  ) => Promise<void>,
  more: readonly string[] = [],
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
          ...more,
        ],
      }),
    );
    await withServers(specs, (servers, rig) => body({dir, at: (i) => `127.0.0.1:${ports[i]}`}, servers, rig));
  } finally {
    removeDir(dir);
  }
}
