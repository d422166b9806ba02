/** Other people: a second operator, consumers of a stream, and somebody who takes the lock away. */
import * as assert from 'uvu/assert';
import {assertStatus, durable, everything, said} from '../migration/field.js';
import {prng} from '../rig/data.js';
import type {Arg} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {assertFinished, assertNoop} from './check.js';
import {Clock} from './clock.js';
import {errorOf, launch} from './launch.js';
import type {Outcome} from './layer.js';
import {freezeAt, type Moment, thaw} from './phase.js';
import {holders, makeScene, type Scene} from './scene.js';

function world(seed: number, body: (scene: Scene, servers: readonly Server[]) => Promise<Outcome>): Promise<Outcome> {
  return withServers([durable, durable, durable], async (servers, rig) =>
    body(await makeScene({servers, rig, shape: 'join', seed}), servers),
  );
}

/** Both give the same command within a moment, from one account or from two: one does it, the other is refused or finds it done. */
export function race(accounts: 'one' | 'two') {
  return (seed: number): Promise<Outcome> =>
    world(seed, async (scene) => {
      const random = prng(seed);
      const other = {...scene.home, home: accounts === 'one' ? scene.home.home : `${scene.home.home}-2`};
      const first = launch(scene.home, [...scene.args, '--json']);
      await sleep(random.int(120));
      const second = launch(other, [...scene.args, '--json']);
      const ends = [await first.done, await second.done];
      const winners = ends.filter(({status}) => status === 0);
      assert.is(winners.length, 1, ends.map(said).join('\n'));
      const loser = ends.find(({status}) => status !== 0)!;
      // The one who comes when the file is replaced already is told that the shard is there.
      assert.ok([3, 64, 78].includes(loser.status ?? -1), said(loser));
      await assertFinished(scene, 'race');
      return {
        hit: true,
        met: `two operators, ${accounts} account${accounts === 'one' ? '' : 's'}: ${errorOf(loser)?.code}`,
      };
    });
}

/** While the first stands still in the middle of its work, nobody else gets in; then it ends as if nothing had been. */
export function intrude(moment: Moment, verb: 'run' | 'resume' | 'abort') {
  return (seed: number): Promise<Outcome> =>
    world(seed, async (scene) => {
      const run = launch(scene.home, [...scene.args, '--json']);
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      const args = verb === 'run' ? [...scene.args, '--json'] : ['rebalance', verb, '--yes', '--json'];
      const intruder = await launch(scene.home, args).done;
      assert.ok([3, 4].includes(intruder.status ?? -1), said(intruder));
      thaw(run);
      assertStatus(await run.done, 0, `the first, after ${errorOf(intruder)?.code}`);
      await assertFinished(scene, 'intruder');
      await assertNoop(scene, 'intruder');
      return {hit: true, met: `a second ${verb} at ${stood}: ${errorOf(intruder)?.code}`};
    });
}

/** The first sleeps past its lease, and a second one finishes its work. When it wakes up it must not delete anything on the word of what it knew. */
export function oversleep(moment: Moment) {
  return (seed: number): Promise<Outcome> =>
    world(seed, async (scene, servers) => {
      const clock = new Clock();
      const run = launch(scene.home, [...scene.args, '--json'], {env: clock.env});
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      // Longer than the lease, without the waiting: the keys end, and by the sleeper's clock the time has passed.
      clock.set(70_000);
      for (const {raw} of servers) await raw.cmd('DEL', '__rtopo:lock');
      assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, 'the second');
      await assertFinished(scene, 'the second');
      thaw(run);
      const ended = await run.done;
      assert.ok(ended.status === 4 || ended.status === 0, said(ended));
      await assertFinished(scene, `the first wakes up at ${stood}`);
      assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, 'afterwards');
      await assertFinished(scene, 'afterwards');
      return {hit: true, met: `lease lost at ${stood}: ${errorOf(ended)?.code ?? 'exit 0'}`};
    });
}

/** Somebody takes the lock away while keys are deleted: not one more may go. */
export function stolenLock(moment: Moment) {
  return (seed: number): Promise<Outcome> =>
    world(seed, async (scene, servers) => {
      const run = launch(scene.home, [...scene.args, '--json']);
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      for (const {raw} of servers) await raw.cmd('SET', '__rtopo:lock', 'somebody', 'PX', 60_000);
      const lay = await holders(servers);
      thaw(run);
      const ended = await run.done;
      assertStatus(ended, 4, 'the lock was stolen');
      const kept = await holders(servers);
      const gone = lay.split('\n').filter((line) => !kept.includes(line));
      assert.equal(gone, [], 'deleted without the lock');
      for (const {raw} of servers) await raw.cmd('DEL', '__rtopo:lock');
      assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, 'resume');
      await assertFinished(scene, 'the lock was stolen');
      return {hit: true, met: `lock stolen at ${stood}: ${errorOf(ended)?.code}`};
    });
}

/** Somebody writes, at the target, a name that is on its way there, with a value that is as long and is another one. Both must stay. */
export function squat(moment: Moment) {
  return (seed: number): Promise<Outcome> =>
    withServers([durable, durable, durable], async (servers, rig) => {
      let name = '';
      const more = async (place: (key: Buffer) => number, next: (key: Buffer) => number) => {
        for (let i = 0; name === ''; i++) if (next(Buffer.from(`squat:${i}`)) === 2) name = `squat:${i}`;
        await servers[place(Buffer.from(name))]!.raw.cmd('SET', name, 'source', 'PXAT', 4_000_000_000_000);
      };
      const scene = await makeScene({servers, rig, shape: 'join', seed, more});
      const run = launch(scene.home, [...scene.args, '--json']);
      const stood = await freezeAt(scene.home, run, moment);
      if (stood === null) return {hit: false, met: 'over'};
      const {raw} = servers[2]!;
      // Where the copy has arrived already this overwrites it: a client that writes to a server that does not own the key yet.
      await raw.cmd('SET', name, 'target', 'PXAT', 4_000_000_000_000);
      thaw(run);
      const ended = await run.done;
      assertStatus(ended, 4, `squatted at ${stood}`);
      assert.is(String(await raw.cmd('GET', name)), 'target', 'the value at the target was overwritten');
      const values = await Promise.all(servers.slice(0, 2).map((server) => server.raw.cmd('GET', name)));
      assert.ok(
        values.some((value) => String(value) === 'source'),
        'the value at the source was deleted',
      );
      await raw.cmd('DEL', name);
      assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, 'resume');
      await assertFinished(scene, 'squatted');
      return {hit: true, met: `another value at the target at ${stood}: ${errorOf(ended)?.code}`};
    });
}

const acts: Readonly<Record<string, (key: string) => Arg[]>> = {
  XACK: (key) => ['XACK', key, 'g', '1-1'],
  XREADGROUP: (key) => ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', key, '>'],
  XCLAIM: (key) => ['XCLAIM', key, 'g', 'd', 0, '1-1'],
  XGROUP: (key) => ['XGROUP', 'CREATECONSUMER', key, 'g', 'late'],
};

/** A consumer goes on at the old owner between copy and deletion: the key is kept. At the new owner: it is left as it is there. */
export function consume(act: string, where: 'old' | 'new') {
  return (seed: number): Promise<Outcome> =>
    withServers([durable, durable, durable], async (servers, rig) => {
      const key = await streamsFor(servers, seed);
      const scene = await makeScene({servers, rig, shape: 'join', seed, more: key.write});
      assertStatus(await launch(scene.home, [...scene.args, '--no-prune', '--json']).done, 0, 'without pruning');
      const [source, target] = [servers[key.at()]!, servers[2]!];
      await (where === 'old' ? source : target).raw.cmd(...acts[act]!(key.name()));
      const run = await launch(scene.home, ['rebalance', 'prune', '--yes', '--json']).done;
      if (where === 'old') {
        assertStatus(run, 4, act);
        assert.is(await source.raw.cmd('EXISTS', key.name()), 1, 'the changed stream was deleted');
        // The operator decides for the value that the consumer has changed.
        await target.raw.cmd('DEL', key.name());
        assertStatus(await launch(scene.home, ['rebalance', 'resume', '--yes', '--json']).done, 0, 'resume');
      } else assertStatus(run, 0, act);
      assert.is((await everything(servers)).size, scene.before.size, 'keys');
      assert.is(await target.raw.cmd('EXISTS', key.name()), 1, 'the stream is at its new owner');
      const pending = ((await target.raw.cmd('XINFO', 'STREAM', key.name(), 'FULL')) as unknown[]).toString();
      assert.is.not(pending, key.looked(), `${act} was lost`);
      return {hit: true, met: `${act} at the ${where} owner before the pruning`};
    });
}

/** A stream with a group that moves in this world, and how it looked before anybody consumed. */
async function streamsFor(servers: readonly Server[], seed: number) {
  let [name, at, looked] = ['', 0, ''];
  const write = async (place: (key: Buffer) => number, next: (key: Buffer) => number) => {
    for (let i = 0; name === ''; i++) {
      const candidate = Buffer.from(`stream:${seed}:${i}`);
      if (next(candidate) === 2) [name, at] = [candidate.toString(), place(candidate)];
    }
    const {raw} = servers[at]!;
    for (const id of ['1-1', '2-1', '3-1']) await raw.cmd('XADD', name, id, 'f', 'v');
    await raw.cmd('XGROUP', 'CREATE', name, 'g', 0);
    await raw.cmd('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 2, 'STREAMS', name, '>');
    looked = ((await raw.cmd('XINFO', 'STREAM', name, 'FULL')) as unknown[]).toString();
  };
  return {write, name: () => name, at: () => at, looked: () => looked};
}
