/** `sandbox.json`: what was started, so that exactly that can be stopped. Written before and after every start. */
import {readFileSync, renameSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {ExitCode, escapeText, RtopoError, refusal} from '../errors.js';
import type {ServerRecord} from './identity.js';

export const STATE_FILE = 'sandbox.json';

export interface SandboxState {
  readonly version: 1;
  readonly topologyFile: string;
  readonly servers: readonly ServerRecord[];
}

/** The folder of one server, and its configuration. */
export function serverDir(dir: string, name: string): string {
  return join(dir, name);
}

export function configFile(dir: string, name: string): string {
  return join(serverDir(dir, name), 'redis.conf');
}

/** Takes the folder: fails when somebody else has it already. */
export function claimState(dir: string, state: SandboxState, downCommand: string): void {
  try {
    writeFileSync(join(dir, STATE_FILE), toText(state), {mode: 0o600, flag: 'wx'});
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw refusal({
      code: 'SANDBOX_UP',
      message: `Another sandbox is being started in ${escapeText(dir)}.`,
      remedy: downCommand,
      cause: error,
    });
  }
}

/** Replaces the file in one step: a reader sees the old or the new state. */
export function writeState(dir: string, state: SandboxState): void {
  const file = join(dir, STATE_FILE);
  writeFileSync(`${file}.new`, toText(state), {mode: 0o600});
  renameSync(`${file}.new`, file);
}

/** Null when there is no sandbox in that folder. */
export function readState(dir: string): SandboxState | null {
  const file = join(dir, STATE_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unreadable(file, error);
  }
  try {
    const state: unknown = JSON.parse(text);
    if (isState(state)) return state;
  } catch (error) {
    throw unreadable(file, error);
  }
  throw unreadable(file, undefined);
}

function toText(state: SandboxState): string {
  return `${JSON.stringify(state, null, 2)}\n`;
}

/** Names become paths that are removed, and pids are killed: nothing that the sandbox did not write is let in. */
function isState(value: unknown): value is SandboxState {
  const state = value as Partial<SandboxState> | null;
  if (state?.version !== 1 || typeof state.topologyFile !== 'string' || !Array.isArray(state.servers)) return false;
  return (state.servers as readonly Partial<ServerRecord>[]).every(
    (server) =>
      typeof server?.name === 'string' &&
      /^[a-z]+-\d+$/.test(server.name) &&
      inRange(server.port, 1, 65_535) &&
      (server.pid === null || inRange(server.pid, 2, 2 ** 31)) &&
      (server.started === null || typeof server.started === 'string'),
  );
}

function inRange(value: unknown, min: number, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

function unreadable(file: string, cause: unknown): RtopoError {
  return new RtopoError({
    code: 'SANDBOX_STATE',
    exit: ExitCode.failed,
    message: `${escapeText(file)} cannot be read, so it is not known which servers belong to the sandbox. Nothing was stopped.`,
    remedy: `ps -ef | grep -E 'redis-server|valkey-server'   # stop them by pid, then remove the folder of ${STATE_FILE}`,
    cause,
  });
}
