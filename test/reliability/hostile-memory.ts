/** Targets that have no room, and a target that accepts only small values. */
import * as assert from 'uvu/assert';
import {assertStatus, durable, said} from '../migration/field.js';
import type {Arg} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';
import {assertFinished, assertNoop, assertUntouched, assertWhole, resumeStrictly} from './check.js';
import {launch} from './launch.js';
import type {Outcome} from './layer.js';
import {freezeAt, type Moment, thaw} from './phase.js';
import {recover} from './recover.js';
import {holders, makeScene, type Scene} from './scene.js';

const JOINING = 2;
/** Enough to notice the limit: 300 of them move or stay. */
const bulk = (bytes: number, count: number): Arg[][] =>
  Array.from({length: count}, (_, i) => ['SET', `bulk:${i}`, `${i}:`.padEnd(bytes, 'x')]);

/** A third shard joins, whose server can be set up; the first holds some weight. */
async function joining(
  seed: number,
  spec: readonly string[],
  extra: Arg[][],
  body: (scene: Scene, target: Server) => Promise<Outcome>,
) {
  const target = {args: [...durable.args, ...spec]};
  return withServers(
    [durable, durable, target],
    async (servers, rig) => {
      const more = (place: (key: Buffer) => number) =>
        Promise.all(
          [0, 1].map((i) => servers[i]!.raw.pipeline(extra.filter(([, key]) => place(Buffer.from(String(key))) === i))),
        );
      const scene = await makeScene({servers, rig, shape: 'join', seed, more});
      return body(scene, servers[JOINING]!);
    },
    {timeoutMs: 120_000},
  );
}

async function limit({raw}: Server, policy: string, roomBytes: number): Promise<void> {
  const used = Number((await raw.info('memory')).used_memory);
  await raw.cmd('CONFIG', 'SET', 'maxmemory-policy', policy);
  await raw.cmd('CONFIG', 'SET', 'maxmemory', used + roomBytes);
}

/** Too little room from the start: refused, and nothing has happened. */
export function refusedForRoom(policy: string) {
  return (seed: number): Promise<Outcome> =>
    joining(seed, ['--save', ''], bulk(4000, 300), async (scene, target) => {
      await limit(target, policy, 100_000);
      const lay = await holders(scene.servers);
      const run = await launch(scene.home, [...scene.args, '--json']).done;
      assertStatus(run, 3);
      await assertUntouched(scene, lay, policy);
      await target.raw.cmd('CONFIG', 'SET', 'maxmemory', 0);
      assertStatus(await launch(scene.home, [...scene.args, '--json']).done, 0);
      await assertFinished(scene, policy);
      return {hit: true, met: `${policy}, too small from the start`};
    });
}

/** The room goes while keys arrive: it must stop, and with room again it must end well. */
export function losesRoom(policy: string, moment: Moment) {
  return (seed: number): Promise<Outcome> =>
    joining(seed, [], bulk(4000, 300), async (scene, target) => {
      const run = launch(scene.home, [...scene.args, '--json']);
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      // At a later moment the copies are there already: half of them have no room any more.
      await limit(target, policy, moment === 'copying' ? 60_000 : -300_000);
      thaw(run);
      const ended = await run.done;
      assert.is.not(ended.status, 0, `${policy} at ${stood}: ${said(ended)}`);
      // First of all: reading makes it evict too.
      await target.raw.cmd('CONFIG', 'SET', 'maxmemory', 0);
      await target.raw.cmd('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await assertWhole(scene, `${policy} at ${stood}`);
      await recover(scene, scene.before, policy);
      await assertFinished(scene, policy);
      await assertNoop(scene, policy);
      return {hit: true, met: `${policy}, no room at ${stood}`};
    });
}

/** Two values of 2 MB, and a target that closes the connection at 1 MB: moved all the same, or stopped and moved once it accepts them. */
export function smallBulk(seed: number): Promise<Outcome> {
  const big = Array.from({length: 6}, (_, i): Arg[] => ['SET', `big:${i}`, noise(seed + i, 2_000_000)]);
  return joining(seed, ['--proto-max-bulk-len', '1048576'], big, async (scene, target) => {
    const lay = await holders(scene.servers);
    const run = await launch(scene.home, [...scene.args, '--json']).done;
    await assertWhole(scene, 'proto-max-bulk-len');
    if (run.status !== 0) {
      assert.ok([3, 4].includes(run.status ?? -1), said(run));
      await target.raw.cmd('CONFIG', 'SET', 'proto-max-bulk-len', 512 * 1024 * 1024);
      await resumeStrictly(scene, lay, 'proto-max-bulk-len');
    }
    await assertFinished(scene, 'proto-max-bulk-len');
    return {hit: true, met: `proto-max-bulk-len 1 MB: ${run.status === 0 ? 'moved' : 'stopped'}`};
  });
}

/** Bytes that do not compress, the same for the same seed. */
function noise(seed: number, bytes: number): Buffer {
  let state = seed >>> 0;
  const words = new Uint32Array(bytes / 4).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  });
  return Buffer.from(words.buffer);
}
