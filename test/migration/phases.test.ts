/** The life of an operation: phases one by one, writers and accidents in the middle of it. */
import {appendFileSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
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
  pasted,
  placer,
  pruneHere,
  rebalanceHere,
  resumeHere,
  tellHere,
  topologyText,
} from './field.js';

const test = suite('migration/phases');

interface Scene {
  readonly servers: readonly Server[];
  readonly a: Server;
  readonly b: Server;
  readonly home: Field;
  readonly add: string[];
  readonly from: string;
}

async function withScene(body: (scene: Scene) => Promise<void>, keys = 120): Promise<void> {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    const from = topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]);
    await fill(a, {seed: 21, keys, dbs: [0, 5]});
    await body({servers, a, b, home: field(rig, from), add: [`b=${b.address}`], from});
  });
}

test('cut over first, prune later: each phase says what comes next', async () => {
  await withScene(async ({servers, a, home, add, from}) => {
    const before = await everything(servers);
    const run = await home.run(['rebalance', '--add', add[0]!, '--no-prune', '--yes']);
    assertStatus(run, 0);
    assert.match(run.stdout, /cut over (.*\n)*.*next +rtopo rebalance prune \w{26}\n/);
    assert.is(await a.raw.cmd('DBSIZE'), 60, 'the sources still hold all');
    await assertNothingLost(before, servers, 'cut over');
    assert.is.not(home.text(), from);
    assertStatus(await home.run(['rebalance', 'status']), 2);
    await fault(abortHere(home), 'ALREADY_CUT_OVER', 3);
    const command = pasted(run.stdout);
    const refused = await home.run(command);
    assertStatus(refused, 3, 'no terminal, no --yes');
    assertStatus(await home.run([...command, '--yes']), 0);
    assertSame(before, await everything(servers), 'pruned');
    await assertPlaced(home.text(), servers, 'pruned');
    assertStatus(await home.run([...command, '--yes']), 0);
    // And back again, by the way that the refusal of a late abort shows.
    const {remedy} = await fault(abortHere(home), 'ALREADY_CUT_OVER', 3);
    assertStatus(await home.run([...pasted(remedy!), '--yes']), 0);
    assertSame(before, await everything(servers), 'and back');
    assert.is(home.text(), from);
  });
});

test('pruning before the cutover is refused', async () => {
  await withScene(async ({home, add}) => {
    await fault(rebalanceHere(home, {add}, {stopAt: 'copied'}), 'INTERRUPTED', 130);
    const {remedy} = await fault(pruneHere(home), 'NOT_CUT_OVER', 3);
    assert.match(remedy!, /rtopo rebalance resume/);
  });
});

test('a writer during the copy is seen: nothing is deleted, and the way back is open', async () => {
  await withScene(async ({servers, a, b, home, add, from}) => {
    let isWriting = true;
    const other = await a.connect();
    const writer = (async () => {
      for (let i = 0; isWriting; i++) {
        await other.cmd('SET', `written:${i % 50}`, i);
        await other.cmd('HSET', 'hash of a writer', ...Array.from({length: 200}, (_, n) => [`f${n}`, i]).flat());
      }
    })();
    try {
      const seen = await fault(
        rebalanceHere(home, {add}).catch((error) => {
          if (error.code === 'CONFLICT') error.code = 'WRITERS_SEEN';
          throw error;
        }),
        'WRITERS_SEEN',
        4,
      );
      assert.match(seen.remedy!, /^stop the writers, then undo the copies and start over: rtopo rebalance abort/);
      assert.is(home.text(), from);
    } finally {
      isWriting = false;
      await writer;
      other.close();
    }
    // What b holds are old copies; the sources decide.
    const {kept} = await abortHere(home);
    assert.is(kept, 0, 'a copy of a value that has changed since is still ours');
    assert.is(await b.raw.cmd('DBSIZE'), 0);
    const before = await everything(servers);
    assert.is((await rebalanceHere(home, {add})).writers, 'none-seen');
    assertSame(before, await everything(servers), 'after the writers ended');
  });
});

test('a file that was edited in the middle is not overwritten', async () => {
  await withScene(async ({servers, b, home, add, from}) => {
    const before = await everything(servers);
    await fault(rebalanceHere(home, {add}, {stopAt: 'copied'}), 'INTERRUPTED', 130);
    appendFileSync(home.file, '# a colleague was here\n');
    const {remedy} = await fault(resumeHere(home), 'TOPOLOGY_CHANGED', 4);
    assert.match(remedy!, /rtopo rebalance abort \w{26}; or put the old text back, then: rtopo rebalance resume/);
    assert.match(home.text(), 'a colleague was here');
    await assertNothingLost(before, servers, 'edited');
    assert.is((await abortHere(home)).kept, 0);
    assert.is(await b.raw.cmd('DBSIZE'), 0);
    // The other way out.
    await fault(rebalanceHere(home, {add}, {stopAt: 'copied'}), 'INTERRUPTED', 130);
    const edited = home.text();
    writeFileSync(home.file, `${edited}# again\n`);
    await fault(resumeHere(home), 'TOPOLOGY_CHANGED', 4);
    writeFileSync(home.file, edited);
    assert.is((await resumeHere(home)).phase, 'done');
    assertSame(before, await everything(servers), 'resumed');
    assert.ok(edited.startsWith(from));
  });
});

test('a target that dies or is replaced in the middle: exit 4, and a resume when it is back', async () => {
  for (const empty of [true, false]) {
    await withScene(async ({servers, a, b, home, add}) => {
      const before = await everything(servers);
      let killed: Promise<void> | null = null;
      const onPhase = (phase: string) => {
        if (phase === 'copying') killed ??= b.kill();
      };
      const {remedy, message} = await fault(
        rebalanceHere(home, {add}, {onPhase}).catch((error) => {
          if (['CONNECTION_LOST', 'CONNECTION_REFUSED'].includes(error.code)) error.code = 'LOST';
          throw error;
        }),
        'LOST',
        4,
      );
      await killed;
      assert.match(remedy!, /rtopo rebalance resume \w{26}$/);
      assert.match(message, /unfinished; no key is lost/);
      assert.is(await a.raw.cmd('DBSIZE'), 60);
      await fault(resumeHere(home), 'CONNECTION_REFUSED', 5);
      await b.restart({empty});
      assert.is((await resumeHere(home)).phase, 'done');
      assertSame(before, await everything(servers), `restarted ${empty ? 'empty' : 'with its data'}`);
    });
  }
});

test('counts after any number of resumes are those of one run', async () => {
  await withScene(async ({servers, home, add}) => {
    const before = await everything(servers);
    for (const stopAt of ['copying', 'copied', 'verified', 'cutover', 'pruning'] as const) {
      const work = tellHere(home) === null ? rebalanceHere(home, {add}, {stopAt}) : resumeHere(home, {stopAt});
      await fault(work, 'INTERRUPTED', 130);
    }
    const {keys, phase} = await resumeHere(home);
    assert.is(phase, 'done');
    assert.equal([keys.copied, keys.verified, keys.deleted], [keys.moving, keys.moving, keys.moving]);
    const told = tellHere(home)!;
    assert.equal(told.keys, keys);
    // Of what its predecessors wrote there as renewals of their lock no process knows the number.
    assert.is(told.writers, 'unknown');
    assertSame(before, await everything(servers), 'resumed five times');
  });
});

test('an abort that finds what others changed leaves it alone and says so', async () => {
  await withScene(async ({a, b, home, add}) => {
    await fault(rebalanceHere(home, {add}, {stopAt: 'verified'}), 'INTERRUPTED', 130);
    const [key] = (await b.raw.cmd('KEYS', 'key:*')) as Buffer[];
    const [, orphan] = (await b.raw.cmd('KEYS', 'key:*')) as Buffer[];
    await b.raw.cmd('DEL', key!);
    await b.raw.cmd('SET', key!, 'of somebody else');
    await a.raw.cmd('DEL', orphan!);
    assert.is((await abortHere(home)).kept, 2);
    assert.is(await b.raw.text('GET', key!), 'of somebody else');
    assert.is(await b.raw.cmd('EXISTS', orphan!), 1, 'the last copy of a key');
    assert.is(await b.raw.cmd('DBSIZE'), 2);
  });
});

test('a removed shard ends empty, whatever its keys were', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const text = topologyText(
      '{scheme: ketama}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    await fill(servers, {seed: 31, keys: 150, dbs: [0, 7], place: placer(text, servers)});
    const before = await everything(servers);
    const home = field(rig, text);
    await rebalanceHere(home, {remove: ['s1']});
    assert.not.match(home.text(), 's1');
    assert.is((await servers[1]!.raw.info('keyspace')).db0, undefined);
    assert.is((await servers[1]!.raw.info('keyspace')).db7, undefined);
    assertSame(before, await everything(servers), 'removed');
  });
});

test('many keys: in batches, in bounded memory', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    const keys = Array.from({length: 5000}, (_, i) => `many:${i}`);
    await a.raw.pipeline(keys.map((key, i) => ['SET', key, `${i}`.repeat(300)]));
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: a.address}]));
    const before = await everything(servers);
    const args = ['rebalance', '--add', `b=${b.address}`, '--yes', '--json'];
    const run = await home.run(args, {env: {NODE_OPTIONS: '--max-old-space-size=64'}});
    assertStatus(run, 0);
    assertSame(before, await everything(servers), 'many');
    const [path] = home.journals();
    const batches = readFileSync(path!, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"copy"'));
    assert.ok(batches.length >= 4 && batches.length < 12, `${batches.length} batches`);
    assert.ok(existsSync(`${home.file}.before-${JSON.parse(run.stdout).result.id}`));
  });
});

test.run();
