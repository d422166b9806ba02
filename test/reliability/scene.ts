/** One small world per case: three fresh servers full of keys of every kind, a topology file, and a change that moves some of them. */
import {writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {everything, type Field, field, placer, topologyText} from '../migration/field.js';
import {type Snapshot, union} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import type {Rig, Server} from '../rig/servers.js';

export const shapes = ['join', 'leave', 'scheme', 'swap', 'split'] as const;
/** `join`: a third shard; `leave`: one of three; `scheme`: every server gives and takes; `swap`: one goes and one comes; `split`: one becomes two. */
export type Shape = (typeof shapes)[number];

interface At {
  readonly address: string;
}

export interface Scene {
  readonly shape: Shape;
  readonly seed: number;
  readonly servers: readonly Server[];
  /** As the file names them: the servers themselves, or what stands before them. */
  readonly endpoints: readonly At[];
  readonly rig: Rig;
  readonly home: Field;
  /** The topology file before the change, and what it shall become. */
  readonly from: string;
  readonly to: string;
  readonly before: Snapshot;
  /** The command that makes the change, without `--json`. */
  readonly args: readonly string[];
}

interface Change {
  readonly from: string;
  readonly to: string;
  readonly args: readonly string[];
}

const ring = '{scheme: ketama, hash: md5}';
const remainder = '{scheme: modulo, hash: crc32, hashTag: "{}"}';

function changeOf(shape: Shape, endpoints: readonly At[]): Change {
  const [a, b, c] = ['a', 'b', 'c'].map((name, i) => ({name, address: endpoints[i]!.address})) as [
    Sketch,
    Sketch,
    Sketch,
  ];
  const text = (placement: string, ...shards: Sketch[]) => topologyText(placement, shards);
  switch (shape) {
    case 'join':
      return {from: text(ring, a, b), to: text(ring, a, b, c), args: ['--add', `c=${c.address}`]};
    case 'leave':
      return {from: text(ring, a, b, c), to: text(ring, a, b), args: ['--remove', 'c']};
    case 'scheme':
      return {from: text(remainder, a, b, c), to: text(ring, a, b, c), args: ['--to', 'after.yml']};
    case 'swap':
      return {from: text(ring, a, b), to: text(ring, a, c), args: ['--remove', 'b', '--add', `c=${c.address}`]};
    case 'split':
      return {from: text(remainder, a), to: text(remainder, a, b), args: ['--add', `b=${b.address}`]};
  }
}

interface Sketch extends At {
  readonly name: string;
}

/** Servers of a change by their part in it: `source` gives keys away and takes none where the shape allows that. */
export function partsOf(shape: Shape): {readonly source: number; readonly target: number} {
  switch (shape) {
    case 'join':
      return {source: 0, target: 2};
    case 'leave':
      return {source: 2, target: 0};
    case 'scheme':
      return {source: 1, target: 2};
    case 'swap':
      return {source: 1, target: 2};
    case 'split':
      return {source: 0, target: 1};
  }
}

/** Which server of `endpoints` owns a key, before the change and after it. */
export function placersOf({shape, endpoints}: Pick<Scene, 'shape' | 'endpoints'>) {
  const {from, to} = changeOf(shape, endpoints);
  return {from: placer(from, endpoints), to: placer(to, endpoints)};
}

export interface SceneOptions {
  readonly servers: readonly Server[];
  readonly endpoints?: readonly At[];
  readonly rig: Rig;
  readonly shape: Shape;
  readonly seed: number;
  /** Default 60 to 100. */
  readonly keys?: number;
  /** Writes more, before the world is looked at. */
  readonly more?: (place: (key: Buffer) => number, next: (key: Buffer) => number) => Promise<unknown>;
}

export const dataOf = (seed: number, keys = 60 + (seed % 41)) => ({seed, keys, dbs: [0, 3, 9]});

/** Fills the servers and looks at what is there: what every check compares with. */
export async function makeScene(options: SceneOptions): Promise<Scene> {
  const {servers, rig, shape, seed, keys, more} = options;
  const endpoints = options.endpoints ?? servers;
  const {from, to, args} = changeOf(shape, endpoints);
  const place = placer(from, endpoints);
  await fill(servers, {...dataOf(seed, keys), place});
  await more?.(place, placer(to, endpoints));
  const before = await everything(servers);
  const home = field(rig, from);
  if (args.includes('--to')) writeFileSync(join(dirname(home.file), 'after.yml'), to);
  return {shape, seed, servers, endpoints, rig, home, from, to, before, args: ['rebalance', ...args, '--yes']};
}

/** Where every key lies now, by `db:hex`, sorted: equal texts mean that nothing moved. */
export async function holders(servers: readonly Server[]): Promise<string> {
  const {holders: found} = await union(servers);
  return [...found]
    .map(([id, on]) => `${id}@${on}`)
    .sort()
    .join('\n');
}
