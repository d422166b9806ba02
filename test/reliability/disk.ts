/** Layer 4: the disk of the journal and of the topology file fails, is full, tears what is written, or loses what was not synced. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {assertStatus, durable, said} from '../migration/field.js';
import {prng} from '../rig/data.js';
import {type Rig, withServers} from '../rig/servers.js';
import {assertFinished, assertNoop, assertWhole, resumeStrictly} from './check.js';
import {type Loss, losses} from './durability.js';
import {before} from './faults.js';
import {act, countPoints, leadUp, type Verb} from './kill.js';
import {type Layer, type Outcome, spread} from './layer.js';
import {cutPower} from './power.js';
import type {TcpProxy} from './proxy.js';
import {holders, makeScene, type Scene, type Shape} from './scene.js';
import {type CallName, type Point, parsePoint, pointText, singlePool, strikeUnder, struck} from './strace.js';
import {type Sweep, sweep, throughCommand} from './torn.js';

const errors: Partial<Record<CallName, readonly string[]>> = {
  write: ['ENOSPC', 'EIO'],
  fsync: ['EIO', 'ENOSPC'],
  fdatasync: ['EIO', 'ENOSPC'],
  rename: ['EROFS', 'EIO'],
  ftruncate: ['EIO', 'EROFS'],
  pwrite64: ['ENOSPC', 'EIO'],
};

const courses: readonly (readonly [Shape, Verb])[] = [
  ['join', 'run'],
  ['scheme', 'resume-copied'],
  ['join', 'prune'],
  ['leave', 'run'],
];

/** Parts of a run: errors, limits on the size of files, damage to a journal, power cuts. */
async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const small = wanted < 50;
  const ids: string[] = [];
  const take = (share: number): number => Math.max(1, Math.round(wanted * share));
  for (const [shape, verb] of courses.slice(0, small ? 1 : courses.length)) {
    const own = 1 + random.int(1_000_000);
    const points = (await countPoints(shape, verb, own)).filter(({subject}) => subject !== 'socket');
    const count = take(small ? 0.35 : 0.1);
    ids.push(...errorIds(points, count).map((what) => `error:${shape}:${verb}:${what}:${own}`));
    ids.push(...(await powerIds({shape, verb, own, points, wanted: take(small ? 0.3 : 0.11)})));
  }
  for (let i = 0; i < take(0.06); i++) ids.push(`limit:join:run:${1 + (i % 6)}:${1 + random.int(1_000_000)}`);
  const step = small ? 7 : 1;
  for (const kind of ['torn', 'flip'] as const) {
    for (const state of small ? ['unfinished'] : ['finished', 'unfinished'])
      ids.push(`sweep:${kind}:${state}:${step}:${1 + random.int(1_000_000)}`);
    for (let i = 0; i < take(0.03); i++) ids.push(`damage:${kind}:${1 + random.int(1_000_000)}`);
  }
  return ids;
}

function errorIds(points: readonly Point[], count: number): string[] {
  const all = points.flatMap((point) =>
    (errors[point.name] ?? []).flatMap((error) => {
      const once = `${pointText(point)}=${error}`;
      // Every later write would be those to pipes and sockets too, which no full disk touches.
      return point.name.includes('write') ? [once] : [once, `${once}+`];
    }),
  );
  return spread(all, count);
}

/** Every fsync and rename, and as many moments between the messages to the servers; each with a loss of its own. */
async function powerIds(asked: {
  shape: Shape;
  verb: Verb;
  own: number;
  points: readonly Point[];
  wanted: number;
}): Promise<string[]> {
  const {shape, verb, own, points, wanted} = asked;
  const boundaries = points.filter(({name}) => /sync|rename|fchmod/.test(name)).map(pointText);
  const total = await countRequestBytes(shape, verb, own);
  const half = Math.ceil(wanted / 2);
  const moments = Array.from(
    {length: wanted - half},
    (_, i) => `bytes@${Math.round(((i + 0.5) * total) / (wanted - half))}`,
  );
  const chosen = [
    ...Array.from(
      {length: half},
      (_, i) => spread(boundaries, Math.min(half, boundaries.length))[i % boundaries.length]!,
    ),
    ...moments,
  ];
  const loss = (i: number): Loss => losses[(i + Math.floor(i / boundaries.length)) % losses.length]!;
  return chosen.map((at, i) => `power:${shape}:${verb}:${at}:${loss(i)}~${i + 1}:${own}`);
}

function countRequestBytes(shape: Shape, verb: Verb, seed: number): Promise<number> {
  return withScene({shape, seed, withProxies: true}, async ({scene, proxies}) => {
    await leadUp(scene, verb);
    const sent = () => proxies.reduce((sum, {bytes}) => sum + bytes.requests, 0);
    const began = sent();
    assertStatus(await act(scene, verb, {}), 0, 'counting');
    return sent() - began;
  });
}

interface World {
  readonly scene: Scene;
  readonly rig: Rig;
  /** None unless they were asked for. */
  readonly proxies: readonly TcpProxy[];
}

interface Wanted {
  readonly shape: Shape;
  readonly seed: number;
  readonly withProxies?: boolean;
}

function withScene<T>({shape, seed, withProxies = false}: Wanted, body: (world: World) => Promise<T>): Promise<T> {
  return withServers([durable, durable, durable], async (servers, rig) => {
    const proxies = withProxies ? await before(servers, rig) : [];
    const endpoints = withProxies ? proxies : servers;
    return body({scene: await makeScene({servers, endpoints, rig, shape, seed}), proxies, rig});
  });
}

async function run(id: string): Promise<Outcome> {
  const [part, ...rest] = id.split(':');
  const seed = Number(rest.at(-1));
  switch (part) {
    case 'sweep': {
      const [kind, state, step] = rest as [Sweep, 'finished' | 'unfinished', string];
      return withScene({shape: 'join', seed}, ({scene, rig}) => sweep(scene, rig, {kind, state, step: Number(step)}));
    }
    case 'damage':
      return withScene({shape: 'scheme', seed}, ({scene}) => throughCommand(scene, rest[0] as Sweep, seed));
    case 'power': {
      const [shape, verb, at, lost] = rest as [Shape, Verb, string, string];
      const [loss, lossSeed] = lost.split('~') as [Loss, string];
      return withScene({shape, seed, withProxies: true}, async (world) => {
        await leadUp(world.scene, verb);
        return cutPower({...world, verb, at, loss, seed: Number(lossSeed)});
      });
    }
    default: {
      const [shape, verb, what] = rest as [Shape, Verb, string];
      return withScene({shape, seed}, (world) => fail(world, {part: part!, verb, what}));
    }
  }
}

/** The run meets an error, says so, has lost nothing; with the disk in order again one resume ends it. */
async function fail(
  {scene, rig}: World,
  {part, verb, what}: {part: string; verb: Verb; what: string},
): Promise<Outcome> {
  const lay = await holders(scene.servers);
  await leadUp(scene, verb);
  const layThen = await holders(scene.servers);
  const file = join(rig.dir, 'trace');
  const [at, error] = what.split('=');
  const under =
    part === 'limit'
      ? // In units of 1024 bytes. A write that would go beyond is cut short, the next one fails.
        ['bash', '-c', `ulimit -f ${what}; exec "$@"`, 'rtopo']
      : strikeUnder(file, parsePoint(at!), `error=${error!.replace('+', '')}`, error!.endsWith('+'));
  const ended = await act(scene, verb, {under, env: singlePool});
  await assertWhole(scene, what);
  const subject = part === 'limit' ? 'size limit' : struck(readFileSync(file, 'latin1'), parsePoint(at!));
  // libuv ends a process whose own pipes fail: no disk does that.
  if (ended.signal === 'SIGABRT' && subject === 'other') return {hit: false, met: 'a pipe'};
  const hit = part === 'limit' ? ended.status !== 0 : subject !== null;
  assert.ok(ended.status === 0 || [1, 3, 4, 5].includes(ended.status ?? -1), said(ended));
  const isRefused = ended.status === 3 || ended.status === 5;
  if (isRefused) assert.is(await holders(scene.servers), layThen, `${what}: exit ${ended.status}, and keys moved`);
  if (hit && subject === 'journal')
    assert.is.not(ended.status, 0, `the journal failed and nobody noticed: ${said(ended)}`);
  if (ended.status !== 0) await resumeStrictly(scene, lay, what);
  await assertFinished(scene, what);
  await assertNoop(scene, what);
  return {hit, met: `${subject} ${part === 'limit' ? 'EFBIG' : `${error} at ${at!.split('@')[0]}`}`.replace('+', '')};
}

export const disk: Layer = {
  name: 'disk',
  about:
    'Writes, fsyncs and renames of the journal and of the topology file fail with ENOSPC, EIO or EROFS, once or from then on; files hit a size limit; ' +
    'journals are cut off at every byte and have one bit flipped in every byte; and power is cut: what no fsync had covered is taken away again.',
  full: 300,
  plan,
  run,
};
