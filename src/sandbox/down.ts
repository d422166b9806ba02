/** `rtopo sandbox down`: stops exactly what `up` started and removes exactly what it wrote. Nothing up is no error. */
import {resolve} from 'node:path';
import {readState} from './state.js';
import {removeFiles, type StopOutcome, stopServers} from './stop.js';
import {SANDBOX_DIR} from './up.js';

export interface DownOptions {
  readonly cwd: string;
  /** Folder of the sandbox; default `.rtopo-sandbox`. */
  readonly dir?: string;
  /** How long a server may take to end by itself before it is killed. */
  readonly patienceMs?: number;
}

export interface SandboxDownReport {
  readonly dir: string;
  /** False: there was no sandbox in that folder, and nothing was done. */
  readonly wasUp: boolean;
  readonly servers: readonly {readonly name: string; readonly address: string; readonly outcome: StopOutcome}[];
  readonly removed: readonly string[];
  /** Files that are not the sandbox's own any more: a topology file that was replaced, a folder with other things in it. */
  readonly kept: readonly string[];
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
