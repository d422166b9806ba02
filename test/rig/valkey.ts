/** Tests between versions: Debian's valkey-server beside the server under test. Where it cannot be had, they are skipped, and say so. */
import {basename, dirname} from 'node:path';
import type {ServerSpec} from './servers.js';

export const valkey: ServerSpec = {name: 'valkey', program: 'valkey-server'};

interface Suite<T> {
  (name: string, body: T): void;
  readonly skip: (name: string, body: T) => void;
}

/** `test`, or its `skip` where the set-up said that there is no valkey-server. */
export function needingValkey<T>(test: Suite<T>): (name: string, body: T) => void {
  if (process.env.RTOPO_TEST_WITHOUT_VALKEY !== '1') return test;
  return (name, body) => {
    console.log(`skipped: ${name} (no valkey-server on this machine)`);
    test.skip(name, body);
  };
}

/** More programs, for a matrix of versions: `RTOPO_TEST_MORE_SERVERS=/path/to/redis-8.0/server,…`, each named after its folder. */
export const moreServers: readonly (ServerSpec & {readonly name: string})[] = (
  process.env.RTOPO_TEST_MORE_SERVERS ?? ''
)
  .split(',')
  .filter((program) => program !== '')
  .map((program) => ({program, name: basename(dirname(program))}));
