/**
 * Finds and reads the topology file: the one that was named, or `rtopo.yml` from the working directory upwards.
 * A file that was found, not named, decides which commands run and which servers change: it must not come from a stranger.
 */
import {constants, openSync} from 'node:fs';
import {access, type FileHandle, open} from 'node:fs/promises';
import {Socket} from 'node:net';
import {dirname, join, relative, resolve} from 'node:path';
import {ExitCode, escapeText, RtopoError, usageError} from '../errors.js';
import {MAX_BYTES} from './document.js';
import {parseTopology, type TopologySource} from './parse.js';

export const TOPOLOGY_FILE = 'rtopo.yml';

export interface LoadedTopology extends TopologySource {
  /** Absolute path of the file, for edits; null when it came from standard input or from a pipe. */
  readonly path: string | null;
}

export interface LoadOptions {
  /** `--topology`; `-` is standard input. */
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Reads standard input; may stop, or refuse, when there is more than `limitBytes`. */
  readonly stdin?: ((limitBytes: number) => Promise<string>) | undefined;
  /** How long a pipe may take to deliver the file. */
  readonly pipeTimeoutMs?: number;
}

/** Explicit file, else `RTOPO_TOPOLOGY`, else the search. Throws `TOPOLOGY_NOT_FOUND`, `TOPOLOGY_UNREADABLE` or `TOPOLOGY_INVALID`. */
export async function loadTopology(options: LoadOptions): Promise<LoadedTopology> {
  const {cwd, env} = options;
  const named = options.file ?? (env.RTOPO_TOPOLOGY || undefined);
  if (named === '-' || named === '/dev/stdin') {
    if (options.stdin === undefined) {
      throw usageError({
        message: 'The topology cannot come from standard input here.',
        remedy: 'Name a file with --topology FILE.',
      });
    }
    return {...parseTopology(await options.stdin(MAX_BYTES), '<stdin>', cwd), path: null};
  }
  const path = named === undefined ? await search(cwd) : resolve(cwd, named);
  const shown = named ?? (relative(cwd, path) || path);
  const from = named !== undefined && options.file === undefined ? ' (from RTOPO_TOPOLOGY)' : '';
  const read = await readFile({path, shown: `${escapeText(shown)}${from}`, found: named === undefined, options});
  const source = parseTopology(decode(read.bytes, escapeText(shown)), shown, dirname(path));
  return {...source, path: read.isPipe ? null : path};
}

async function search(cwd: string): Promise<string> {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, TOPOLOGY_FILE);
    if (await exists(path)) {
      return path;
    }
    if (dirname(folder) === folder) {
      break;
    }
  }
  const near = (await exists(join(cwd, 'rtopo.yaml'))) ? ' There is a rtopo.yaml; only rtopo.yml is searched for.' : '';
  throw notFound(`No ${TOPOLOGY_FILE} in ${escapeText(cwd)} or in a folder above it.${near}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

interface Reading {
  readonly path: string;
  /** For messages. */
  readonly shown: string;
  /** By the search, not by name. */
  readonly found: boolean;
  readonly options: LoadOptions;
}

async function readFile(reading: Reading): Promise<{bytes: Buffer; isPipe: boolean}> {
  const {path, shown, found, options} = reading;
  let file: FileHandle;
  try {
    // Non-blocking: opening a named pipe would otherwise wait for a writer, for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw openFailure(error, shown);
  }
  try {
    const stat = await file.stat();
    if (stat.isFile()) {
      if (found) {
        await refuseStrangers(path, stat);
      }
      return {bytes: await readAtMost(file, MAX_BYTES, shown), isPipe: false};
    }
    if (stat.isFIFO() && /^\/(?:dev|proc\/self)\/fd\/[0-9]+$/.test(path)) {
      return {bytes: await readPipe(path, shown, options.pipeTimeoutMs ?? 30_000), isPipe: true};
    }
    const kind = stat.isDirectory() ? 'is a folder' : stat.isFIFO() ? 'is a named pipe' : 'is not a regular file';
    throw unreadable(`The topology ${shown} ${kind}.`, 'Name a file with --topology FILE, or - for standard input.');
  } finally {
    await file.close();
  }
}

/**
 * In a folder like /tmp anybody can leave a file, and a topology names commands to run (passwordCommand). Such a file
 * is used only when it is named.
 */
async function refuseStrangers(path: string, stat: {readonly uid: number; readonly mode: number}): Promise<void> {
  const me = process.geteuid?.();
  if (me === undefined) {
    return;
  }
  const folder = await open(dirname(path), constants.O_RDONLY);
  const isOpenFolder = ((await folder.stat().finally(() => folder.close())).mode & 0o002) !== 0;
  const isStrange = (stat.mode & 0o002) !== 0 || (isOpenFolder && stat.uid !== me && stat.uid !== 0);
  if (isStrange) {
    throw new RtopoError({
      code: 'TOPOLOGY_UNTRUSTED',
      exit: ExitCode.topology,
      message: `${escapeText(path)} was found by searching, and anybody on this machine could have written it. A topology names commands that rtopo runs, so it was not read.`,
      remedy: 'If it is yours, run chmod o-w on it or name it with --topology FILE.',
    });
  }
}

async function readAtMost(file: FileHandle, limit: number, shown: string): Promise<Buffer> {
  const buffer = Buffer.alloc(limit + 1);
  let length = 0;
  for (;;) {
    const {bytesRead} = await file.read(buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (length > limit) {
      throw tooLarge(shown);
    }
    if (bytesRead === 0) {
      return buffer.subarray(0, length);
    }
  }
}

/** `--topology <(command)`: a pipe, read with a deadline. The socket owns the descriptor. */
async function readPipe(path: string, shown: string, timeoutMs: number): Promise<Buffer> {
  const socket = new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  socket.setTimeout(timeoutMs, () => {
    socket.destroy(unreadable(`The pipe ${shown} delivered nothing for ${timeoutMs} ms.`));
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BYTES) {
      socket.destroy();
      throw tooLarge(shown);
    }
  }
  return Buffer.concat(chunks);
}

/** UTF-8 or a refusal that says where it stops being that. The byte order mark stays: edits keep it. */
function decode(bytes: Buffer, shown: string): string {
  try {
    return new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    const before = bytes.toString('utf8').split('\ufffd')[0] ?? '';
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    throw new RtopoError({
      code: 'TOPOLOGY_INVALID',
      exit: ExitCode.topology,
      message: `${shown}:${line}:${column}: This is not UTF-8 text.`,
      remedy: `Save the file as UTF-8, for example with iconv -f latin1 -t utf8.`,
      details: {problems: [{file: shown, line, column, message: 'This is not UTF-8 text.'}]},
    });
  }
}

function openFailure(error: unknown, shown: string): RtopoError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return notFound(`There is no topology file ${shown}.`);
  }
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : String(code ?? 'unknown reason');
  return unreadable(`The topology ${shown} cannot be opened: ${why}.`, undefined, error);
}

function notFound(message: string): RtopoError {
  return new RtopoError({
    code: 'TOPOLOGY_NOT_FOUND',
    exit: ExitCode.topology,
    message,
    remedy:
      'Name a file with --topology FILE, write one with rtopo init, or try rtopo on servers of its own with rtopo sandbox up.',
  });
}

function tooLarge(shown: string): RtopoError {
  return unreadable(`The topology ${shown} is larger than 1 MB, which no topology is.`);
}

function unreadable(message: string, remedy?: string, cause?: unknown): RtopoError {
  return new RtopoError({
    code: 'TOPOLOGY_UNREADABLE',
    exit: ExitCode.topology,
    message,
    ...(remedy === undefined ? {} : {remedy}),
    ...(cause === undefined ? {} : {cause}),
  });
}

/** Where the topology file is, or would be, without reading it: journals are found by it even when the file is broken or gone. */
export async function topologyPath({file, env, cwd}: LoadOptions): Promise<string> {
  const named = file ?? (env.RTOPO_TOPOLOGY || undefined);
  return named === undefined ? search(cwd) : resolve(cwd, named);
}
