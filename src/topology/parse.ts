/**
 * `rtopo.yml` → `Topology`. Everything that is wrong with a file is said at once, each with line and column, in one
 * `TOPOLOGY_INVALID` (exit 78).
 */
import {dirname, resolve} from 'node:path';
import {RtopoError} from '../errors.js';
import {buildTopology} from './build.js';
import {checkConsistency, checkPlacement} from './consistency.js';
import {declaredShards} from './declared.js';
import {type ReadDocument, readDocument} from './document.js';
import {type LocatedProblem, type Path, problemLine, shownValue, topologyInvalid} from './problems.js';
import {checkShape} from './shape.js';
import type {Topology} from './types.js';

/** A topology together with the text it was read from. */
export interface TopologySource {
  readonly topology: Topology;
  /** The file as people name it in messages; not necessarily a path that can be opened. */
  readonly file: string;
  /** Exactly what was read, byte order mark included. */
  readonly text: string;
  /**
   * Runs `fn` on the topology. When it throws an `RtopoError` whose `details.path`, or the `path` of each of its
   * `details.problems`, leads into the file, the same error comes out with file, line and column in front of it.
   */
  check<T>(fn: (topology: Topology) => T): T;
}

/**
 * Reads a topology. `file` stands in messages; relative paths in the file start at `folder`, which is the folder of
 * `file` unless given. Throws `TOPOLOGY_INVALID` with every problem.
 */
export function parseTopology(text: string, file: string, folder = dirname(resolve(file))): TopologySource {
  const read = readDocument(text);
  if ('unreadable' in read) {
    throw topologyInvalid({file, problems: read.unreadable});
  }
  const topology = judge(read, folder);
  if (topology === null) {
    const problems = read.problems.list.map((problem) => {
      const {offset} = problem;
      const place = offset === undefined ? read.positions.of(problem.path, problem.at) : read.positions.at(offset);
      return {...problem, ...place};
    });
    throw topologyInvalid({file, problems, more: read.problems.more});
  }
  return {topology, file, text, check: (fn) => checked(() => fn(topology), file, read)};
}

/** Fills `read.problems`; the topology when there are none. */
function judge(read: ReadDocument, folder: string): Topology | null {
  const {value, problems, positions} = read;
  if (isOtherVersion(value)) {
    // Whatever else this file holds, it was not written for this version: nothing more is said.
    problems.only({
      path: ['version'],
      at: 'value',
      message: `This rtopo reads version 1 of the format, not ${shownValue(value.version)}`,
      remedy: 'Write version: 1, or use a newer rtopo when the file was made by one.',
    });
    return null;
  }
  const entries = checkShape(value, problems);
  const shards = declaredShards(value);
  checkConsistency({shards, problems, lineOf: (path) => positions.of(path, 'value').line});
  const placed = typeof value === 'object' && value !== null && Object.hasOwn(value, 'placement');
  checkPlacement(shards.length, placed, problems);
  return entries === null || problems.list.length > 0 ? null : buildTopology(entries, folder);
}

function isOtherVersion(value: unknown): value is {version: unknown} {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version !== 1 &&
    (typeof value.version === 'number' || (typeof value.version === 'string' && value.version !== '1'))
  );
}

function checked<T>(fn: () => T, file: string, {positions}: ReadDocument): T {
  try {
    return fn();
  } catch (error) {
    const problems = error instanceof RtopoError ? problemsOf(error) : [];
    if (!(error instanceof RtopoError) || problems.length === 0) {
      throw error;
    }
    const located = problems.map(({path, message}): LocatedProblem => {
      return {file, ...positions.of(path, 'value'), message, path};
    });
    located.sort((a, b) => a.line - b.line || a.column - b.column);
    throw new RtopoError({
      code: error.code,
      exit: error.exit,
      message: located.map(problemLine).join('\n'),
      ...(error.remedy === undefined ? {} : {remedy: error.remedy}),
      details: {...error.details, problems: located},
      cause: error,
    });
  }
}

/** What an error says about places of the file: its list of problems, or itself when it has one path. */
function problemsOf(error: RtopoError): readonly {path: Path; message: string}[] {
  const {problems, path} = error.details ?? {};
  const listed = Array.isArray(problems)
    ? problems.filter((one) => isPath(one?.path) && typeof one.message === 'string')
    : [];
  return listed.length > 0 ? listed : isPath(path) ? [{path, message: error.message}] : [];
}

function isPath(value: unknown): value is Path {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number');
}
