/** What the tests of the sandbox share: a folder, a range of ports, and the certainty that nothing stays behind. */
import {chmodSync, existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import type {SandboxUpReport} from '../../src/report/sandbox.js';
import {down} from '../../src/sandbox/down.js';
import {type UpOptions, up} from '../../src/sandbox/up.js';
import {repositoryRoot} from '../rig/cli.js';
import {freePort, makeDir, removeDir, serverProgram} from '../rig/processes.js';
import {connectRaw, type Raw} from '../rig/raw.js';

export interface Playground {
  readonly cwd: string;
  /** The usual folder of the sandbox. */
  readonly dir: string;
  readonly topologyFile: string;
  /** `up` here; three servers unless told otherwise. */
  up(options?: Partial<UpOptions>): Promise<SandboxUpReport>;
  /** A program in this folder; its body is shell. It answers --version like the real server. */
  program(name: string, body: string): string;
}

const small = {shards: 1, replicas: 1, spares: 0};

/** Runs `body` in a folder of its own; `down` follows in any case, and whatever still runs there is a failure. */
export async function playground(body: (ground: Playground) => Promise<void>): Promise<void> {
  const cwd = makeDir('rtopo-sandbox-');
  const dir = join(cwd, '.rtopo-sandbox');
  const ground: Playground = {
    cwd,
    dir,
    topologyFile: join(cwd, 'rtopo.yml'),
    up: async (options) =>
      up({
        ...{cwd, env: process.env, schemaFile: join(repositoryRoot, 'schema/rtopo.schema.json')},
        ...{server: serverProgram(), basePort: await freePort(), ...small, ...options},
      }),
    program: (name, text) => {
      const file = join(cwd, name);
      const version = `if [ "$1" = --version ]; then exec ${serverProgram()} --version; fi`;
      writeFileSync(file, `#!/bin/sh\n${version}\n${text}\n`);
      chmodSync(file, 0o755);
      return file;
    },
  };
  let failure: unknown = null;
  try {
    await body(ground);
  } catch (error) {
    failure = error;
  }
  const stuck = await down({cwd, patienceMs: 500}).then(
    () => null,
    (error: unknown) => error,
  );
  const left = processesIn(cwd);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  removeDir(cwd);
  if (failure !== null) throw failure;
  if (stuck !== null) throw stuck;
  assert.equal(left, [], 'processes were left running');
}

/** Pids of processes that work below this folder; none where the system has no /proc to tell. */
export function processesIn(dir: string): number[] {
  if (!existsSync('/proc/self/stat')) return [];
  return readdirSync('/proc').flatMap((name) => {
    try {
      if (!/^\d+$/.test(name) || /\) Z /.test(readFileSync(`/proc/${name}/stat`, 'utf8'))) return [];
      return readlinkSync(`/proc/${name}/cwd`).startsWith(`${dir}/`) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Runs `work` on a connection to that address. */
export async function talk<T>(address: string, work: (raw: Raw) => Promise<T>): Promise<T> {
  const raw = await connectRaw({port: Number(address.split(':')[1]), timeoutMs: 5000});
  try {
    return await work(raw);
  } finally {
    raw.close();
  }
}

/** The error that `work` ends with, which must have this code and exit, a remedy, and match the pattern. */
export async function fails(
  work: () => Promise<unknown>,
  expected: {readonly code: string; readonly exit: number; readonly says: RegExp},
): Promise<RtopoError> {
  const error = await work().then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RtopoError)) throw error ?? new Error(`resolved, but should have failed: ${expected.code}`);
  assert.is(error.code, expected.code, error.message);
  assert.is(error.exit, expected.exit);
  assert.match(error.message, expected.says);
  assert.ok(error.remedy, 'every error has a remedy');
  return error;
}

/** Nothing of a sandbox is there: no process, no folder, no topology file. */
export function assertNothing({cwd, dir, topologyFile}: Playground): void {
  assert.equal(processesIn(cwd), []);
  assert.not.ok(existsSync(dir), `${dir} is there`);
  assert.not.ok(existsSync(topologyFile), `${topologyFile} is there`);
}
