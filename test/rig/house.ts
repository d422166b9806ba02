/**
 * The house rules of ARCHITECTURE.md as a function: source texts in, violations out. It reads no files, so that the
 * test can show it offending sources too.
 */
import {posix} from 'node:path';
import {codeOnly} from './lexer.js';

/** Path from the repository's root (`src/redis/info.ts`) to the text of the file. */
export type Sources = ReadonlyMap<string, string>;

/** What a room may import: `types` are edges that must be `import type`. */
export interface Edges {
  readonly values: readonly string[];
  readonly types?: readonly string[];
}

const domain = ['topology', 'placement', 'replication', 'migration'];

export const rooms: Readonly<Record<string, Edges | 'everything'>> = {
  errors: {values: []},
  report: {values: [], types: domain},
  topology: {values: ['errors']},
  placement: {values: ['errors'], types: ['topology']},
  redis: {values: ['errors', 'topology']},
  journal: {values: ['errors', 'topology', 'redis']},
  replication: {values: ['errors', 'topology', 'redis', 'journal', 'report']},
  migration: {values: ['errors', 'topology', 'placement', 'redis', 'journal', 'replication', 'report']},
  interop: {values: ['errors', 'topology']},
  sandbox: {values: ['errors', 'topology', 'redis', 'report']},
  render: {values: ['errors', 'report'], types: domain},
  cli: {values: ['errors', 'report', 'render']},
  commands: 'everything',
  index: {values: ['topology', 'placement', 'errors']},
};

/** A library and the only paths below `src/` that may import it; a trailing slash means the whole folder. */
export const owners: Readonly<Record<string, readonly string[]>> = {
  '@oclif/core': ['cli/', 'commands/'],
  ioredis: ['redis/connect.ts'],
  inquirer: ['cli/confirm.ts'],
  'cli-table3': ['render/table.ts'],
  yaml: ['topology/'],
  valibot: ['topology/', 'placement/'],
  'fastest-levenshtein': ['errors.ts'],
};

export const pureFolders = ['placement', 'report', 'render'];
export const pureFiles = [
  'plan.ts',
  'judge.ts',
  'lineage.ts',
  'digest.ts',
  'diff.ts',
  'payload.ts',
  'packing.ts',
  'recounted.ts',
];
const impureModules = /^(node:)?(fs|net|tls|dgram|dns|http|https|http2|child_process|worker_threads|cluster|os)(\/|$)/;
const impureCode: readonly [RegExp, string][] = [
  [/\bDate\s*\.\s*now\b/, 'Date.now'],
  [/\bnew\s+Date\s*(\(\s*\)|(?![\s(]))/, 'new Date()'],
  [/\bMath\s*\.\s*random\b/, 'Math.random'],
  [/\bperformance\s*\.\s*now\b/, 'performance.now'],
  [/\brandom(Bytes|UUID|Int)\b/, 'node:crypto randomness'],
  [/(?<![.\w$])process\b(?!\s*\??\s*[:(])/, 'process'],
];
const forbiddenFolders = ['utils', 'helpers', 'common', 'services'];
const commandLines = 70;

/** What must not be reachable by static imports from where. */
const lightDoors: readonly [string, readonly string[]][] = [
  ['src/index.ts', ['@oclif/core', 'ioredis']],
  ['src/commands/locate.ts', ['ioredis']],
];

export interface Import {
  /** A path below the root, or the name of a package or built-in module. */
  readonly target: string;
  /** Erased by the compiler: `import type`, `export type … from`. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

const statement =
  /(?:^|[;}\n])\s*(?:import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?[^;'"`()]*?\bfrom\s*(['"])([^'"\n]*)\2/dg;
const bare = /(?:^|[;}\n])\s*import\s*(['"])([^'"\n]*)\1/dg;
const call = /\b(?:import|require)\s*\(\s*(['"`])([^'"`\n]*)\1/dg;

export function importsOf(path: string, source: string): Import[] {
  // Strings are blank in `code`, so that a sentence about an import is none; the specifier is read from the source.
  const code = codeOnly(source);
  const find = (pattern: RegExp, group: number, dynamic: boolean): Import[] =>
    [...code.matchAll(pattern)].map((match) => {
      const [from, to] = match.indices![group]!;
      const typeOnly = pattern === statement && match[1] !== undefined;
      return {target: resolveTarget(path, source.slice(from, to)), typeOnly, dynamic};
    });
  return [...find(statement, 3, false), ...find(bare, 2, false), ...find(call, 2, true)];
}

function resolveTarget(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
}

/** `src/redis/resp/encoder.ts` → redis, `src/errors.ts` → errors, outside of src → null. */
function roomOf(path: string): string | null {
  const [top, first] = path.split('/');
  return top === 'src' && first !== undefined ? first.replace(/\.ts$/, '') : null;
}

/** `@oclif/core/help` → `@oclif/core` */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Every breach of the page, one sentence each. */
export function violations(sources: Sources): string[] {
  const found: string[] = [];
  for (const [path, source] of sources) {
    const room = roomOf(path);
    if (room === null) continue;
    if (rooms[room] === undefined) found.push(`${path}: there is no room '${room}'`);
    for (const folder of path.split('/').slice(0, -1)) {
      if (forbiddenFolders.includes(folder)) found.push(`${path}: a folder must not be called '${folder}'`);
    }
    const lines = source.trimEnd().split('\n').length;
    if (room === 'commands' && lines > commandLines) found.push(`${path}: ${lines} lines, at most ${commandLines}`);
    for (const one of importsOf(path, source)) found.push(...importViolations(path, room, one));
    if (isPure(path)) found.push(...impurities(path, source));
  }
  for (const [door, heavy] of lightDoors) if (sources.has(door)) found.push(...heavyImports(sources, door, heavy));
  return found;
}

function importViolations(path: string, room: string, {target, typeOnly}: Import): string[] {
  if (!target.startsWith('src/')) {
    if (/^\.|^(test|scripts|bench|bin|dist)\//.test(target)) return [`${path}: leaves src/ for ${target}`];
    return libraryViolations(path, target);
  }
  const edges = rooms[room];
  const other = roomOf(target)!;
  if (edges === undefined || edges === 'everything' || other === room || edges.values.includes(other)) return [];
  if (!edges.types?.includes(other)) return [`${path}: ${room} must not import ${other} (${target})`];
  return typeOnly ? [] : [`${path}: ${room} may import types of ${other} only; use 'import type' (${target})`];
}

function libraryViolations(path: string, specifier: string): string[] {
  if (specifier.startsWith('node:')) return [];
  const name = packageOf(specifier);
  const allowed = owners[name];
  if (allowed === undefined) return [`${path}: '${name}' is not a library of this house`];
  const inside = path.slice('src/'.length);
  const owned = allowed.some((owner) => (owner.endsWith('/') ? inside.startsWith(owner) : inside === owner));
  return owned ? [] : [`${path}: '${name}' belongs to ${allowed.join(' and ')}`];
}

function isPure(path: string): boolean {
  return pureFolders.includes(roomOf(path)!) || pureFiles.includes(posix.basename(path));
}

function impurities(path: string, source: string): string[] {
  const code = codeOnly(source);
  return [
    ...importsOf(path, source)
      .filter(({target}) => impureModules.test(target) || /^(node:)?process$/.test(target))
      .map(({target}) => `${path}: pure, but imports ${target}`),
    ...impureCode.filter(([pattern]) => pattern.test(code)).map(([, name]) => `${path}: pure, but uses ${name}`),
  ];
}

/** Follows static value imports from a door; says by which way a heavy library comes in. */
function heavyImports(sources: Sources, door: string, heavy: readonly string[]): string[] {
  const found: string[] = [];
  const ways = new Map([[door, door]]);
  for (const path of ways.keys()) {
    const source = sources.get(path);
    if (source === undefined) continue;
    for (const {target, typeOnly, dynamic} of importsOf(path, source)) {
      if (typeOnly || dynamic) continue;
      const way = `${ways.get(path)} → ${target}`;
      if (heavy.includes(packageOf(target))) found.push(`${door} loads ${packageOf(target)}: ${way}`);
      if (!ways.has(target)) ways.set(target, way);
    }
  }
  return found;
}
