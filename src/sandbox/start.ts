/** Starts one server so that it outlives us, and waits until it is this server that answers at its port. */
import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, mkdirSync, openSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {type ServerRecord, startMark} from './identity.js';
import {serverConfig} from './layout.js';
import {askServer, portIsFree} from './probe.js';
import type {ServerProgram} from './program.js';
import {configFile, serverDir} from './state.js';

export interface Launch {
  readonly name: string;
  /** Folder of the sandbox. */
  readonly dir: string;
  readonly program: ServerProgram;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly ports: Ports;
  /** Called before the process exists (no pid), and again at once when it does. */
  readonly record: (record: ServerRecord) => void;
}

const LOG_FILE = 'server.log';
const portAttempts = 8;

/** Gives out free ports in ascending order, each once. */
export class Ports {
  #next: number;
  constructor(first: number) {
    this.#next = first;
  }

  async take(): Promise<number> {
    while (this.#next <= 65_535) {
      const port = this.#next;
      this.#next += 1;
      if (await portIsFree(port)) return port;
    }
    throw new RtopoError({
      code: 'SANDBOX_NO_PORT',
      exit: ExitCode.failed,
      message: 'No free port is left on 127.0.0.1.',
      remedy: 'rtopo sandbox down',
    });
  }
}

/** Resolves with the record of the running server. A port that was taken meanwhile is exchanged for the next one. */
export async function startServer(launch: Launch, firstPort: number): Promise<ServerRecord> {
  mkdirSync(serverDir(launch.dir, launch.name), {mode: 0o700, recursive: true});
  let port = firstPort;
  for (let attempt = 1; ; attempt += 1) {
    launch.signal?.throwIfAborted();
    const {record, problem} = await tryPort(launch, port);
    if (problem === null) return record;
    const log = readLog(launch);
    if (attempt >= portAttempts || !/address already in use/i.test(log)) throw startFailed(launch, problem, log);
    port = await launch.ports.take();
  }
}

async function tryPort(launch: Launch, port: number): Promise<{record: ServerRecord; problem: string | null}> {
  const {name, dir, program} = launch;
  const home = serverDir(dir, name);
  const config = configFile(dir, name);
  writeFileSync(config, serverConfig({port, dir: home, major: program.major}), {mode: 0o600});
  launch.record({name, port, pid: null, started: null});
  const log = openSync(join(home, LOG_FILE), 'w', 0o600);
  const child = spawn(program.path, [config], {
    cwd: home,
    env: launch.env,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = whenEnded(child);
  const record = {name, port, pid: child.pid ?? null, started: child.pid === undefined ? null : startMark(child.pid)};
  launch.record(record);
  child.unref();
  const problem = await Promise.race([ended, whenReady(child, port, launch)]);
  return {record, problem};
}

/** Settles with the reason when the process ends by itself, or could not begin. */
function whenEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
}

/** Null when the server at the port is our child; a reason when that does not come true in time. */
async function whenReady(child: ChildProcess, port: number, {timeoutMs, signal}: Launch): Promise<string | null> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && child.exitCode === null && child.signalCode === null) {
    signal?.throwIfAborted();
    const self = await askServer(port, Math.max(1, Math.min(1000, deadline - performance.now())));
    if (self !== null && self.pid === child.pid) return null;
    await sleep(20);
  }
  return `it did not answer within ${timeoutMs} ms`;
}

function readLog({dir, name}: Launch): string {
  try {
    return readFileSync(join(serverDir(dir, name), LOG_FILE), 'utf8');
  } catch {
    return '';
  }
}

function startFailed({name, program}: Launch, problem: string, log: string): RtopoError {
  const last = log.trim().split('\n').slice(-3).map(escapeText).join('\n');
  return new RtopoError({
    code: 'SANDBOX_START',
    exit: ExitCode.failed,
    message: `${escapeText(program.path)} (${name}) did not come up: ${problem}. ${last === '' ? 'It logged nothing.' : `It logged:\n${last}`}`,
    // Slow machines need time; a server that ends by itself is the wrong one, or lacks something that its log names.
    remedy: problem.startsWith('it did not answer')
      ? 'rtopo sandbox up --timeout 60s'
      : 'rtopo sandbox up --server /usr/bin/redis-server',
  });
}
