/** Writers that nothing else betrays: the counters of the servers do, and keys that come late are fetched. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {Arg} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';
import {assertPlaced, durable, everything, fault, field, placer, rebalanceHere, topologyText} from './field.js';

const test = suite('migration/writers');

/** Sends the commands to the source at the moment when all copies are made, and before the keys are looked at again. */
async function withLateWrites(
  commands: (names: {moving: string; staying: string}) => Arg[][],
  judge: (scene: {
    run: () => Promise<unknown>;
    servers: readonly Server[];
    moving: string;
    text: () => string;
  }) => Promise<void>,
): Promise<void> {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    const shards = [{name: 'a', address: a.address}];
    const home = field(rig, topologyText('{scheme: modulo}', shards));
    const next = placer(topologyText('{scheme: modulo}', [...shards, {name: 'b', address: b.address}]), servers);
    const names = Array.from({length: 30}, (_, i) => `late:${i}`);
    const moving = names.find((name) => next(Buffer.from(name)) === 1)!;
    const staying = names.find((name) => next(Buffer.from(name)) === 0)!;
    await a.raw.pipeline(Array.from({length: 100}, (_, i) => ['SET', `key:${i}`, 'v']));
    const other = await a.connect();
    let written: Promise<unknown> | null = null;
    const onPhase = (phase: string) => {
      if (phase === 'copied') written ??= other.pipeline(commands({moving, staying}));
    };
    const run = () => rebalanceHere(home, {add: [`b=${b.address}`]}, {onPhase});
    await judge({run, servers, moving, text: home.text});
    await written;
  });
}

test('a write to a key that does not move is seen by the counter of changes', async () => {
  await withLateWrites(
    ({staying}) => [['SET', staying, 'v']],
    async ({run, text}) => {
      await fault(run(), 'WRITERS_SEEN', 4);
      assert.not.match(text(), 'name: b');
    },
  );
});

test('where the counter was reset the statistics of commands tell', async () => {
  await withLateWrites(
    ({staying}) => [['SET', staying, 'v'], ['SAVE']],
    async ({run}) => {
      await fault(run(), 'WRITERS_SEEN', 4);
    },
  );
});

test('where both were reset nobody knows; a key that came late is fetched all the same', async () => {
  await withLateWrites(
    ({moving}) => [['SET', moving, 'v'], ['SAVE'], ['CONFIG', 'RESETSTAT']],
    async ({run, servers, text}) => {
      const report = (await run()) as {writers: string; phase: string};
      assert.equal([report.phase, report.writers], ['done', 'unknown']);
      assert.is((await everything(servers)).size, 101);
      await assertPlaced(text(), servers, 'late');
    },
  );
});

test.run();
