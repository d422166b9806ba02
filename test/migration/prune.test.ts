/** What happens to keys between their copy and their deletion: nothing that changed is deleted, nothing that was deleted comes back unasked. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import type {Arg} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';
import {
  abortHere,
  assertSame,
  durable,
  everything,
  type Field,
  fault,
  field,
  placer,
  rebalanceHere,
  resumeHere,
  tellHere,
  topologyText,
} from './field.js';

const test = suite('migration/prune');

interface Scene {
  readonly a: Server;
  readonly b: Server;
  readonly home: Field;
  readonly servers: readonly Server[];
  /** Keys that move from a to b. */
  readonly moving: readonly string[];
}

/** One shard, a second one joins; the operation has cut over and pruned nothing. */
async function cutOver(
  body: (scene: Scene) => Promise<void>,
  prepare: (keys: readonly string[]) => Arg[][],
): Promise<void> {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    const shards = [{name: 'a', address: a.address}];
    const home = field(rig, topologyText('{scheme: modulo}', shards));
    const next = placer(topologyText('{scheme: modulo}', [...shards, {name: 'b', address: b.address}]), servers);
    const moving = Array.from({length: 60}, (_, i) => `key:${i}`).filter((key) => next(Buffer.from(key)) === 1);
    await a.raw.pipeline(prepare(moving));
    await fault(rebalanceHere(home, {add: [`b=${b.address}`]}, {stopAt: 'pruning'}), 'INTERRUPTED', 130);
    assert.is(await a.raw.cmd('DBSIZE'), await b.raw.cmd('DBSIZE'), 'copied, and nothing pruned');
    assert.is(tellHere(home)?.phase, 'pruning');
    await body({a, b, home, servers, moving});
  });
}

const strings = (keys: readonly string[]): Arg[][] => keys.map((key) => ['SET', key, `value of ${key}`, 'PXAT', 4e12]);

/** Each way to change a key at its old owner without deleting it, on a value that has it. */
const changes: readonly [string, (key: string) => Arg[][], (key: string) => Arg[]][] = [
  ['a value', (key) => [['SET', key, 'v']], (key) => ['SET', key, 'w']],
  ['a type', (key) => [['SET', key, 'v']], (key) => ['BITFIELD', key, 'SET', 'u8', 0, 7]],
  ['an expiry later', (key) => [['SET', key, 'v', 'PXAT', 4e12]], (key) => ['PEXPIREAT', key, 4e12 + 1]],
  ['an expiry gone', (key) => [['SET', key, 'v', 'PXAT', 4e12]], (key) => ['PERSIST', key]],
  [
    'a field of a hash table',
    (key) => [['HSET', key, ...Array.from({length: 400}, (_, i) => `f${i}`)]],
    (key) => ['HSET', key, 'f0', 'other'],
  ],
  [
    'an acknowledgement, which WATCH does not see',
    (key) => [
      ['XADD', key, '1-1', 'f', 'v'],
      ['XGROUP', 'CREATE', key, 'g', '0'],
      ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', key, '>'],
    ],
    (key) => ['XACK', key, 'g', '1-1'],
  ],
  [
    'a delivery to a consumer',
    (key) => [
      ['XADD', key, '1-1', 'f', 'v'],
      ['XGROUP', 'CREATE', key, 'g', '0'],
    ],
    (key) => ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', key, '>'],
  ],
];

test('a key that changed at its old owner after the copy is kept, whatever changed', async () => {
  const prepare = (keys: readonly string[]): Arg[][] => keys.flatMap((key, i) => changes[i % changes.length]![1](key));
  await cutOver(async ({a, b, home, moving}) => {
    const touched = moving.slice(0, changes.length);
    for (const [i, key] of touched.entries()) await a.raw.cmd(...changes[i]![2](key));
    const {message, remedy, details} = await fault(resumeHere(home), 'SOURCE_CHANGED', 4);
    assert.is(details?.changed, changes.length, message);
    assert.match(remedy!, /rtopo rebalance resume \w{26}$/);
    for (const [i, key] of touched.entries()) assert.is(await a.raw.cmd('EXISTS', key), 1, changes[i]![0]);
    assert.is(await a.raw.cmd('DBSIZE'), changes.length, 'all others are pruned');
    // What a resume meets now is two values; it chooses none of them.
    const conflict = await fault(resumeHere(home), 'CONFLICT', 4);
    assert.match(conflict.remedy!, /^delete the wrong one of the two values, then: rtopo rebalance resume/);
    await fault(abortHere(home), 'ALREADY_CUT_OVER', 3);
    await b.raw.pipeline(touched.map((key) => ['DEL', key]));
    const report = await resumeHere(home);
    assert.is(report.phase, 'done');
    assert.is(await a.raw.cmd('DBSIZE'), 0);
    assert.is(await b.raw.cmd('DBSIZE'), moving.length);
    assert.is(report.keys.deleted, moving.length);
  }, prepare);
});

test('what the applications changed at the new owner stays as they made it', async () => {
  await cutOver(async ({a, b, home, moving}) => {
    const [changed, expiring, other] = moving as [string, string, string];
    await b.raw.cmd('SET', changed, 'written after the cutover');
    await b.raw.cmd('PEXPIRE', expiring, 1_000_000);
    await b.raw.cmd('DEL', other);
    await b.raw.cmd('RPUSH', other, 'another type');
    const report = await resumeHere(home);
    assert.is(report.phase, 'done');
    assert.is(report.keys.deleted, moving.length);
    assert.is(await a.raw.cmd('DBSIZE'), 0);
    assert.is(await b.raw.text('GET', changed), 'written after the cutover');
    assert.is(await b.raw.text('TYPE', other), 'list');
  }, strings);
});

test('what is missing at the new owner is kept at the old one, said, and copied again by a resume', async () => {
  await cutOver(async ({a, b, home, moving}) => {
    await b.raw.pipeline(moving.slice(0, 4).map((key) => ['DEL', key]));
    const {message, details} = await fault(resumeHere(home), 'TARGET_LOST_KEY', 4);
    assert.is(details?.missing, 4);
    assert.match(message, /deleted at their old owner first/);
    assert.is(await a.raw.cmd('DBSIZE'), 4);
    // One of them was deleted on purpose: deleted at the old owner too, it does not come back.
    await a.raw.cmd('DEL', moving[0]!);
    assert.is((await resumeHere(home)).phase, 'done');
    assert.is(await a.raw.cmd('DBSIZE'), 0);
    assert.is(await b.raw.cmd('DBSIZE'), moving.length - 1);
    assert.is(await b.raw.cmd('PEXPIRETIME', moving[1]!), 4e12);
  }, strings);
});

test('a new owner that comes back empty is filled again before anything is deleted', async () => {
  await cutOver(async ({a, b, home, servers, moving}) => {
    const before = await (await import('../rig/checker.js')).snapshot(a);
    await b.restart({empty: true});
    // Dying right after it has noted the new process must not make the next run believe in the old copies.
    await fault(resumeHere(home, {stopAt: 'pruning'}), 'INTERRUPTED', 130);
    const report = await resumeHere(home);
    assert.is(report.phase, 'done');
    assert.is(report.keys.deleted, moving.length);
    assert.is(await a.raw.cmd('DBSIZE'), 0);
    assertSame(before, await everything(servers), 'after the restart');
  }, strings);
});

test('a new owner that comes back with its data is pruned against; what was written there since is not mistaken for older data', async () => {
  await cutOver(async ({a, b, home, moving}) => {
    await b.restart();
    await b.raw.cmd('SET', moving[0]!, 'written after the restart');
    // Nobody can tell from the value which of the two is older: both stay, and a person decides.
    await fault(resumeHere(home), 'CONFLICT', 4);
    assert.is(await a.raw.cmd('DBSIZE'), 1);
    assert.is(await b.raw.text('GET', moving[0]!), 'written after the restart');
    await a.raw.cmd('DEL', moving[0]!);
    assert.is((await resumeHere(home)).phase, 'done');
    assert.is(await b.raw.text('GET', moving[0]!), 'written after the restart');
  }, strings);
});

test('a new owner that comes back with older data than the copies is not believed by the name of a key alone', async () => {
  await withServers([durable, {}], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
    await a.raw.pipeline(Array.from({length: 40}, (_, i) => ['SET', `key:${i}`, 'right']));
    // What it had long ago: other values under the same names.
    await b.raw.pipeline(Array.from({length: 40}, (_, i) => ['SET', `key:${i}`, 'from long ago']));
    await b.raw.cmd('SAVE');
    await b.raw.cmd('FLUSHALL');
    const replica = await rig.start();
    await rig.replicate(replica, b);
    await fault(rebalanceHere(home, {add: [`b=${b.address}`]}, {stopAt: 'pruning'}), 'INTERRUPTED', 130);
    await replica.kill();
    await b.restart();
    assert.is(await b.raw.text('GET', 'key:0'), 'from long ago');
    await fault(resumeHere(home), 'CONFLICT', 4);
    for (let i = 0; i < 40; i++) assert.is(await a.raw.text('GET', `key:${i}`), 'right', 'the last right value');
  });
});

test('keys that expire between copy and deletion are counted as expired', async () => {
  await cutOver(
    async ({a, b, home, moving}) => {
      await new Promise((resolve) => setTimeout(resolve, 2600));
      const report = await resumeHere(home);
      assert.is(report.phase, 'done');
      assert.is(report.keys.deleted + report.keys.expired, moving.length);
      assert.is(report.keys.expired, Math.ceil(moving.length / 2));
      assert.is(await a.raw.cmd('DBSIZE'), 0);
      assert.is(await b.raw.cmd('DBSIZE'), moving.length - report.keys.expired);
    },
    (keys) => keys.map((key, i) => (i % 2 === 0 ? ['SET', key, 'v', 'PX', 2500] : ['SET', key, 'v'])),
  );
});

test('a key that comes to be at an old owner during the pruning is found by the final check, and moved by a resume', async () => {
  await cutOver(async ({a, b, home, moving}) => {
    const late = Array.from({length: 200}, (_, i) => `late:${i}`);
    await a.raw.pipeline(late.map((key) => ['SET', key, 'v']));
    const {details} = await fault(resumeHere(home), 'FINAL_CHECK_FAILED', 4);
    const misplaced = Number(details?.misplaced);
    assert.ok(misplaced > 50 && misplaced < 150);
    const report = await resumeHere(home);
    assert.equal(report.finalCheck, {keys: moving.length + 200, misplaced: 0, duplicates: 0});
    assert.is(Number(await a.raw.cmd('DBSIZE')) + Number(await b.raw.cmd('DBSIZE')), moving.length + 200);
  }, strings);
});

test('a lock that somebody took stops the deletion', async () => {
  await cutOver(async ({a, home, moving}) => {
    const work = fault(
      resumeHere(home, {
        onPhase: (phase) => {
          if (phase === 'pruning') void a.raw.cmd('SET', '__rtopo:lock', 'somebody');
        },
      }),
      'LOCK_LOST',
      4,
    );
    assert.match((await work).remedy!, /rebalance resume/);
    assert.is(Number(await a.raw.cmd('DBSIZE')), moving.length + 1);
    const {message} = await fault(resumeHere(home), 'LOCKED', 4);
    assert.match(message, /not readable/);
    await a.raw.cmd('DEL', '__rtopo:lock');
    assert.is((await resumeHere(home)).phase, 'done');
  }, strings);
});

test('values of every kind are pruned although hash tables give other bytes on two servers', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const shards = servers.slice(0, 2).map(({address}, i) => ({name: `s${i}`, address}));
    const text = topologyText('{scheme: modulo}', shards);
    const home = field(rig, text);
    await fill(servers, {seed: 8, keys: 200, dbs: [0, 2], place: placer(text, servers)});
    const before = await everything(servers);
    const report = await rebalanceHere(home, {remove: ['s0'], add: [`s2=${servers[2]!.address}`]});
    assert.is(report.phase, 'done');
    assert.is(await servers[0]!.raw.cmd('DBSIZE'), 0);
    assertSame(before, await everything(servers), 'all kinds');
  });
});

test.run();
