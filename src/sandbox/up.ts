/**
 * `rtopo sandbox up`: real servers on this machine, each a master without data, and a topology file that declares
 * what they should become. Half a sandbox is none: what was started is stopped when anything fails.
 */
import {mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {ExitCode, escapeText, RtopoError, refusal} from '../errors.js';
import type {SandboxUpReport} from '../report/sandbox.js';
import {runningPid, type ServerRecord} from './identity.js';
import {addArgument, type PlacedShard, planShards, type SandboxSize, sandboxCommand, topologyText} from './layout.js';
import {findServerProgram, type ServerProgram} from './program.js';
import {Ports, startServer} from './start.js';
import {claimState, configFile, readState, type SandboxState, serverDir, writeState} from './state.js';
import {removeFiles, stopServers, wroteTopology} from './stop.js';

export const SANDBOX_DIR = '.rtopo-sandbox';
export const DEFAULT_SIZE: SandboxSize = {shards: 3, replicas: 1, spares: 1};
export const DEFAULT_BASE_PORT = 7001;

export interface UpOptions extends Readonly<Partial<Record<keyof SandboxSize, number | undefined>>> {
  /** Where rtopo.yml is written, and what `dir` is relative to. */
  readonly cwd: string;
  /** Environment of the servers; its PATH is where a server program is looked for. */
  readonly env: NodeJS.ProcessEnv;
  /** The schema that comes with the program: completion in editors works without a network. */
  readonly schemaFile: string;
  /** Folder of the servers and their data; default `.rtopo-sandbox`. */
  readonly dir?: string | undefined;
  /** Server program to start; default redis-server or valkey-server from PATH. */
  readonly server?: string | undefined;
  /** The first port to try. */
  readonly basePort?: number;
  /** For one server to come up. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export async function up(options: UpOptions): Promise<SandboxUpReport> {
  const {shards = DEFAULT_SIZE.shards, replicas = DEFAULT_SIZE.replicas, spares = DEFAULT_SIZE.spares} = options;
  const plan = planShards({shards, replicas, spares});
  const program = findServerProgram(options.server, options.env);
  const cwd = resolve(options.cwd);
  const dir = resolve(cwd, options.dir ?? SANDBOX_DIR);
  const topologyFile = join(cwd, 'rtopo.yml');
  const downCommand = sandboxCommand('down', dir, join(cwd, SANDBOX_DIR));
  refuseForeignTopology(topologyFile);
  await refuseOccupiedDir(dir, downCommand);
  mkdirSync(dir, {recursive: true, mode: 0o700});
  const log = new Log(dir, topologyFile);
  claimState(dir, log.state, downCommand);
  try {
    const names = plan.flatMap(({servers}) => servers);
    await startAll(names, {dir, program, options, log});
    const placed = plan.map((shard) => ({...shard, addresses: shard.servers.map((name) => addressOf(log.get(name)))}));
    options.signal?.throwIfAborted();
    // Checked again: the file may have come into being while the servers were starting.
    refuseForeignTopology(topologyFile);
    writeFileSync(topologyFile, topologyText(placed, options.schemaFile));
    return report({dir, topologyFile, program, placed, log, downCommand});
  } catch (error) {
    await stopServers(dir, log.state.servers);
    removeFiles(dir, log.state);
    throw options.signal?.aborted ? interrupted(error) : error;
  }
}

/** What was started so far, on disk before anything depends on it. */
class Log {
  readonly #dir: string;
  readonly #topologyFile: string;
  readonly #servers = new Map<string, ServerRecord>();

  constructor(dir: string, topologyFile: string) {
    this.#dir = dir;
    this.#topologyFile = topologyFile;
  }

  get state(): SandboxState {
    return {version: 1, topologyFile: this.#topologyFile, servers: [...this.#servers.values()]};
  }

  get(name: string): ServerRecord {
    return this.#servers.get(name)!;
  }

  readonly record = (server: ServerRecord): void => {
    this.#servers.set(server.name, server);
    writeState(this.#dir, this.state);
  };
}

interface Start {
  readonly dir: string;
  readonly program: ServerProgram;
  readonly options: UpOptions;
  readonly log: Log;
}

/** All at once, on consecutive ports where they are free. The first failure is told when all attempts have ended. */
async function startAll(names: readonly string[], {dir, program, options, log}: Start): Promise<void> {
  const {env, signal, timeoutMs = 10_000, basePort = DEFAULT_BASE_PORT} = options;
  const ports = new Ports(basePort);
  const first: number[] = [];
  for (const _ of names) first.push(await ports.take());
  const starts = await Promise.allSettled(
    names.map((name, i) =>
      startServer({name, dir, program, env, timeoutMs, signal, ports, record: log.record}, first[i]!),
    ),
  );
  for (const start of starts) if (start.status === 'rejected') throw start.reason;
}

function refuseForeignTopology(file: string): void {
  if (wroteTopology(file) !== false) return;
  throw refusal({
    code: 'SANDBOX_TOPOLOGY_EXISTS',
    message: `${escapeText(file)} is there already, and the sandbox did not write it. It is left as it is.`,
    remedy: 'mkdir playground && cd playground && rtopo sandbox up',
  });
}

async function refuseOccupiedDir(dir: string, downCommand: string): Promise<void> {
  const state = readState(dir);
  if (state !== null) {
    const pids = await Promise.all(state.servers.map((server) => runningPid(server, configFile(dir, server.name))));
    const running = pids.filter((pid) => pid !== null).length;
    const message =
      running > 0
        ? `A sandbox is up in ${escapeText(dir)}: ${running} of its ${state.servers.length} servers are running.`
        : `${escapeText(dir)} holds a sandbox of which no server is running any more.`;
    throw refusal({code: 'SANDBOX_UP', message, remedy: downCommand});
  }
  if (entriesOf(dir).length === 0) return;
  throw refusal({
    code: 'SANDBOX_DIR_IN_USE',
    message: `${escapeText(dir)} is not empty, and holds no sandbox.`,
    remedy: 'rtopo sandbox up --dir .rtopo-sandbox-2',
  });
}

function entriesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new RtopoError({
      code: 'SANDBOX_DIR',
      exit: ExitCode.failed,
      message: `${escapeText(dir)} cannot be used as a folder: ${escapeText((error as Error).message)}`,
      remedy: 'rtopo sandbox up --dir .rtopo-sandbox-2',
      cause: error,
    });
  }
}

function addressOf(record: ServerRecord): string {
  return `127.0.0.1:${record.port}`;
}

function report(done: {
  readonly dir: string;
  readonly topologyFile: string;
  readonly program: ServerProgram;
  readonly placed: readonly PlacedShard[];
  readonly log: Log;
  readonly downCommand: string;
}): SandboxUpReport {
  const {dir, topologyFile, program, placed, log, downCommand} = done;
  const spares = placed
    .filter(({spare}) => spare)
    .map((shard) => ({name: shard.name, addresses: shard.addresses, add: addArgument(shard)}));
  const servers = placed.flatMap(({name: shard, servers: names}) =>
    names.map((name) => {
      const record = log.get(name);
      return {name, shard, address: addressOf(record), pid: record.pid!, dir: serverDir(dir, name)};
    }),
  );
  const grow = spares.map(({add}) => `rtopo rebalance --add ${add}`).slice(0, 1);
  return {
    dir,
    topologyFile,
    server: {path: program.path, product: program.product, version: program.version},
    servers,
    spares,
    next: ['rtopo replicate', 'rtopo status', ...grow, downCommand],
  };
}

function interrupted(cause: unknown): RtopoError {
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: 'Interrupted: the servers that had been started were stopped again, and nothing was left.',
    remedy: 'rtopo sandbox up',
    cause,
  });
}
