/**
 * Layer: kill -9 of `rtopo replicate` at its N-th message to a server or write to a file. Afterwards no server has lost data that nobody gave up, there are
 * no more masters of one history that take writes than there were, and the same command, given again, ends it.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {assertStatus, type Field, field, said} from '../migration/field.js';
import {diffSnapshots, type Snapshot, snapshot} from '../rig/checker.js';
import {fill, prng} from '../rig/data.js';
import {type Rig, type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {launch} from './launch.js';
import {type Layer, type Outcome, spread} from './layer.js';
import {
  countUnder,
  type Point,
  parsePoint,
  parseTrace,
  pointsOf,
  pointText,
  singlePool,
  strikeUnder,
  struck,
} from './strace.js';

/**
 * How the three servers stand before: `fresh`: two empty ones join, the second under the first; `flatten`: a chain becomes a star; `apart`: both were
 * promoted out of the master's history and wrote nothing; `given-up`: one holds foreign keys that a consent names; `foreign`: the same without a consent.
 */
const worlds = ['fresh', 'flatten', 'apart', 'given-up', 'foreign'] as const;
type World = (typeof worlds)[number];

interface Scene {
  readonly home: Field;
  readonly servers: readonly Server[];
  readonly before: Snapshot;
  /** Of the server that nobody may empty; null where there is none. */
  readonly guarded: Snapshot | null;
  readonly args: readonly string[];
  readonly mastersBefore: number;
}

const spec: ServerSpec = {args: ['--repl-diskless-sync-delay', '0', '--appendonly', 'no']};
const KEYS = 40;

async function makeScene(world: World, seed: number, servers: readonly Server[], rig: Rig): Promise<Scene> {
  const [m, a, b] = servers as [Server, Server, Server];
  const chained = world === 'fresh';
  const text = `version: 1\nname: r\nshards:\n  - name: s\n    master: "${m.address}"\n    replicas: ["${a.address}", {address: "${b.address}", of: "${chained ? a.address : m.address}"}]\n`;
  await fill(m, {seed, keys: KEYS});
  if (world === 'flatten' || world === 'apart') {
    await rig.replicate(a, m);
    await rig.replicate(b, a);
    await rig.caughtUp(m, a, b);
  }
  if (world === 'apart') for (const one of [b, a]) await one.raw.cmd('REPLICAOF', 'NO', 'ONE');
  if (world === 'given-up' || world === 'foreign') await fill(b, {seed: seed + 1, keys: KEYS});
  const consent = world === 'given-up' ? ['--discard-data', b.address] : [];
  return {
    ...{home: field(rig, text), servers, before: await snapshot(m)},
    guarded: world === 'foreign' ? await snapshot(b) : null,
    args: ['replicate', '--yes', '--json', ...consent],
    mastersBefore: (await masters(servers)).length,
  };
}

async function masters(servers: readonly Server[]): Promise<Server[]> {
  const roles = await Promise.all(servers.map(async ({raw}) => (await raw.info('replication')).role));
  return servers.filter((_, i) => roles[i] === 'master');
}

async function assertKept({servers, before, guarded, mastersBefore}: Scene, what: string): Promise<void> {
  assert.equal(diffSnapshots(before, await snapshot(servers[0]!)), [], `${what}: the master's data`);
  if (guarded !== null) assert.equal(diffSnapshots(guarded, await snapshot(servers[2]!)), [], `${what}: wiped`);
  const now = await masters(servers);
  assert.ok(now.length <= mastersBefore, `${what}: ${now.length} masters, there were ${mastersBefore}`);
  assert.ok(now.includes(servers[0]!), `${what}: the master was demoted`);
}

async function finish(scene: Scene, rig: Rig): Promise<void> {
  const {home, servers, args, before, guarded} = scene;
  const again = await launch(home, args).done;
  if (guarded !== null) {
    assertStatus(again, 3, 'foreign keys, and no consent');
    return assertKept(scene, 'refused');
  }
  assertStatus(again, 0, 'given again');
  await rig.caughtUp(servers[0]!, ...servers.slice(1));
  for (const one of servers) assert.equal(diffSnapshots(before, await snapshot(one)), [], `${one.address} holds`);
  assertStatus(await launch(home, ['status', '--json']).done, 0, 'status');
  const third = await launch(home, args).done;
  assertStatus(third, 0, 'a third time');
  assert.is(JSON.parse(third.stdout).result.changed, false, third.stdout);
}

function countPoints(world: World, seed: number): Promise<Point[]> {
  return withServers([spec, spec, spec], async (servers, rig) => {
    const {home, args, guarded} = await makeScene(world, seed, servers, rig);
    const file = join(rig.dir, 'trace');
    const run = await launch(home, args, {under: countUnder(file), env: singlePool}).done;
    assertStatus(run, guarded === null ? 0 : 3, 'counting');
    return pointsOf(parseTrace(readFileSync(file, 'latin1')));
  });
}

async function plan(wanted: number, seed: number): Promise<string[]> {
  const random = prng(seed);
  const ids: string[] = [];
  for (const [i, world] of worlds.entries()) {
    const until = Math.round(((i + 1) * wanted) / worlds.length);
    const own = 1 + random.int(1_000_000);
    const points = await countPoints(world, own);
    for (let more = 0; ids.length < until; more++) {
      const some = spread(points, until - ids.length);
      ids.push(...some.map((point) => `${world}:${pointText(point)}:${own + more}`));
    }
  }
  return ids;
}

function run(id: string): Promise<Outcome> {
  const [world, at, seed] = id.split(':') as [World, string, string];
  const point = parsePoint(at);
  return withServers([spec, spec, spec], async (servers, rig) => {
    const scene = await makeScene(world, Number(seed), servers, rig);
    const file = join(rig.dir, 'trace');
    const under = strikeUnder(file, point, 'signal=KILL');
    const killed = await launch(scene.home, scene.args, {under, env: singlePool}).done;
    const hit = killed.signal === 'SIGKILL';
    const over = scene.guarded === null ? 0 : 3;
    assert.ok(hit || killed.status === over, `neither killed nor done: ${said(killed)}`);
    await assertKept(scene, 'killed');
    await finish(scene, rig);
    return {hit, met: `${world}: ${struck(readFileSync(file, 'latin1'), point) ?? 'unknown'} ${point.name}`};
  });
}

export const replicate: Layer = {
  name: 'replicate',
  about:
    'kill -9 of `rtopo replicate` at its N-th message to a server: empty servers that join, a chain that becomes a star, masters that had parted, foreign keys with and without ' +
    'a consent. Then no data is lost, no second master has appeared, and the same command ends it.',
  full: 100,
  plan,
  run,
};
