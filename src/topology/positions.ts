/** Where in the file a path leads: line and column, both counted from 1. */
import {type Alias, isAlias, isCollection, isMap, isScalar, isSeq, type LineCounter, type Node} from 'yaml';
import type {Path, Place} from './problems.js';

export class Positions {
  readonly #root: Node;
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #lines: LineCounter;

  constructor(root: Node, targets: ReadonlyMap<Alias, Node>, lines: LineCounter) {
    this.#root = root;
    this.#targets = targets;
    this.#lines = lines;
  }

  /**
   * The place of a value, or of the key in front of it. What is not written in the file is at the key of the nearest
   * mapping that would hold it.
   */
  of(path: Path, at: 'key' | 'value'): Place {
    let node: Node | null = this.#root;
    let key = 0;
    for (const segment of path) {
      const step = this.#step(node, segment);
      if (step === null) {
        return this.at(key);
      }
      ({node, key} = step);
    }
    const start = node?.range?.[0];
    const empty = node === null || start == null || (isScalar(node) && node.value === null && node.source === '');
    // A block mapping or list begins below its key; the key is where people look.
    const below = isCollection(node) && node.flow !== true && path.length > 0;
    return this.at(at === 'key' || empty || below ? key : start);
  }

  at(offset: number): Place {
    return placeAt(this.#lines, offset);
  }

  #step(from: Node | null, segment: string | number): {node: Node | null; key: number} | null {
    const parent = isAlias(from) ? (this.#targets.get(from) ?? null) : from;
    if (isSeq(parent) && typeof segment === 'number') {
      const node = (parent.items[segment] ?? null) as Node | null;
      return node === null ? null : {node, key: node.range?.[0] ?? 0};
    }
    if (isMap(parent)) {
      const pair = parent.items.find((one) => isScalar(one.key) && keyText(one.key) === String(segment));
      return pair === undefined ? null : {node: pair.value as Node | null, key: (pair.key as Node).range?.[0] ?? 0};
    }
    return null;
  }
}

/** A key as text; `stringKeys` made it a string already. */
export function keyText(key: {readonly value: unknown}): string {
  return String(key.value);
}

export function placeAt(lines: LineCounter, offset: number): Place {
  const {line, col} = lines.linePos(offset);
  return {line, column: col};
}
