/** Holds a plain value against the schema and says every difference as a sentence with a path. */
import * as v from 'valibot';
import {didYouMean} from '../errors.js';
import {isPrefix, type Path, type Problem, type Problems, pathText, quoted, shownValue} from './problems.js';
import {type TopologyFile, topologySchema} from './schema.js';
import {isPrivate} from './secrets.js';

/** What the walk for unknown keys needs to know of a valibot schema. */
interface AnySchema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, AnySchema>>;
  readonly item?: AnySchema;
  readonly wrapped?: AnySchema;
  readonly options?: readonly AnySchema[];
  readonly message?: unknown;
}

/** Adds what is wrong to `problems`; returns the typed value when its shape is right, else null. */
export function checkShape(value: unknown, problems: Problems): TopologyFile | null {
  const earlier = problems.list.map((problem) => problem.path);
  const misfits: Problem[] = [];
  findMisfits(topologySchema as unknown as AnySchema, value, [], misfits);
  const wrongKinds = new Set(misfits.filter(({at}) => at === 'value').map(({path}) => JSON.stringify(path)));
  const result = v.safeParse(topologySchema, value);
  const issues = result.success ? [] : result.issues.flatMap((issue) => issueProblems(issue, []));
  for (const problem of misfits) {
    if (!isConsequence(problem, earlier)) {
      problems.add(problem);
    }
  }
  for (const problem of issues) {
    if (!isConsequence(problem, earlier) && !isWithin(wrongKinds, problem.path)) {
      problems.add(problem);
    }
  }
  return result.success && misfits.length === 0 ? result.output : null;
}

/** Whether one of `paths` leads to `path` or to something around it. */
function isWithin(paths: ReadonlySet<string>, path: Path): boolean {
  return paths.size > 0 && [...path, null].some((_, length) => paths.has(JSON.stringify(path.slice(0, length))));
}

/** What was refused while reading is not in the value: it must not be reported as missing a second time. */
function isConsequence(problem: Problem, earlier: readonly Path[]): boolean {
  return earlier.some(
    (path) => isPrefix(path, problem.path) || (problem.path.length > 0 && isPrefix(problem.path, path)),
  );
}

/** Unknown keys (valibot would report only the first of each mapping), and lists where mappings belong. */
function findMisfits(schema: AnySchema, value: unknown, path: Path, found: Problem[]): void {
  if (typeof value !== 'object' || value === null) {
    return;
  }
  const wanted = Array.isArray(value) ? ['array'] : ['strict_object', 'loose_object'];
  const fitting = alternatives(schema).find((one) => wanted.includes(one.type));
  if (fitting === undefined) {
    found.push({path, at: 'value', message: `${pathText(path)} ${messageOf(schema)}, not ${shownValue(value)}`});
    return;
  }
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      findMisfits(fitting.item!, item, [...path, i], found);
    }
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    const entry = Object.hasOwn(fitting.entries!, key) ? fitting.entries![key] : undefined;
    if (entry !== undefined) {
      findMisfits(entry, inner, [...path, key], found);
    } else if (fitting.type === 'strict_object') {
      found.push(unknownKey(key, path, Object.keys(fitting.entries!)));
    }
  }
}

/** A schema as a list of what it allows: unions opened, optional taken off. */
function alternatives(schema: AnySchema): readonly AnySchema[] {
  if (schema.wrapped !== undefined) {
    return alternatives(schema.wrapped);
  }
  return schema.type === 'union' ? schema.options!.flatMap(alternatives) : [schema];
}

/** What the schema says when the kind of value is wrong. */
function messageOf(schema: AnySchema): string {
  return schema.wrapped === undefined ? String(schema.message) : messageOf(schema.wrapped);
}

/** Keys that people bring along from elsewhere, and what they are called here. */
const FOREIGN: Readonly<Record<string, string>> = {
  slave: 'replicas',
  slaves: 'replicas',
  servers: 'shards',
  nodes: 'shards',
  masters: 'shards',
  host: 'address',
  port: 'address',
  url: 'address',
  user: 'username',
  replicaof: 'of',
  slaveof: 'of',
  distribution: 'placement',
};

function unknownKey(key: string, path: Path, known: readonly string[]): Problem {
  const here: Path = [...path, key];
  const foreign = Object.hasOwn(FOREIGN, key.toLowerCase()) ? FOREIGN[key.toLowerCase()]! : null;
  const meant = foreign !== null && known.includes(foreign) ? foreign : didYouMean(key.slice(0, 100), known);
  if (key === 'of' && path.at(-1) === 'master') {
    return {
      path: here,
      at: 'key',
      message: `${pathText(path)} is a master and follows nobody: "of" belongs to replicas`,
    };
  }
  // Somebody may have written the password where a key belongs: only a key that looks like one of ours is repeated.
  const isPathSecret = isPrivate(path) && meant === null;
  const name = isPathSecret ? 'Unknown key' : `Unknown key ${quoted(key)}`;
  const advice = meant === null ? `known here: ${known.join(', ')}` : `did you mean "${meant}"?`;
  return {
    path: here,
    at: 'key',
    isPathSecret,
    message: `${name}${path.length === 0 ? '' : ` in ${pathText(path)}`}; ${advice}`,
  };
}

type Issue = Pick<v.BaseIssue<unknown>, 'kind' | 'type' | 'expected' | 'input' | 'message'> & {
  readonly path?: readonly {readonly key?: unknown; readonly origin?: unknown}[] | undefined;
  readonly issues?: readonly Issue[] | undefined;
};

function issueProblems(issue: Issue, parent: Path): Problem[] {
  const path: Path = [...parent, ...(issue.path ?? []).map((item) => item.key as string | number)];
  // The first alternative that went into the value is the one that was meant: a mapping with a mistake in it.
  const inner = (issue.issues ?? []).filter((one) => one.path !== undefined);
  if (inner.length > 0) {
    return inner.flatMap((one) => issueProblems(one, path));
  }
  if (issue.path?.at(-1)?.origin === 'key') {
    // Unknown keys have their own walk; what is left are missing keys.
    return issue.expected === 'never' ? [] : [missingKey(path)];
  }
  const where = pathText(path);
  if (!issue.message.startsWith('must ')) {
    return [{path, at: 'value', message: `${where}: ${issue.message}`}];
  }
  return [{path, at: 'value', message: `${where} ${issue.message}${insteadOf(issue, path)}`}];
}

function insteadOf(issue: Issue, path: Path): string {
  const {input} = issue;
  if (input === null) {
    return '; it is empty';
  }
  const quotes = issue.type === 'string' && (typeof input === 'number' || typeof input === 'boolean');
  const advice = quotes ? ': write it in quotes' : '';
  return isPrivate(path) && typeof input !== 'object' ? advice : `, not ${shownValue(input)}${advice}`;
}

const PURPOSE: Readonly<Record<string, string>> = {
  version: 'write `version: 1`',
  name: 'a name such as cache',
  master: 'the address of the instance that takes the writes',
  shards: 'the list of shards',
  address: 'the host:port that rtopo dials',
  scheme: 'how the client finds the shard of a key, such as ketama',
};

function missingKey(path: Path): Problem {
  const key = String(path.at(-1));
  const purpose = Object.hasOwn(PURPOSE, key) ? `: ${PURPOSE[key]}` : '';
  return {path, at: 'key', message: `${pathText(path.slice(0, -1))} has no key "${key}"${purpose}`};
}
