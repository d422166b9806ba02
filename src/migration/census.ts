/** Counts every key by the node it is on and the node that will own it, and finds conflicts before anything is written. */
import {escapeText} from '../errors.js';
import type {RespSocket} from '../redis/resp/socket.js';
import {compareKeys} from './compare.js';
import {type Lane, type Node, withLane} from './nodes.js';
import {type Change, formerOwnerOf, ownerOf} from './plan.js';
import type {MatrixCell} from './records.js';
import {scanKeys} from './scan.js';

/** A name that two servers hold with different values: copying it would have to overwrite one of them. */
export interface Conflict {
  readonly key: string;
  readonly keyBase64: string;
  readonly db: number;
  readonly source: string;
  readonly target: string;
}

export interface Census {
  /** Keys seen on all nodes. */
  readonly scanned: number;
  readonly moving: number;
  /** Keys found where the present placement does not put them. */
  readonly strays: number;
  readonly matrix: readonly MatrixCell[];
  /** Keys per node: now, and after the change. */
  readonly loads: readonly {
    readonly name: string;
    readonly at: string;
    readonly keys: number;
    readonly keysAfter: number;
    readonly bytesIn: number;
  }[];
  readonly conflicts: number;
  /** At most `EXAMPLES` of them. */
  readonly conflictExamples: readonly Conflict[];
}

const EXAMPLES = 20;
/** MEMORY USAGE is asked for this many moving keys per source and database; the rest is extrapolated. */
const SIZE_SAMPLE = 1000;

interface Tally {
  scanned: number;
  strays: number;
  readonly keys: number[][];
  readonly sampledBytes: number[][];
  readonly sampledKeys: number[][];
  conflicts: number;
  readonly examples: Conflict[];
}

export async function takeCensus(change: Change, nodes: readonly Node[], timeoutMs: number): Promise<Census> {
  const table = (): number[][] => nodes.map(() => nodes.map(() => 0));
  const tally: Tally = {
    scanned: 0,
    strays: 0,
    keys: table(),
    sampledBytes: table(),
    sampledKeys: table(),
    conflicts: 0,
    examples: [],
  };
  await Promise.all(nodes.map((node) => withLane(timeoutMs, (lane) => countNode({change, nodes, node, lane, tally}))));
  return summarize(nodes, tally);
}

interface Counting {
  readonly change: Change;
  readonly nodes: readonly Node[];
  readonly node: Node;
  readonly lane: Lane;
  readonly tally: Tally;
}

async function countNode(counting: Counting): Promise<void> {
  const {change, node, lane, tally} = counting;
  for (const {db} of node.facts.keyspace) {
    const socket = await lane.to(node, db);
    let sampled = 0;
    for await (const keys of scanKeys(socket)) {
      tally.scanned += keys.length;
      const moving = new Map<number, Buffer[]>();
      const strays: Buffer[] = [];
      for (const key of keys) {
        if (node.inFrom && formerOwnerOf(change, key, node) !== node.number) strays.push(key);
        const owner = ownerOf(change, key, node);
        if (owner === node.number) tally.keys[node.number]![owner]! += 1;
        else moving.set(owner, [...(moving.get(owner) ?? []), key]);
      }
      tally.strays += strays.length;
      for (const [owner, batch] of moving) {
        tally.keys[node.number]![owner]! += batch.length;
        const sample = batch.slice(0, Math.max(0, SIZE_SAMPLE - sampled));
        sampled += sample.length;
        await sampleSizes({socket, sample, from: node.number, to: owner, tally});
        await findConflicts(counting, {db, keys: batch, others: [owner]});
      }
      // A stray may be an old copy of a key that lives where it belongs, and both would be sent to one target.
      const elsewhere = strays.filter((key) => ownerOf(change, key, node) !== node.number);
      const others = counting.nodes.filter(({number}) => number !== node.number).map(({number}) => number);
      if (elsewhere.length > 0) await findConflicts(counting, {db, keys: elsewhere, others, alreadyChecked: true});
    }
  }
}

async function sampleSizes(size: {
  socket: RespSocket;
  sample: readonly Buffer[];
  from: number;
  to: number;
  tally: Tally;
}): Promise<void> {
  const replies = await size.socket.batch(size.sample.map((key) => ['MEMORY', 'USAGE', key]));
  for (const reply of replies) {
    if (typeof reply !== 'number') continue;
    size.tally.sampledBytes[size.from]![size.to]! += reply;
    size.tally.sampledKeys[size.from]![size.to]! += 1;
  }
}

/** Names that another node holds as well. Equal values are no conflict. */
async function findConflicts(
  {change, nodes, node, lane, tally}: Counting,
  search: {db: number; keys: readonly Buffer[]; others: readonly number[]; alreadyChecked?: boolean},
): Promise<void> {
  const {db, keys} = search;
  for (const number of search.others) {
    const other = nodes[number]!;
    if (!other.facts.keyspace.some((space) => space.db === db)) continue;
    const here = await lane.to(node, db);
    const there = await lane.to(other, db);
    const present = await there.batch(keys.map((key) => ['EXISTS', key]));
    const shared = keys.filter(
      (key, i) => present[i] === 1 && !(search.alreadyChecked && ownerOf(change, key, node) === number),
    );
    const comparisons = await compareKeys(here, there, shared);
    for (const [i, key] of shared.entries()) {
      if (comparisons[i] !== 'different') continue;
      tally.conflicts += 1;
      if (tally.examples.length >= EXAMPLES) continue;
      tally.examples.push({
        key: escapeText(key.toString('utf8')),
        keyBase64: key.toString('base64'),
        db,
        source: node.at,
        target: other.at,
      });
    }
  }
}

function summarize(nodes: readonly Node[], tally: Tally): Census {
  const matrix: MatrixCell[] = [];
  for (const from of nodes) {
    for (const to of nodes) {
      const keys = tally.keys[from.number]![to.number]!;
      if (from === to || keys === 0) continue;
      const sampled = tally.sampledKeys[from.number]![to.number]!;
      const perKey = sampled === 0 ? 0 : tally.sampledBytes[from.number]![to.number]! / sampled;
      matrix.push({from: from.name, to: to.name, keys, bytes: Math.round(perKey * keys)});
    }
  }
  const sum = (cells: readonly MatrixCell[], field: 'keys' | 'bytes'): number =>
    cells.reduce((total, cell) => total + cell[field], 0);
  return {
    scanned: tally.scanned,
    moving: sum(matrix, 'keys'),
    strays: tally.strays,
    matrix,
    loads: nodes.map(({name, at, number}) => {
      const incoming = matrix.filter(({to}) => to === name);
      const keys = tally.keys[number]!.reduce((a, b) => a + b, 0);
      const keysAfter = tally.keys[number]![number]! + sum(incoming, 'keys');
      return {name, at, keys, keysAfter, bytesIn: sum(incoming, 'bytes')};
    }),
    conflicts: tally.conflicts,
    conflictExamples: tally.examples,
  };
}
