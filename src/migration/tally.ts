/** Sums of a census: exact ones, or estimates with their interval. Knows no server. */
import {escapeText} from '../errors.js';
import type {RespReply} from '../redis/resp/decode.js';
import type {Census, CensusCell} from './census.js';
import type {Conflict, ConflictTally} from './conflicts.js';
import type {Node} from './nodes.js';

export interface StrayExample {
  readonly key: string;
  readonly keyBase64: string;
  readonly db: number;
  readonly at: string;
}

const EXAMPLES = 20;
/** 95 % of a normal distribution lie within so many standard deviations. */
const Z95 = 1.96;

/** The keys of one database of one node, as they are placed. */
export class PlacedKeys {
  readonly #self: number;
  /** Keys by future owner; the node itself among them. */
  readonly byOwner: number[];
  /** Keys of the page at hand that leave, by future owner. */
  readonly moving: Buffer[][];
  /** Strays of the page at hand. */
  strays: Buffer[] = [];
  strayCount = 0;
  looked = 0;

  constructor(size: number, self: number) {
    this.#self = self;
    this.byOwner = new Array<number>(size).fill(0);
    this.moving = Array.from({length: size}, () => []);
  }

  /** `key` may be null for one that stays and is where it belongs: nobody will ask for it. */
  place(owner: number, key: Buffer | null, isStray: boolean): void {
    this.looked += 1;
    this.byOwner[owner]! += 1;
    if (key === null) return;
    if (owner !== this.#self) this.moving[owner]!.push(key);
    if (!isStray) return;
    this.strayCount += 1;
    this.strays.push(key);
  }

  nextPage(): void {
    for (const [owner, keys] of this.moving.entries()) if (keys.length > 0) this.moving[owner] = [];
    if (this.strays.length > 0) this.strays = [];
  }
}

interface Cell {
  keys: number;
  variance: number;
  sampledKeys: number;
  sampledBytes: number;
}

export class Tally implements ConflictTally {
  readonly #cells: readonly (readonly Cell[])[];
  readonly #moving = {keys: 0, variance: 0};
  readonly #strays: StrayExample[] = [];
  readonly #straysOn = new Map<number, number>();
  readonly #conflicts: Conflict[] = [];
  readonly #conflictsAt = new Map<string, number>();
  readonly #unmeasured = new Set<number>();
  #rivals = 0;
  sampled = 0;

  constructor(size: number) {
    const cell = (): Cell => ({keys: 0, variance: 0, sampledKeys: 0, sampledBytes: 0});
    this.#cells = Array.from({length: size}, () => Array.from({length: size}, cell));
  }

  /** A database that was looked at, whole or in part; it holds `total` keys. */
  add(from: number, placed: PlacedKeys, total: number): void {
    const {looked, byOwner, strayCount} = placed;
    if (looked === 0) return;
    for (const [to, found] of byOwner.entries()) {
      const cell = this.#cells[from]![to]!;
      cell.keys += (found * total) / looked;
      cell.variance += varianceOf(found, looked, total);
    }
    const moving = looked - byOwner[from]!;
    this.#moving.keys += (moving * total) / looked;
    this.#moving.variance += varianceOf(moving, looked, total);
    if (strayCount > 0) this.#straysOn.set(from, (this.#straysOn.get(from) ?? 0) + (strayCount * total) / looked);
  }

  /** Answers of MEMORY USAGE; nil for a key that is gone. */
  addSizes(from: number, to: number, replies: readonly RespReply[]): void {
    const cell = this.#cells[from]![to]!;
    for (const reply of replies) {
      if (typeof reply !== 'number') {
        if (reply !== null) this.#unmeasured.add(from);
        continue;
      }
      cell.sampledBytes += reply;
      cell.sampledKeys += 1;
    }
  }

  addConflict(conflict: Conflict): void {
    if (conflict.kind === 'rival') this.#rivals += 1;
    else this.#conflictsAt.set(conflict.target, (this.#conflictsAt.get(conflict.target) ?? 0) + 1);
    if (this.#conflicts.length < EXAMPLES) this.#conflicts.push(conflict);
  }

  strayExample({at}: Node, db: number, keys: readonly Buffer[]): void {
    for (const key of keys.slice(0, EXAMPLES - this.#strays.length)) {
      this.#strays.push({key: escapeText(key.toString('utf8')), keyBase64: key.toString('base64'), db, at});
    }
  }

  census(nodes: readonly Node[], method: Census['method']): Census {
    const matrix = this.#matrix(nodes, method);
    const keysOn = (number: number): number => this.#cells[number]!.reduce((sum, {keys}) => sum + keys, 0);
    const loads = nodes.map(({name, at, number}) => {
      const incoming = matrix.filter(({to}) => to === name);
      const arriving = incoming.reduce((sum, {keys}) => sum + keys, 0);
      return {
        ...{name, at, keys: Math.round(keysOn(number))},
        keysAfter: Math.round(this.#cells[number]![number]!.keys) + arriving,
        bytesIn: incoming.reduce((sum, {bytes}) => sum + bytes, 0),
      };
    });
    const byNode = (keysAt: (node: Node) => number | undefined) =>
      nodes.flatMap((node) => {
        const keys = Math.round(keysAt(node) ?? 0);
        return keys === 0 ? [] : [{at: node.at, keys}];
      });
    const straysAt = byNode(({number}) => this.#straysOn.get(number));
    const conflictsAt = byNode(({at}) => this.#conflictsAt.get(at));
    return {
      ...{method, matrix, loads, conflictsAt, sampled: this.sampled, rivals: this.#rivals},
      scanned: loads.reduce((sum, {keys}) => sum + keys, 0),
      moving: matrix.reduce((sum, {keys}) => sum + keys, 0),
      movingPlusMinus: Math.ceil(Z95 * Math.sqrt(this.#moving.variance)),
      strays: straysAt.reduce((sum, {keys}) => sum + keys, 0),
      straysAt,
      strayExamples: this.#strays,
      conflicts: conflictsAt.reduce((sum, {keys}) => sum + keys, this.#rivals),
      conflictExamples: this.#conflicts,
      unmeasured: [...this.#unmeasured].map((number) => nodes[number]!.at),
    };
  }

  #matrix(nodes: readonly Node[], method: Census['method']): CensusCell[] {
    const cells: CensusCell[] = [];
    for (const from of nodes) {
      const row = this.#cells[from.number]!;
      const measured = row.reduce((sum, {sampledKeys}) => sum + sampledKeys, 0);
      const average = row.reduce((sum, {sampledBytes}) => sum + sampledBytes, 0) / Math.max(1, measured);
      for (const to of nodes) {
        const {keys: exact, variance, sampledKeys, sampledBytes} = row[to.number]!;
        const keys = Math.round(exact);
        if (from === to || keys === 0) continue;
        // A pair that the sample did not meet has keys like those of its source.
        const bytes = Math.round(keys * (sampledKeys === 0 ? average : sampledBytes / sampledKeys));
        const interval = method === 'exact' ? {} : {plusMinus: Math.ceil(Z95 * Math.sqrt(variance))};
        cells.push({from: from.name, to: to.name, keys, bytes, ...interval});
      }
    }
    return cells;
  }
}

/**
 * Of the number of keys that is extrapolated from `found` among `looked`. The share is that of Agresti and Coull (two successes and
 * two failures more), which has no interval of width 0; what was looked at is no guess any more (finite population).
 */
function varianceOf(found: number, looked: number, total: number): number {
  if (looked >= total) return 0;
  const share = (found + 2) / (looked + 4);
  return (total ** 2 * share * (1 - share) * (1 - looked / total)) / (looked + 4);
}
