/** Certificates and ports for shards that speak TLS: made once, for every case of a run. */
import {join} from 'node:path';
import {certificates} from '../replication/tls-servers.js';
import {freePort, makeDir} from '../rig/processes.js';

export interface Pki {
  readonly file: (name: string) => string;
  readonly ports: readonly number[];
}

let dir: string | null = null;

/** The directory is removed when the process ends. */
export function pki(): Pick<Pki, 'file'> {
  if (dir === null) {
    dir = makeDir('rtopo-tls-');
    certificates(dir);
  }
  const here = dir;
  return {file: (name) => join(here, name)};
}

export async function pkiFor(servers: number): Promise<Pki> {
  const ports: number[] = [];
  for (let i = 0; i < servers; i++) ports.push(await freePort());
  return {...pki(), ports};
}

/** Beside the plain port, by which the rig itself looks at the server. */
export function tlsLines({file, ports}: Pki, i: number): string[] {
  return [
    `tls-port ${ports[i]}`,
    `tls-ca-cert-file ${file('ca.pem')}`,
    `tls-cert-file ${file('server.pem')}`,
    `tls-key-file ${file('server.key')}`,
    'tls-auth-clients optional',
  ];
}
