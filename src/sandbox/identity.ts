/**
 * Is this process still the one that the sandbox started? A pid alone does not say: it may belong to another process
 * by now. The pid together with the moment of its start does.
 */
import {execFileSync} from 'node:child_process';
import {readFileSync, readlinkSync, realpathSync} from 'node:fs';
import {dirname} from 'node:path';
import {askServer} from './probe.js';

export interface ServerRecord {
  /** `alpha-1`, also the name of its folder. */
  readonly name: string;
  readonly port: number;
  /** Null between the decision to start it and its start. */
  readonly pid: number | null;
  /** `startMark` of the process when it had just been started. */
  readonly started: string | null;
}

/** When a process began, as a text that no other process with that pid will ever have; null when there is none. */
export function startMark(pid: number): string | null {
  try {
    if (process.platform !== 'linux') return ps(pid, 'lstart=') || null;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold anything; fields are counted after it: state is the first, start time the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`;
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    if (process.platform !== 'linux') return ps(pid, 'command=');
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], {encoding: 'utf8', timeout: 5000}).trim();
}

/** Whether it works in the server's folder, or its command names the configuration or (a running server) the port. */
function looksOurs(pid: number, port: number, configFile: string): boolean {
  const command = commandOf(pid);
  return worksIn(pid, dirname(configFile)) || command.includes(configFile) || command.includes(`:${port}`);
}

function worksIn(pid: number, dir: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dir);
  } catch {
    return false;
  }
}

/**
 * The pid of the process that is this server of ours now, or null: the one recorded, or one that somebody started
 * again from our configuration file, at our port.
 */
export async function runningPid(record: ServerRecord, configFile: string): Promise<number | null> {
  const {pid, started, port} = record;
  const recorded = pid !== null && started !== null && startMark(pid) === started;
  if (recorded && looksOurs(pid, port, configFile)) return pid;
  const self = await askServer(port, 1000);
  if (self === null || !sameFile(self.configFile, configFile)) return null;
  return looksOurs(self.pid, port, configFile) ? self.pid : null;
}

function sameFile(a: string, b: string): boolean {
  try {
    return a !== '' && realpathSync(a) === realpathSync(b);
  } catch {
    return false;
  }
}
