/** Layer 1: kill -9 of rtopo at its N-th write, fsync, rename or message to a server, in every verb that changes something. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import * as assert from 'uvu/assert';
import {assertStatus, durable, said} from '../migration/field.js';
import type {CliResult} from '../rig/cli.js';
import {prng} from '../rig/data.js';
import {withServers} from '../rig/servers.js';
import {assertCounted, assertFinished, assertNoop, assertUntouched, assertWhole, resumeStrictly} from './check.js';
import {type LaunchOptions, launch} from './launch.js';
import {type Layer, type Outcome, spread} from './layer.js';
import {freezeAt, type Moment} from './phase.js';
import {holders, makeScene, type Scene, type Shape} from './scene.js';
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

/** What is killed, and where the operation stands when that verb is given. */
export const verbs = ['run', 'resume-copied', 'resume-pruning', 'abort', 'prune'] as const;
export type Verb = (typeof verbs)[number];

/** The shapes and verbs that a full run goes through, the most telling first. */
const courses: readonly (readonly [Shape, Verb])[] = [
  ['join', 'run'],
  ['scheme', 'resume-copied'],
  ['scheme', 'run'],
  ['join', 'prune'],
  ['leave', 'run'],
  ['join', 'abort'],
  ['swap', 'resume-pruning'],
  ['swap', 'run'],
  ['split', 'run'],
];

/** Brings the operation to the point where the verb is given. */
export async function leadUp(scene: Scene, verb: Verb): Promise<void> {
  switch (verb) {
    case 'run':
      return;
    case 'prune':
      return assertStatus(await launch(scene.home, [...scene.args, '--no-prune', '--json']).done, 0, 'without pruning');
    case 'abort':
    case 'resume-copied':
      return dieAt(scene, 'copied');
    case 'resume-pruning':
      return dieAt(scene, 'pruning');
  }
}

async function dieAt(scene: Scene, moment: Moment): Promise<void> {
  const run = launch(scene.home, [...scene.args, '--json']);
  await freezeAt(scene.home, run, moment);
  run.kill('SIGKILL');
  await run.done;
}

export function argsOf(scene: Scene, verb: Verb): string[] {
  if (verb === 'run') return [...scene.args, '--json'];
  return ['rebalance', verb.split('-')[0]!, '--yes', '--json'];
}

export function act(scene: Scene, verb: Verb, options: LaunchOptions): Promise<CliResult> {
  return launch(scene.home, argsOf(scene, verb), options).done;
}

/** A run that nobody disturbs, and every point of it at which it could be. */
export function countPoints(shape: Shape, verb: Verb, seed: number): Promise<Point[]> {
  return withServers([durable, durable, durable], async (servers, rig) => {
    const scene = await makeScene({servers, rig, shape, seed});
    await leadUp(scene, verb);
    const file = join(rig.dir, 'trace');
    assertStatus(await act(scene, verb, {under: countUnder(file), env: singlePool}), 0, `${shape} ${verb}: counting`);
    if (verb !== 'abort') await assertFinished(scene, 'counting');
    return pointsOf(parseTrace(readFileSync(file, 'latin1')));
  });
}

/** Files before sockets: there are few of them and each matters; sockets fill the rest, spread over the whole run. */
export function choose(points: readonly Point[], wanted: number): Point[] {
  const files = points.filter(({subject}) => subject !== 'socket');
  const sockets = points.filter(({subject}) => subject === 'socket');
  const few = spread(files, Math.max(Math.ceil(wanted / 2), wanted - sockets.length));
  return [...few, ...spread(sockets, wanted - few.length)];
}

async function plan(wanted: number, seed: number): Promise<string[]> {
  const chosen = courses.slice(0, Math.max(3, Math.min(courses.length, Math.round(wanted / 50))));
  const ids: string[] = [];
  const random = prng(seed);
  for (const [i, [shape, verb]] of chosen.entries()) {
    const own = 1 + random.int(1_000_000);
    const share = Math.round(((i + 1) * wanted) / chosen.length) - Math.round((i * wanted) / chosen.length);
    const points = await countPoints(shape, verb, own);
    ids.push(...choose(points, share).map((point) => `${shape}:${verb}:${pointText(point)}:${own}`));
    // A run has only so many points: what is still wanted comes back to them with other data.
    for (let more = 1; ids.length < Math.round(((i + 1) * wanted) / chosen.length); more++) {
      const left = Math.round(((i + 1) * wanted) / chosen.length) - ids.length;
      ids.push(...choose(points, left).map((point) => `${shape}:${verb}:${pointText(point)}:${own + more}`));
    }
  }
  return ids;
}

async function run(id: string): Promise<Outcome> {
  const [shape, verb, at, seed] = id.split(':') as [Shape, Verb, string, string];
  const point = parsePoint(at);
  return withServers([durable, durable, durable], async (servers, rig) => {
    const scene = await makeScene({servers, rig, shape, seed: Number(seed)});
    const lay = await holders(servers);
    await leadUp(scene, verb);
    const file = join(rig.dir, 'trace');
    const killed = await act(scene, verb, {under: strikeUnder(file, point, 'signal=KILL'), env: singlePool});
    const hit = killed.signal === 'SIGKILL';
    assert.ok(hit || killed.status === 0, `neither killed nor done: ${said(killed)}`);
    await assertWhole(scene, 'killed');
    await finish(scene, verb, lay);
    const subject = struck(readFileSync(file, 'latin1'), point);
    return {hit, met: `${verb.split('-')[0]}: ${subject ?? 'unknown'} ${point.name}`};
  });
}

/** One more command, and all is well; a further one has nothing to do. */
async function finish(scene: Scene, verb: Verb, lay: string): Promise<void> {
  if (verb === 'abort') {
    assertStatus(await launch(scene.home, ['rebalance', 'abort', '--yes', '--json']).done, 0, 'abort again');
    await assertUntouched(scene, lay, 'aborted');
    return assertNoop(scene, 'aborted', 'abort');
  }
  assertCounted(scene, await resumeStrictly(scene, lay, 'killed'), 'resumed');
  await assertFinished(scene, 'resumed');
  await assertNoop(scene, 'resumed');
}

export const kill: Layer = {
  name: 'kill',
  about:
    'kill -9 at the N-th write to the journal, fsync, rename or message to a server (strace injects the signal before the call is made), while it runs, ' +
    'resumes, aborts and prunes; then the servers are read, one resume must end it, and a second one must find nothing to do.',
  full: 520,
  plan,
  run,
};
