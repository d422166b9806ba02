/** Names that two servers hold with different values: copying one of them would have to overwrite the other. Equal values are none. */
import {escapeText} from '../errors.js';
import {replyFault} from '../redis/faults.js';
import {ReplyError} from '../redis/resp/decode.js';
import {compareKeys} from './compare.js';
import type {Lane, Node} from './nodes.js';
import {type Change, ownerOf} from './plan.js';

/**
 * `occupied`: the target holds the name already, and the value at the source is to go there. `rival`: a copy that does not belong on
 * its server and the one that does would both go to a third server.
 */
export interface Conflict {
  readonly kind: 'occupied' | 'rival';
  readonly key: string;
  readonly keyBase64: string;
  readonly db: number;
  readonly source: string;
  readonly target: string;
}

/** Who is told of what is found. */
export interface ConflictTally {
  addConflict(conflict: Conflict): void;
}

export interface ConflictScene {
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly node: Node;
  readonly lane: Lane;
  readonly tally: ConflictTally;
  readonly db: number;
}

/** Names in one question. Nearly all answers are 0, and end the search. */
const EXISTS_KEYS = 500;
/** Whole values are compared: not many at a time. */
const COMPARE_KEYS = 50;

/** The keys of one database of one node, gathered by the node that may hold them as well. Questions overlap with the scan. */
export class ConflictSearch {
  readonly #scene: ConflictScene;
  readonly #gathered = new Map<number, {occupied: Buffer[]; rival: Buffer[]}>();
  #asking: Promise<void> = Promise.resolve();

  constructor(scene: ConflictScene) {
    this.#scene = scene;
    for (const {number, facts} of scene.nodes) {
      // A server without keys in this database has no conflict to offer.
      const hasKeys = facts.keyspace.some(({db, keys}) => db === scene.db && keys > 0);
      if (number !== scene.node.number && hasKeys) this.#gathered.set(number, {occupied: [], rival: []});
    }
  }

  /** Keys that go to that node. */
  async add(target: number, keys: readonly Buffer[]): Promise<void> {
    const gathered = this.#gathered.get(target);
    if (gathered === undefined) return;
    gathered.occupied.push(...keys);
    if (gathered.occupied.length >= EXISTS_KEYS) await this.#ask(target);
  }

  /** A stray may be an old copy of a key that lives where it belongs, and both would be sent to one target. */
  async addStrays(keys: readonly Buffer[]): Promise<void> {
    const {change, node} = this.#scene;
    for (const key of keys) {
      const owner = ownerOf(change, key, node);
      if (owner === node.number) continue;
      for (const [number, {rival}] of this.#gathered) if (number !== owner) rival.push(key);
    }
    for (const [number, {rival}] of this.#gathered) if (rival.length >= EXISTS_KEYS) await this.#ask(number);
  }

  async end(): Promise<void> {
    for (const number of this.#gathered.keys()) await this.#ask(number);
    await this.#asking;
  }

  /** Waits for the question before, and asks without waiting for the answer. */
  async #ask(number: number): Promise<void> {
    const gathered = this.#gathered.get(number)!;
    const asked = {...gathered};
    this.#gathered.set(number, {occupied: [], rival: []});
    await this.#asking;
    this.#asking = this.#search(number, 'occupied', asked.occupied).then(() =>
      this.#search(number, 'rival', asked.rival),
    );
    this.#asking.catch(() => undefined);
  }

  async #search(number: number, kind: Conflict['kind'], keys: readonly Buffer[]): Promise<void> {
    const {nodes, node, lane, db, tally} = this.#scene;
    if (keys.length === 0) return;
    const [here, there] = [await lane.to(node, db), await lane.to(nodes[number]!, db)];
    const [count] = await there.batch([['EXISTS', ...keys]]);
    if (count instanceof ReplyError) throw replyFault(there.address, count.text, 'EXISTS');
    if (count === 0) return;
    const present = await there.batch(keys.map((key) => ['EXISTS', key]));
    const shared = keys.filter((_, i) => present[i] === 1);
    for (let at = 0; at < shared.length; at += COMPARE_KEYS) {
      const some = shared.slice(at, at + COMPARE_KEYS);
      const comparisons = await compareKeys(here, there, some);
      for (const [i, key] of some.entries()) {
        if (comparisons[i] !== 'different') continue;
        const name = {key: escapeText(key.toString('utf8')), keyBase64: key.toString('base64'), db};
        tally.addConflict({kind, ...name, source: node.at, target: nodes[number]!.at});
      }
    }
  }
}
