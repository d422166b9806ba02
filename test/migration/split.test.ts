/** New shards are filled as replicas of the only one that gives them keys, drop what they do not own, and are proved like copies. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {snapshot} from '../rig/checker.js';
import {killEnv} from '../rig/cli.js';
import {fill} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {
  abortHere,
  assertNothingLost,
  assertPlaced,
  assertSame,
  assertStatus,
  durable,
  everything,
  type Field,
  fault,
  field,
  placer,
  prepareHere,
  rebalanceHere,
  resumeHere,
  said,
  topologyText,
} from './field.js';
import {afterFile} from './replacing.js';

const test = suite('migration/split');

const textOf = (servers: readonly Server[]) =>
  topologyText(
    '{scheme: ketama, hash: md5}',
    servers.map(({address}, i) => ({name: `s${i}`, address})),
  );

interface Split {
  readonly home: Field;
  readonly to: string;
  readonly before: Awaited<ReturnType<typeof everything>>;
}

/** The first server full of keys of every kind in two databases; the others are to share them. */
async function prepare(rig: Rig, servers: readonly Server[], keys = 400): Promise<Split> {
  const [parent] = servers as [Server];
  await fill(parent, {seed: 11, keys, dbs: [0, 5], ttlShare: 0.2});
  const home = field(rig, textOf([parent]));
  return {home, to: afterFile(home, textOf(servers)), before: await everything([parent])};
}

async function roles(servers: readonly Server[]): Promise<string[]> {
  return Promise.all(servers.map(async ({raw}) => String(((await raw.cmd('ROLE')) as unknown[])[0])));
}

async function assertSplit({home, before}: Split, servers: readonly Server[], what: string): Promise<void> {
  assertSame(before, await everything(servers), what);
  await assertPlaced(home.text(), servers, what);
  assert.equal(
    await roles(servers),
    servers.map(() => 'master'),
    what,
  );
  for (const {raw} of servers) assert.is(await raw.cmd('EXISTS', '__rtopo:lock'), 0, `${what}: lock`);
}

for (const shards of [2, 4]) {
  test(`1 → ${shards} by replication: every key of every kind is where it belongs, once`, () =>
    withServers(
      Array.from({length: shards}, () => durable),
      async (servers, rig) => {
        const one = await prepare(rig, servers);
        const run = await one.home.run(['rebalance', '--to', one.to, '--via', 'replicate', '--yes', '--json']);
        assertStatus(run, 0);
        const {result} = JSON.parse(run.stdout);
        assert.is(result.phase, 'done');
        assert.is(result.writers, 'none-seen');
        assert.is(result.keys.deleted, result.keys.moving);
        await assertSplit(one, servers, `1 → ${shards}`);
        // All came by one snapshot, or by one each; none by RESTORE, but where a hash table has another order.
        for (const child of servers.slice(1)) {
          const restored = Number(
            /calls=(\d+)/.exec((await child.raw.info('commandstats')).cmdstat_restore ?? 'calls=0')![1],
          );
          assert.ok(restored < 150, `${restored} RESTOREs`);
        }
      },
    ));
}

test('the plan says which way, and why', () =>
  withServers([durable, durable, durable], async (servers, rig) => {
    const one = await prepare(rig, servers.slice(0, 2));
    const auto = await prepareHere(one.home, {to: one.to});
    assert.match(auto.plan.plan!.way!.why, /^Keys are copied: copying the keys that move would take about \d+ s/);
    assert.is(auto.plan.plan!.settings.via, 'copy');
    const asked = await prepareHere(one.home, {to: one.to, via: 'replicate'});
    assert.match(asked.plan.plan!.way!.why, /^New shards are filled as replicas, as asked for: /);
    const two = field(rig, textOf(servers.slice(0, 2)));
    await servers[1]!.raw.cmd('SET', 'k', 'v');
    const {message} = await fault(
      rebalanceHere(two, {to: afterFile(two, textOf(servers)), via: 'replicate'}),
      'CANNOT_REPLICATE',
      3,
    );
    assert.match(message, 'shard s2 gets keys from s0 and s1');
  }));

test('written to the source while it is split: stopped as ever, and undone to nothing', () =>
  withServers([durable, durable], async (servers, rig) => {
    const [parent, child] = servers as [Server, Server];
    const one = await prepare(rig, servers);
    let n = 0;
    const write = () => parent.raw.pipeline(Array.from({length: 50}, () => ['SET', `late:${n++}`, 'x']));
    const ended = await fault(
      rebalanceHere(
        one.home,
        {to: one.to, via: 'replicate'},
        {onPhase: (phase) => void (phase === 'copied' && write())},
      ),
      'WRITERS_SEEN',
      4,
    );
    assert.match(ended.message, 'late:');
    const before = await everything([parent]);
    const {report, kept} = await abortHere(one.home);
    assert.equal([report.phase, kept], ['aborted', 0]);
    assert.is(await child.raw.cmd('DBSIZE'), 0);
    assertSame(before, await snapshot(parent), 'aborted');
    // An undone split stands in nobody's way.
    await rebalanceHere(one.home, {to: one.to, via: 'replicate'});
    await assertSplit({...one, before}, servers, 'again');
  }));

test('deleted at the source after the split: noticed, and does not come back', () =>
  withServers([durable, durable], async (servers, rig) => {
    const [parent, child] = servers as [Server, Server];
    const one = await prepare(rig, servers);
    const moving = [...one.before.keys()]
      .filter((id) => id.startsWith('0:'))
      .map((id) => Buffer.from(id.slice(2), 'hex'));
    const act = (phase: string) => void (phase === 'copied' && parent.raw.pipeline(moving.map((key) => ['DEL', key])));
    await fault(rebalanceHere(one.home, {to: one.to, via: 'replicate'}, {onPhase: act}), 'WRITERS_SEEN', 4);
    const {kept} = await abortHere(one.home);
    const left = [...one.before].filter(([id]) => !id.startsWith('0:'));
    assertSame(new Map(left), await everything([parent]), 'what was not deleted');
    // An abort removes what the source still holds, and says how much it has left.
    assert.is(Number(await child.raw.cmd('DBSIZE')), kept);
  }));

test('what is deleted at the source and stays its own is not brought back by the copies of its child', () =>
  withServers([durable, durable], async (servers, rig) => {
    const [parent] = servers as [Server, Server];
    const one = await prepare(rig, servers);
    const place = placer(textOf(servers), servers);
    const own = [...one.before.keys()].filter(
      (id) => id.startsWith('0:') && place(Buffer.from(id.slice(2), 'hex')) === 0,
    );
    assert.ok(own.length > 20);
    // Held off until the child is on its own, and done before anything is copied.
    const act = (phase: string) =>
      void (phase === 'copying' && parent.raw.pipeline(own.map((id) => ['DEL', Buffer.from(id.slice(2), 'hex')])));
    assert.is((await rebalanceHere(one.home, {to: one.to, via: 'replicate'}, {onPhase: act})).phase, 'done');
    const left = new Map([...one.before].filter(([id]) => !own.includes(id)));
    await assertSplit({...one, before: left}, servers, 'deleted');
  }));

test('killed at every record of its journal: a resume finishes it, an abort leaves nothing', () =>
  withServers(
    [durable, durable],
    async (servers, rig) => {
      const [parent, child] = servers as [Server, Server];
      const one = await prepare(rig, servers, 120);
      const args = ['rebalance', '--to', one.to, '--via', 'replicate', '--yes', '--json'];
      for (let n = 2; n <= 9; n++) {
        for (const verb of ['resume', 'abort'] as const) {
          const what = `${verb} after record ${n}`;
          const run = await one.home.run(args, {env: killEnv({path: /\.jsonl$/, op: 'fsync', n, when: 'after'})});
          assert.is(run.signal, 'SIGKILL', `${what}: ${said(run)}`);
          await assertNothingLost(one.before, [parent], what);
          const isOver = n === 9 && verb === 'abort';
          if (verb === 'abort' && !isOver) {
            await abortHere(one.home);
            assert.is(Number(await child.raw.cmd('DBSIZE')), 0, what);
            assertSame(one.before, await everything([parent]), what);
            continue;
          }
          await resumeHere(one.home);
          await assertSplit(one, servers, what);
          // Back, for the next case.
          await rebalanceHere(one.home, {remove: ['s1']});
          assertSame(one.before, await everything([parent]), what);
        }
      }
    },
    {timeoutMs: 240_000},
  ));

test.run();
