/** Reasons not to begin: each found before anything is changed, exit 3 (or 64, 78), with a way out. */
import {readFileSync, writeFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {
  abortHere,
  assertPlaced,
  assertSame,
  assertStatus,
  assertUntouched,
  durable,
  everything,
  fault,
  field,
  placer,
  prepareHere,
  rebalanceHere,
  resumeHere,
  topologyText,
} from './field.js';

const test = suite('migration/refusals');

const modulo = '{scheme: modulo}';
const one = (a: Server) => topologyText(modulo, [{name: 'a', address: a.address}]);

test('two values of one name are found before anything is written', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const [a, b, c] = servers as [Server, Server, Server];
    const text = topologyText(modulo, [
      {name: 'a', address: a.address},
      {name: 'b', address: b.address},
    ]);
    const place = placer(text, servers);
    const keys = Array.from({length: 40}, (_, i) => `key:${i}`);
    for (const key of keys) {
      const owner = servers[place(Buffer.from(key))]!;
      await owner.raw.cmd('SET', key, 'right');
      // The others hold an old copy; some are equal, some not.
      const other = owner === a ? b : a;
      await other.raw.cmd('SET', key, keys.indexOf(key) < 30 ? 'right' : 'old');
    }
    const home = field(rig, text);
    await assertUntouched(servers, async () => {
      const {message, remedy, details} = await fault(rebalanceHere(home, {add: [`c=${c.address}`]}), 'CONFLICT', 3);
      assert.match(message, /keys are on two servers with different values/);
      assert.match(message, /Nothing was changed\.$/);
      assert.match(remedy!, /redis-cli -h 127\.0\.0\.1 -p \d+ -n 0/);
      assert.ok(details !== undefined);
    });
    assert.equal(home.journals(), []);
    assert.is(home.text(), text);
    // Without the different ones the equal strays are brought home, and each is there once.
    for (const key of keys.slice(30)) await servers[1 - place(Buffer.from(key))]!.raw.cmd('DEL', key);
    const report = await rebalanceHere(home, {add: [`c=${c.address}`]});
    assert.is(report.keys.strays, 30);
    assert.is((await everything(servers)).size, 40);
    await assertPlaced(home.text(), servers, 'strays');
  });
});

test('strays alone move home by --to with the same file, and a second time there is nothing to do', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const text = topologyText(
      modulo,
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    await fill(servers[0]!, {seed: 2, keys: 100});
    const before = await everything(servers);
    const home = field(rig, text);
    const report = await rebalanceHere(home, {to: home.file});
    assert.ok(report.keys.strays > 20);
    assert.is(report.keys.moving, report.keys.strays);
    assertSame(before, await everything(servers), 'strays');
    await assertPlaced(text, servers, 'strays');
    const again = await home.run(['rebalance', '--to', home.file]);
    assertStatus(again, 0, 'nothing to change needs no consent');
    assert.match(again.stdout, /Nothing to move/);
    assert.is(home.journals().length, 1);
  });
});

test('servers that are not what the change needs', async () => {
  await withServers([durable, {args: [...durable.args, '--databases', '4']}], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await a.raw.pipeline([
      ['SET', 'k', 'v'],
      ['SELECT', 9],
      ['SET', 'k', 'v'],
      ['SELECT', 0],
    ]);
    const home = field(rig, one(a));
    const add = [`b=${b.address}`];
    await assertUntouched(servers, async () => {
      const {message} = await fault(rebalanceHere(home, {add}), 'NO_DATABASE', 3);
      assert.match(message, 'has no database 9');
      // The same server by another of its names.
      const twice = {add: [`b=localhost:${a.port}`]};
      await fault(rebalanceHere(home, twice), 'SAME_SERVER', 3);
    });
    await b.raw.cmd('SET', 'other', 'v');
    await a.raw.cmd('FLUSHALL');
    await a.raw.cmd('SET', 'k', 'v');
    const {message} = await fault(rebalanceHere(home, {add}), 'NOT_EMPTY', 3);
    assert.match(message, 'already holds 1 keys');
    await b.raw.cmd('REPLICAOF', a.host, a.port);
    await fault(rebalanceHere(home, {add}), 'NOT_A_MASTER', 3);
    const dead = await rig.deadAddress();
    await fault(rebalanceHere(home, {add: [`b=${dead}`]}), 'CONNECTION_REFUSED', 5);
    assert.equal(home.journals(), []);
  });
});

test('a target that is too small', async () => {
  await withServers(
    [durable, {args: [...durable.args, '--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru']}],
    async (servers, rig) => {
      const [a, b] = servers as [Server, Server];
      await a.raw.pipeline(Array.from({length: 200}, (_, i) => ['SET', `k${i}`, 'x'.repeat(50_000)]));
      const {message, remedy} = await fault(
        rebalanceHere(field(rig, one(a)), {add: [`b=${b.address}`]}),
        'TARGET_TOO_SMALL',
        3,
      );
      assert.match(message, 'silently evict');
      const words = remedy!.replace('redis-cli -h 127.0.0.1 -p ', '').split(' ');
      assert.is(Number(words[0]), b.port);
      await b.raw.cmd(...words.slice(1));
      await rebalanceHere(field(rig, one(a)), {add: [`b=${b.address}`]});
      assert.is(Number(await a.raw.cmd('DBSIZE')) + Number(await b.raw.cmd('DBSIZE')), 200);
    },
  );
});

test('an unfinished operation blocks a second one, and goes on or back', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const [a, b, c] = servers as [Server, Server, Server];
    await fill(a, {seed: 4, keys: 60});
    const before = await everything(servers);
    const home = field(rig, one(a));
    await fault(rebalanceHere(home, {add: [`b=${b.address}`]}, {stopAt: 'copied'}), 'INTERRUPTED', 130);
    const {remedy} = await fault(rebalanceHere(home, {add: [`c=${c.address}`]}), 'OPERATION_UNFINISHED', 3);
    assert.match(remedy!, /^rtopo rebalance resume \w{26}, or rtopo rebalance abort \w{26}$/);
    const status = await home.run(['rebalance', 'status']);
    assertStatus(status, 2);
    assert.match(status.stdout, /rtopo rebalance resume \w{26}/);
    assert.is((await abortHere(home)).kept, 0);
    assertSame(before, await everything(servers), 'aborted');
    assertStatus(await home.run(['rebalance', 'status']), 0);
    assert.is((await rebalanceHere(home, {add: [`c=${c.address}`]})).phase, 'done');
    assertSame(before, await everything(servers), 'another change');
    // A damaged journal of an unfinished operation is not guessed at; that of a finished one stands in nobody's way.
    const [path] = home.journals();
    writeFileSync(path!, readFileSync(path!, 'utf8').replace('"begin"', '"bogin"'));
    await prepareHere(home, {to: home.file});
  });
});

test('two operators at once: exactly one moves the keys', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 12, keys: 80});
    const before = await everything(servers);
    const homes = Array.from({length: 4}, () => field(rig, one(a)));
    const ends = await Promise.allSettled(homes.map((home) => rebalanceHere(home, {add: [`b=${b.address}`]})));
    const won = ends.filter(({status}) => status === 'fulfilled');
    assert.is(won.length, 1, ends.map((end) => (end.status === 'rejected' ? end.reason.message : 'done')).join('\n'));
    for (const [i, end] of ends.entries()) {
      if (end.status === 'fulfilled') continue;
      assert.is(end.reason.exit, 3, end.reason.message);
      assert.equal(homes[i]!.journals(), [], 'a journal of an operation that never began');
    }
    assertSame(before, await everything(servers), 'two operators');
    await fault(resumeHere(homes[ends.findIndex(({status}) => status === 'rejected')]!), 'NO_OPERATION', 64);
  });
});

test.run();
