/** Function libraries are no keys: they stay behind when keys move. Compared before, and copied where that was asked for; never replaced. */
import {createHash} from 'node:crypto';
import {ExitCode, escapeText, RtopoError} from '../errors.js';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {type Node, openSocket} from './nodes.js';
import type {MatrixCell} from './records.js';

export interface Library {
  readonly name: string;
  readonly sha: string;
  readonly code: Buffer;
}

/** What a target lacks of the libraries of a server that gives it keys. */
export interface FunctionGap {
  readonly source: string;
  readonly target: string;
  readonly missing: readonly string[];
  /** Libraries of one name with other code. */
  readonly differing: readonly string[];
}

type Pairs = readonly Pick<MatrixCell, 'from' | 'to'>[];

/** Null where the server has no functions (before 7.0), or does not let us ask. */
async function readLibraries(socket: RespSocket): Promise<readonly Library[] | null> {
  const [reply] = await socket.batch([['FUNCTION', 'LIST', 'WITHCODE']]);
  // The server lists them as its table has them, which is no order.
  return Array.isArray(reply) ? reply.flatMap(readLibrary).sort((a, b) => (a.name < b.name ? -1 : 1)) : null;
}

function readLibrary(reply: RespReply): Library[] {
  if (!Array.isArray(reply)) return [];
  const partAfter = (label: string): RespReply | undefined =>
    reply[reply.findIndex((part, i) => i % 2 === 0 && String(part) === label) + 1];
  const [name, code] = [partAfter('library_name'), partAfter('library_code')];
  if (!Buffer.isBuffer(name) || !Buffer.isBuffer(code)) return [];
  return [{name: escapeText(name.toString()), sha: createHash('sha256').update(code).digest('hex'), code}];
}

/** What the targets of these pairs lack. Reads only. */
export async function functionGaps(nodes: readonly Node[], pairs: Pairs, timeoutMs: number): Promise<FunctionGap[]> {
  const concerned = nodes.filter(({name}) => pairs.some(({from, to}) => name === from || name === to));
  const held = new Map<string, readonly Library[] | null>();
  await Promise.all(
    concerned.map((node) =>
      withSocket(node, timeoutMs, async (socket) => {
        held.set(node.name, await readLibraries(socket));
      }),
    ),
  );
  const addressOf = (name: string): string => nodes.find((node) => node.name === name)!.at;
  return pairs.flatMap(({from, to}): FunctionGap[] => {
    const [source, target] = [held.get(from) ?? null, held.get(to) ?? null];
    if (source === null || target === null) return [];
    const twin = ({name}: Library): Library | undefined => target.find((one) => one.name === name);
    const missing = source.filter((library) => twin(library) === undefined).map(({name}) => name);
    const differing = source.filter((one) => (twin(one)?.sha ?? one.sha) !== one.sha).map(({name}) => name);
    if (missing.length + differing.length === 0) return [];
    return [{source: addressOf(from), target: addressOf(to), missing, differing}];
  });
}

/** What was loaded, by target. */
export interface LoadedLibraries {
  readonly at: string;
  readonly libraries: readonly string[];
}

/**
 * Loads into each target what it lacks of the libraries of its sources. Idempotent; a library of the same name is never replaced.
 * Call it before the counters of the servers are read for the writers' verdict: FUNCTION LOAD counts as a write.
 * @throws RtopoError exit 4 `FUNCTION_DIFFERS`, `FUNCTION_REFUSED`
 */
export async function copyFunctions(
  nodes: readonly Node[],
  pairs: Pairs,
  timeoutMs: number,
): Promise<LoadedLibraries[]> {
  const loaded: LoadedLibraries[] = [];
  for (const target of nodes) {
    const givers = nodes.filter(({name}) => pairs.some(({from, to}) => from === name && to === target.name));
    const libraries = new Map<string, Library>();
    for (const giver of givers) {
      const some = (await withSocket(giver, timeoutMs, readLibraries)) ?? [];
      for (const library of some) {
        const other = libraries.get(library.name);
        if (other !== undefined && other.sha !== library.sha) throw differs(library.name, target.at);
        libraries.set(library.name, library);
      }
    }
    if (libraries.size === 0) continue;
    const names = await withSocket(target, timeoutMs, (socket) => loadMissing(socket, target, [...libraries.values()]));
    if (names.length > 0) loaded.push({at: target.at, libraries: names});
  }
  return loaded;
}

async function loadMissing(socket: RespSocket, {at}: Node, wanted: readonly Library[]): Promise<string[]> {
  const held = await readLibraries(socket);
  const missing: Library[] = [];
  for (const library of wanted) {
    const own = held?.find(({name}) => name === library.name);
    if (own !== undefined && own.sha !== library.sha) throw differs(library.name, at);
    if (own === undefined) missing.push(library);
  }
  const replies = await socket.batch(missing.map(({code}) => ['FUNCTION', 'LOAD', code]));
  for (const [i, reply] of replies.entries()) {
    if (!(reply instanceof ReplyError)) continue;
    throw new RtopoError({
      code: 'FUNCTION_REFUSED',
      exit: ExitCode.incomplete,
      message: `${at} did not take the function library ${missing[i]!.name}: ${escapeText(reply.text)}.`,
      remedy: `load the library on ${at} by hand`,
    });
  }
  return missing.map(({name}) => name);
}

function differs(name: string, at: string): RtopoError {
  return new RtopoError({
    code: 'FUNCTION_DIFFERS',
    exit: ExitCode.incomplete,
    message: `The function library ${name} has other code on ${at} than where keys come from, or in two places they come from; rtopo replaces none.`,
    remedy: `make the library ${name} the same everywhere (FUNCTION LOAD REPLACE)`,
  });
}

async function withSocket<T>(node: Node, timeoutMs: number, use: (socket: RespSocket) => Promise<T>): Promise<T> {
  const socket = await openSocket(node, timeoutMs);
  try {
    return await use(socket);
  } finally {
    socket.close();
  }
}
