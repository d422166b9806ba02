/** `rtopo sandbox down`: stops exactly what `up` started and removes exactly what it wrote. Nothing up is no error. */
import {resolve} from 'node:path';
import type {SandboxDownReport} from '../report/sandbox.js';
import {readState} from './state.js';
import {removeFiles, stopServers} from './stop.js';
import {SANDBOX_DIR} from './up.js';

export interface DownOptions {
  readonly cwd: string;
  /** Folder of the sandbox; default `.rtopo-sandbox`. */
  readonly dir?: string;
  /** How long a server may take to end by itself before it is killed. */
  readonly patienceMs?: number;
}

export async function down(options: DownOptions): Promise<SandboxDownReport> {
  const dir = resolve(options.cwd, options.dir ?? SANDBOX_DIR);
  const state = readState(dir);
  if (state === null) return {dir, wasUp: false, servers: [], removed: [], kept: []};
  const outcomes = await stopServers(dir, state.servers, options.patienceMs);
  const servers = state.servers.map((server) => ({
    name: server.name,
    address: `127.0.0.1:${server.port}`,
    outcome: outcomes.get(server)!,
  }));
  return {dir, wasUp: true, servers, ...removeFiles(dir, state)};
}
