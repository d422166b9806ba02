/** What a move does about values that are in its way, and about writers that go on: as the settings say, and never a lost write. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {
  abortHere,
  durable,
  everything,
  type Field,
  fault,
  field,
  placer,
  rebalanceHere,
  topologyText,
} from './field.js';

const test = suite('migration/settle');

interface Scene {
  readonly a: Server;
  readonly b: Server;
  readonly c: Server;
  readonly rig: Rig;
  readonly home: Field;
  /** Names that b gets from a. */
  readonly moving: readonly string[];
}

const KEYS = 400;

/** Two shards with their keys, `a` with a replica and so with a backlog; `c` joins. */
async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const [a, b, c] = servers as [Server, Server, Server];
    for (const one of [a, b]) await rig.replicate(await rig.start(), one);
    const shards = [
      {name: 'a', address: a.address},
      {name: 'b', address: b.address},
    ];
    const text = topologyText('{scheme: ketama, hash: md5}', shards);
    const place = placer(text, servers);
    const next = placer(
      topologyText('{scheme: ketama, hash: md5}', [...shards, {name: 'c', address: c.address}]),
      servers,
    );
    const names = Array.from({length: KEYS}, (_, i) => `key:${i}`);
    for (const name of names) await servers[place(Buffer.from(name))]!.raw.cmd('SET', name, 'old');
    const moving = names.filter((name) => place(Buffer.from(name)) === 0 && next(Buffer.from(name)) === 2);
    assert.ok(moving.length > 20);
    await body({a, b, c, rig, home: field(rig, text), moving});
  });
}

/** Puts a value where a copy is to land, as soon as copying begins. */
function inTheWay({c, moving}: Scene) {
  const done: Promise<unknown>[] = [];
  return {
    onPhase: (phase: string) => {
      if (phase === 'copying' && done.length === 0) done.push(c.raw.cmd('SET', moving[0]!, 'theirs', 'PX', 9_000_000));
    },
    done,
  };
}

test('a conflict that may be skipped stays on both sides, and is told', async () => {
  await withScene(async (scene) => {
    const {a, c, home, moving} = scene;
    const report = await rebalanceHere(
      home,
      {add: [`c=${c.address}`], settings: {onConflict: 'skip'}},
      inTheWay(scene),
    );
    assert.is(report.phase, 'done');
    assert.equal(report.finalCheck, {keys: KEYS + 1, misplaced: 1, duplicates: 1});
    assert.is(String(await a.raw.cmd('GET', moving[0]!)), 'old');
    assert.is(String(await c.raw.cmd('GET', moving[0]!)), 'theirs');
  });
});

test('a conflict that may be replaced is put aside: gone at the end, back after an abort', async () => {
  await withScene(async (scene) => {
    const {a, c, home, moving} = scene;
    const request = {add: [`c=${c.address}`], settings: {onConflict: 'replace'}, replaceOn: [c.address]} as const;
    const stopped = await rebalanceHere(
      home,
      {...request, add: [...request.add]},
      {...inTheWay(scene), stopAfter: 'verified'},
    );
    assert.is(stopped.phase, 'verified');
    assert.is(String(await c.raw.cmd('GET', moving[0]!)), 'old');
    const {report, kept} = await abortHere(home);
    assert.equal([report.phase, kept], ['aborted', 0]);
    assert.is(String(await c.raw.cmd('GET', moving[0]!)), 'theirs');
    assert.ok(Number(await c.raw.cmd('PTTL', moving[0]!)) > 8_000_000, 'with its expiry');
    assert.is(await c.raw.cmd('DBSIZE'), 1);
    await c.raw.cmd('FLUSHALL');
    const done = await rebalanceHere(home, {...request, add: [...request.add]}, inTheWay(scene));
    assert.is(done.phase, 'done');
    assert.is(String(await c.raw.cmd('GET', moving[0]!)), 'old');
    assert.is(await a.raw.cmd('EXISTS', moving[0]!), 0);
    assert.equal(await c.raw.cmd('KEYS', '__rtopo:*'), []);
  });
});

test('without the consent that names the server nothing is replaced', async () => {
  await withScene(async (scene) => {
    const {c, home, moving} = scene;
    const settings = {onConflict: 'replace'} as const;
    await fault(rebalanceHere(home, {add: [`c=${c.address}`], settings}, inTheWay(scene)), 'CONFLICT', 4);
    assert.is(String(await c.raw.cmd('GET', moving[0]!)), 'theirs');
  });
});

/** Writes to moving keys from the moment when they are copied until the cutover. Every acknowledged write is remembered. */
function writer({a, moving}: Scene) {
  const acknowledged = new Map<string, string>();
  let [isOver, round] = [false, 0];
  const work = async (): Promise<void> => {
    const own = await a.connect();
    while (!isOver) {
      const name = moving[round % moving.length]!;
      const value = `new:${round++}`;
      // After the cutover the servers do not answer any more: a client would look for the new owner now.
      const reply = await own.cmd('SET', name, value).catch(() => null);
      if (String(reply) === 'OK') acknowledged.set(name, value);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    own.close();
  };
  let working: Promise<void> | null = null;
  return {
    acknowledged,
    onPhase: (phase: string) => {
      if (phase === 'copying') working ??= work();
      if (phase === 'cutover') isOver = true;
    },
    end: async () => {
      isOver = true;
      await working;
    },
  };
}

for (const fence of ['pause', 'min-replicas'] as const) {
  test(`writers go on, what they touch is copied again, and the last of it under a fence (${fence}): no acknowledged write is lost`, async () => {
    await withScene(async (scene) => {
      const {c, home} = scene;
      const {acknowledged, onPhase, end} = writer(scene);
      const settings = {writers: 'recopy', fence} as const;
      const report = await rebalanceHere(home, {add: [`c=${c.address}`], settings}, {onPhase}).finally(end);
      assert.equal([report.phase, report.writers], ['done', 'seen']);
      assert.equal([report.keys.copied, report.keys.deleted], [report.keys.moving, report.keys.moving]);
      assert.ok(acknowledged.size > 5, `${acknowledged.size} writes`);
      for (const [name, value] of acknowledged) assert.is(String(await c.raw.cmd('GET', name)), value, name);
      assert.is((await everything([scene.a, scene.b, c])).size, KEYS);
    });
  });
}

test('a server that gives and takes cannot be fenced, and that is said before anything moves', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const [a, b, c] = servers as [Server, Server, Server];
    const text = topologyText('{scheme: modulo}', [
      {name: 'a', address: a.address},
      {name: 'b', address: b.address},
    ]);
    const place = placer(text, servers);
    for (let i = 0; i < 60; i++) await servers[place(Buffer.from(`key:${i}`))]!.raw.cmd('SET', `key:${i}`, 'v');
    const home = field(rig, text);
    const {message} = await fault(
      rebalanceHere(home, {add: [`c=${c.address}`], settings: {fence: 'pause'}}),
      'FENCE_IMPOSSIBLE',
      3,
    );
    assert.match(message, /gives keys away and is given others/);
    assert.equal(home.journals(), []);
  });
});

test('writers that nobody has allowed end the run, by name, and undo is possible', async () => {
  await withScene(async (scene) => {
    const {c, home} = scene;
    const {onPhase, end} = writer(scene);
    const {message, details} = await fault(
      rebalanceHere(home, {add: [`c=${c.address}`]}, {onPhase}).finally(end),
      'WRITERS_SEEN',
      4,
    );
    assert.match(message, /\d+ of these keys were touched, for example key:\d+/);
    assert.is(details?.method, 'backlog');
    const {report} = await abortHere(home);
    assert.is(report.phase, 'aborted');
  });
});

test.run();
