/** YAML nodes become plain data; on the way, everything that a topology must not hold is reported and left out. */
import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import {keyText, placeAt} from './positions.js';
import {type Path, type Problems, quoted} from './problems.js';
import {holdsUrlPassword, isPrivate, isSecretKey, SECRET_ADVICE, SECRET_REMEDY} from './secrets.js';

const MAX_ALIASES = 100;
const MAX_DEPTH = 64;

interface Reader {
  readonly problems: Problems;
  readonly lines: LineCounter;
  /** Filled on the way: what each alias stands for. */
  readonly targets: Map<Alias, Node>;
  readonly anchors: Map<string, Node>;
  /** The nodes that are being read right now: an alias to one of them would never end. */
  readonly open: Set<Node>;
  aliases: number;
}

export function plainValue(root: Node, results: Pick<Reader, 'problems' | 'lines' | 'targets'>): unknown {
  return plain(root, [], {...results, anchors: new Map(), open: new Set(), aliases: 0});
}

function plain(node: Node | null, path: Path, reader: Reader): unknown {
  if (node === null) {
    return null;
  }
  if (isAlias(node)) {
    return aliased(node, path, reader);
  }
  if ('anchor' in node && node.anchor !== undefined) {
    reader.anchors.set(node.anchor, node);
  }
  if (isScalar(node)) {
    return scalar(node, path, reader);
  }
  if (path.length > MAX_DEPTH) {
    reader.problems.add({path, at: 'value', message: `This is nested more than ${MAX_DEPTH} levels deep`});
    return null;
  }
  reader.open.add(node);
  const value = isMap(node)
    ? mapping(node, path, reader)
    : isSeq(node)
      ? node.items.map((item, i) => plain(item as Node | null, [...path, i], reader))
      : null;
  reader.open.delete(node);
  return value;
}

function aliased(alias: Alias, path: Path, reader: Reader): unknown {
  const target = reader.targets.get(alias) ?? reader.anchors.get(alias.source);
  reader.aliases += 1;
  const message =
    reader.aliases > MAX_ALIASES
      ? `More than ${MAX_ALIASES} aliases are used: write the values out`
      : target === undefined
        ? 'This alias has no anchor before it'
        : reader.open.has(target)
          ? 'This alias refers to something that contains it'
          : null;
  if (message !== null || target === undefined) {
    // One report of a bomb is enough.
    if (reader.aliases <= MAX_ALIASES + 1) {
      reader.problems.add({path, at: 'value', message: message ?? ''});
    }
    return null;
  }
  reader.targets.set(alias, target);
  return plain(target, path, reader);
}

function mapping(node: YAMLMap, path: Path, reader: Reader): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const seen = new Map<string, number>();
  for (const pair of node.items) {
    if (!isScalar(pair.key)) {
      reader.problems.add({path, at: 'value', message: 'Every key must be plain text'});
      continue;
    }
    const key = keyText(pair.key);
    const here = [...path, key];
    const offset = pair.key.range?.[0] ?? 0;
    const first = seen.get(key);
    const refused = first === undefined ? forbiddenKey(key) : doubledKey(here, placeAt(reader.lines, first).line);
    seen.set(key, first ?? offset);
    if (refused !== null) {
      reader.problems.add({path: here, at: 'key', offset, ...refused});
      continue;
    }
    value[key] = plain(pair.value as Node | null, here, reader);
  }
  return value;
}

interface Refusal {
  readonly message: string;
  readonly remedy?: string;
  readonly isPathSecret?: boolean;
}

function doubledKey(path: Path, line: number): Refusal {
  const key = String(path.at(-1));
  const isPathSecret = holdsUrlPassword(key) || isPrivate(path);
  return {
    message: `${isPathSecret ? 'This key' : `The key ${quoted(key)}`} was already given on line ${line}`,
    isPathSecret,
  };
}

function forbiddenKey(key: string): Refusal | null {
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
    return {message: `The key ${quoted(key)} is never allowed`};
  }
  if (key === '<<') {
    return {message: 'Merge keys (<<) are not supported: write the keys out'};
  }
  if (isSecretKey(key)) {
    return {message: `The key ${quoted(key)} would put a secret here: ${SECRET_ADVICE}`, remedy: SECRET_REMEDY};
  }
  if (holdsUrlPassword(key)) {
    return {message: `A URL with a login stands here: ${SECRET_ADVICE}`, remedy: SECRET_REMEDY, isPathSecret: true};
  }
  return null;
}

function scalar(node: Scalar, path: Path, reader: Reader): unknown {
  const {value, source} = node;
  const refuse = (message: string, remedy?: string): null => {
    reader.problems.add({path, at: 'value', message, ...(remedy === undefined ? {} : {remedy})});
    return null;
  };
  if (typeof value === 'string') {
    return holdsUrlPassword(value) ? refuse(`A URL with a login stands here: ${SECRET_ADVICE}`, SECRET_REMEDY) : value;
  }
  if (typeof value === 'number') {
    if (/^[-+]?0[0-9]/.test(source ?? '')) {
      return refuse('A number with a leading zero is read in two ways: write it without, or in quotes if it is text');
    }
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      return refuse('This number cannot be kept exactly: write it in quotes if it is text');
    }
    return value;
  }
  return value === null || typeof value === 'boolean'
    ? value
    : refuse('Only text, numbers, true and false are values here');
}
