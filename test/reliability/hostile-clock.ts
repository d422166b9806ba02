/** A target with another time of day, and keys that have only milliseconds to live. */
import * as assert from 'uvu/assert';
import {assertStatus, durable, said} from '../migration/field.js';
import type {Arg} from '../rig/raw.js';
import {withServers} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {assertFinished, assertNoop, assertUntouched, assertWhole} from './check.js';
import {Clock} from './clock.js';
import {launch} from './launch.js';
import type {Outcome} from './layer.js';
import {freezeAt, type Moment, thaw} from './phase.js';
import {recover} from './recover.js';
import {holders, makeScene} from './scene.js';

/** Wrong before it begins: refused. */
export function wrongClock(offsetMs: number) {
  return (seed: number): Promise<Outcome> => {
    const clock = new Clock();
    return withServers([durable, durable, clock.under(durable)], async (servers, rig) => {
      const scene = await makeScene({servers, rig, shape: 'join', seed});
      const lay = await holders(servers);
      clock.set(offsetMs);
      const run = await launch(scene.home, [...scene.args, '--json']).done;
      assertStatus(run, 3);
      await assertUntouched(scene, lay, 'clock');
      clock.set(0);
      assertStatus(await launch(scene.home, [...scene.args, '--json']).done, 0);
      await assertFinished(scene, 'clock');
      return {hit: true, met: `clock ${offsetMs / 3_600_000} h from the start`};
    });
  };
}

/** It jumps while the keys are on their way: what has less than an hour to live dies at the target and must not die at the source. */
export function jumpingClock(moment: Moment) {
  return (seed: number): Promise<Outcome> => {
    const clock = new Clock();
    return withServers([durable, durable, clock.under(durable)], async (servers, rig) => {
      const scene = await makeScene({servers, rig, shape: 'join', seed});
      const run = launch(scene.home, [...scene.args, '--json']);
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      clock.set(3_600_000);
      thaw(run);
      const ended = await run.done;
      await assertWhole(scene, `clock jumps at ${stood}`);
      clock.set(0);
      assert.ok([0, 4].includes(ended.status ?? -1), said(ended));
      if (ended.status !== 0) await recover(scene, scene.before, 'clock');
      await assertFinished(scene, 'clock');
      await assertNoop(scene, 'clock');
      return {hit: true, met: `clock jumps an hour ahead at ${stood}`};
    });
  };
}

const SHORT_LIVES = 3000;
const SPREAD_MS = 7000;

/** At every moment of the run some keys have 1 to 50 ms to live. None may outlive its time, none that lives may be lost. */
export function shortLives(seed: number): Promise<Outcome> {
  return withServers([durable, durable, durable], async (servers, rig) => {
    const nowMs = Date.now();
    const names = Array.from({length: SHORT_LIVES}, (_, i) => `short:${i}`);
    const more = async (place: (key: Buffer) => number) => {
      const sets = names.map((name, i): Arg[] => [
        'SET',
        name,
        `value ${i}`,
        'PXAT',
        Math.round(nowMs + 400 + (i * SPREAD_MS) / SHORT_LIVES),
      ]);
      await Promise.all(
        servers.map(({raw}, i) => raw.pipeline(sets.filter(([, name]) => place(Buffer.from(String(name))) === i))),
      );
    };
    const scene = await makeScene({servers, rig, shape: 'join', seed, more});
    const run = await launch(scene.home, [...scene.args, '--json']).done;
    assertStatus(run, 0);
    await assertFinished(scene, 'short lives');
    await sleep(Math.max(0, nowMs + 400 + SPREAD_MS + 100 - Date.now()));
    for (const {raw, address} of servers)
      assert.is(await raw.cmd('EXISTS', ...names), 0, `a key outlives its time on ${address}`);
    return {hit: true, met: 'keys with milliseconds to live'};
  });
}
