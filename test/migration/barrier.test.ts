/** Before anything is deleted the copies must survive a crash of their new owner: each way to make sure, and each way to fail. */
import {execFileSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {readJournal} from '../../src/journal/reading.js';
import type {RebalanceRecord} from '../../src/migration/records.js';
import {type Rig, type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {
  abortHere,
  durable,
  type Field,
  fault,
  field,
  prepareHere,
  rebalanceHere,
  resumeHere,
  topologyText,
} from './field.js';

const test = suite('migration/barrier');

interface Scene {
  readonly a: Server;
  readonly b: Server;
  readonly home: Field;
  readonly rig: Rig;
  readonly add: string[];
}

async function withTarget(target: ServerSpec, body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServers([durable, target], async ([a, b], rig) => {
    await a!.raw.pipeline(Array.from({length: 200}, (_, i) => ['SET', `key:${i}`, `value ${i}`]));
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a!.address}]));
    await body({a: a!, b: b!, home, rig, add: [`b=${b!.address}`]});
  });
}

function barriers({journals}: Field): string[] {
  const [path] = journals();
  const found = [...readJournal<RebalanceRecord>(path!)].flatMap(({record}) =>
    record.type === 'barrier' ? record.targets : [],
  );
  return found.map(({by}) => by);
}

async function total({a, b}: Scene): Promise<number> {
  return Number(await a.raw.cmd('DBSIZE')) + Number(await b.raw.cmd('DBSIZE'));
}

test('an append-only file that syncs every second is waited for; one that always syncs is not', async () => {
  for (const [policy, waits] of [
    ['everysec', true],
    ['always', false],
  ] as const) {
    await withTarget({args: ['--appendonly', 'yes', '--appendfsync', policy]}, async (scene) => {
      const began = performance.now();
      await rebalanceHere(scene.home, {add: scene.add});
      assert.is(performance.now() - began > 2000, waits, policy);
      assert.equal(barriers(scene.home), ['aof']);
      await scene.b.restart();
      assert.is(await total(scene), 200, 'after a crash of the target');
    });
  }
});

test('an append-only file that was switched on a moment ago is waited for until it holds everything', async () => {
  await withTarget({args: ['--appendfsync', 'always']}, async (scene) => {
    await scene.b.raw.cmd('CONFIG', 'SET', 'appendonly', 'yes');
    await rebalanceHere(scene.home, {add: scene.add});
    await scene.b.restart({args: ['--appendonly', 'yes', '--appendfsync', 'always']});
    assert.is(await total(scene), 200);
  });
});

test('a replica that has acknowledged the copies', async () => {
  await withTarget({}, async (scene) => {
    const replica = await scene.rig.start();
    await scene.rig.replicate(replica, scene.b);
    await rebalanceHere(scene.home, {add: scene.add});
    assert.equal(barriers(scene.home), ['replica']);
    assert.is(await replica.raw.cmd('DBSIZE'), await scene.b.raw.cmd('DBSIZE'));
  });
});

test('a replica that does not answer any more is none', async () => {
  await withTarget({}, async (scene) => {
    const replica = await scene.rig.start();
    await scene.rig.replicate(replica, scene.b);
    replica.pause();
    try {
      const {message} = await fault(
        rebalanceHere(scene.home, {add: scene.add}, {timeoutMs: 1200}),
        'TARGET_NOT_DURABLE',
        4,
      );
      assert.match(message, 'no replica of it acknowledged');
      assert.is(await scene.a.raw.cmd('DBSIZE'), 200, 'nothing deleted');
    } finally {
      replica.resume();
    }
    assert.is((await resumeHere(scene.home)).phase, 'done');
    assert.is(await total(scene), 200);
  });
});

test('a snapshot that begins after the last copy', async () => {
  await withTarget({args: ['--save', '3600 1']}, async (scene) => {
    await rebalanceHere(scene.home, {add: scene.add});
    assert.equal(barriers(scene.home), ['bgsave']);
    await scene.b.restart();
    // The snapshot holds the lock too, as long as its lease lasts.
    await scene.b.raw.cmd('DEL', '__rtopo:lock');
    assert.is(await total(scene), 200, 'after a crash of the target');
  });
});

test('a snapshot that cannot be written stops before the deletion', async () => {
  await withTarget({args: ['--save', '3600 1']}, async (scene) => {
    await scene.b.raw.cmd('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    mkdirSync(`${scene.b.dir}/dump.rdb`);
    await fault(rebalanceHere(scene.home, {add: scene.add}), 'TARGET_NOT_DURABLE', 4);
    assert.is(await scene.a.raw.cmd('DBSIZE'), 200);
    assert.is((await abortHere(scene.home)).kept, 0);
    assert.is(await scene.b.raw.cmd('DBSIZE'), 0);
  });
});

test('memory only is refused before anything moves, unless it is accepted by name', async () => {
  for (const args of [[], ['--appendonly', 'yes', '--appendfsync', 'no']]) {
    await withTarget({args}, async (scene) => {
      const {message, remedy} = await fault(rebalanceHere(scene.home, {add: scene.add}), 'VOLATILE_TARGET', 3);
      assert.match(message, scene.b.address);
      assert.match(remedy!, `--accept-volatile ${scene.b.address}`);
      assert.equal(scene.home.journals(), []);
      assert.is(await scene.b.raw.cmd('DBSIZE'), 0);
      const wrong = {add: scene.add, acceptVolatile: ['127.0.0.1:1']};
      await fault(prepareHere(scene.home, wrong), 'CONSENT_UNKNOWN', 64);
      await rebalanceHere(scene.home, {add: scene.add, acceptVolatile: [scene.b.address]});
      assert.equal(barriers(scene.home), ['accepted-volatile']);
      assert.is(await total(scene), 200);
    });
  }
});

function evictNow(port: number): void {
  const set = (...words: string[]) =>
    execFileSync('redis-cli', ['-p', String(port), 'CONFIG', 'SET', ...words], {encoding: 'utf8'});
  set('maxmemory-policy', 'allkeys-random', 'maxmemory', '1000000');
  set('maxmemory', '0', 'maxmemory-policy', 'noeviction');
}

test('a target that was restarted, demoted, or has evicted since the copies were made', async () => {
  const accidents: readonly [RegExp, (scene: Scene) => Promise<unknown>][] = [
    [/restarted/, ({b}) => b.restart()],
    [/no longer a master|not a master/, ({a, b}) => b.raw.cmd('REPLICAOF', a.host, a.port)],
    // Over before the run goes on: nothing but the counter tells of it then.
    [/has evicted \d+ keys/, async ({b}) => evictNow(b.port)],
  ];
  for (const [expected, accident] of accidents) {
    await withTarget(durable, async (scene) => {
      // Between the last copy and the barrier: the accident happens while the phase is entered.
      let happened: Promise<unknown> | null = null;
      const onPhase = (phase: string) => {
        if (phase === 'copied') happened ??= accident(scene);
      };
      let seen: Error | null = null;
      try {
        await rebalanceHere(scene.home, {add: scene.add}, {onPhase});
      } catch (error) {
        seen = error as Error;
      }
      await happened;
      assert.ok(seen !== null, 'it went on');
      assert.is((seen as unknown as {exit: number}).exit, 4, seen.message);
      assert.ok(
        expected.test(seen.message) || /closed the connection|refused the connection/.test(seen.message),
        seen.message,
      );
      assert.is(await scene.a.raw.cmd('DBSIZE'), 200, 'nothing deleted');
    });
  }
});

test.run();
