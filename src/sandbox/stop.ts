/** Stops servers of a sandbox and removes what it made: nothing else is touched, however much the files were edited. */
import {closeSync, openSync, readdirSync, readSync, rmdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {runningPid, type ServerRecord, startMark} from './identity.js';
import {MARKER} from './layout.js';
import {configFile, type SandboxState, STATE_FILE, serverDir} from './state.js';

/** How a server came to its end. `gone`: it was not running any more. */
export type StopOutcome = 'stopped' | 'killed' | 'gone';

const usualPatienceMs = 5000;

/** SIGTERM, and SIGKILL to those that do not end in time; all at once. Throws when one survives even that. */
export async function stopServers(
  dir: string,
  servers: readonly ServerRecord[],
  patienceMs = usualPatienceMs,
): Promise<ReadonlyMap<ServerRecord, StopOutcome>> {
  const outcomes = new Map<ServerRecord, StopOutcome>();
  const stuck: (ServerRecord & {readonly pid: number})[] = [];
  await Promise.all(
    servers.map(async (server) => {
      const pid = await runningPid(server, configFile(dir, server.name));
      const outcome = pid === null ? 'gone' : await stopProcess(pid, patienceMs);
      if (outcome === 'stuck') stuck.push({...server, pid: pid!});
      else outcomes.set(server, outcome);
    }),
  );
  if (stuck.length > 0) throw stillRunning(dir, stuck);
  return outcomes;
}

async function stopProcess(pid: number, patienceMs: number): Promise<StopOutcome | 'stuck'> {
  const target = {pid, mark: startMark(pid)};
  if (target.mark === null) return 'gone';
  if (await endsBy('SIGTERM', target, patienceMs)) return 'stopped';
  return (await endsBy('SIGKILL', target, usualPatienceMs)) ? 'killed' : 'stuck';
}

/** Whether the process with that mark has ended in time. The mark keeps a successor with the same pid safe. */
async function endsBy(
  signal: NodeJS.Signals,
  {pid, mark}: {readonly pid: number; readonly mark: string | null},
  patienceMs: number,
): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  if (!signalGroup(pid, signal)) return startMark(pid) !== mark;
  while (startMark(pid) === mark) {
    if (performance.now() >= deadline) return false;
    await sleep(20);
  }
  return true;
}

/** A server leads a group of its own, in which a script around it has its children; one started by hand may not. */
function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  for (const target of [-pid, pid]) {
    try {
      return process.kill(target, signal);
    } catch {} // No such group: the process alone.
  }
  return false;
}

function stillRunning(dir: string, servers: readonly (ServerRecord & {readonly pid: number})[]): RtopoError {
  const list = servers.map(({name, port, pid}) => `${name} (127.0.0.1:${port}, pid ${pid})`).join(', ');
  return new RtopoError({
    code: 'SANDBOX_STUCK',
    exit: ExitCode.incomplete,
    message: `${list} in ${escapeText(dir)} could not be stopped. Nothing of the sandbox was removed.`,
    remedy: `sudo kill -9 ${servers.map(({pid}) => pid).join(' ')}`,
  });
}

export interface Removed {
  readonly removed: readonly string[];
  /** What is not ours, or not any more: left as it is. */
  readonly kept: readonly string[];
}

/** The servers' folders, the state, and the topology file if its first line is still ours. The state goes last. */
export function removeFiles(dir: string, state: SandboxState): Removed {
  const removed: string[] = [];
  const kept: string[] = [];
  const written = wroteTopology(state.topologyFile);
  if (written === true) {
    rmSync(state.topologyFile, {force: true});
    removed.push(state.topologyFile);
  } else if (written === false) kept.push(state.topologyFile);
  for (const {name} of state.servers) rmSync(serverDir(dir, name), {recursive: true, force: true, maxRetries: 3});
  rmSync(join(dir, `${STATE_FILE}.new`), {force: true});
  rmSync(join(dir, STATE_FILE), {force: true});
  if (readdirSync(dir).length > 0) return {removed, kept: [...kept, dir]};
  rmdirSync(dir);
  return {removed: [...removed, dir], kept};
}

/** Whether the sandbox wrote this file; null when there is none. */
export function wroteTopology(file: string): boolean | null {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return false;
  }
  try {
    const head = Buffer.alloc(MARKER.length + 1);
    const length = readSync(fd, head, 0, head.length, 0);
    return /^[^\r\n]*/.exec(head.toString('utf8', 0, length))![0] === MARKER;
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
