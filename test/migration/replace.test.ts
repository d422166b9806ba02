/** A shard keeps its name and gets another server: by replication, under load, and nothing that was acknowledged is lost. */
import {readFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {snapshot} from '../rig/checker.js';
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
  tellHere,
  topologyText,
} from './field.js';
import {afterFile, assertProved, KETAMA, shardMoves, textOf, underLoad} from './replacing.js';

const test = suite('migration/replace');

async function follows(server: Server): Promise<string> {
  const role = (await server.raw.cmd('ROLE')) as (Buffer | number)[];
  return String(role[0]) === 'master' ? 'master' : `${role[1]}:${role[2]}`;
}

const three = [durable, durable, durable];

test('the plan says how, a dry run changes nothing, and the run proves that nothing was lost', () =>
  withServers(
    [0, 1, 2].map(() => ({config: 'appendonly yes\nappendfsync always'})),
    async (servers, rig) => {
      const [, b, c] = servers as [Server, Server, Server];
      const {home, to, after, from} = await shardMoves(rig, servers);
      await assertUntouched(servers, async () => {
        const dry = await home.run(['rebalance', '--to', to, '--dry-run']);
        assertStatus(dry, 2);
        assert.match(dry.stdout, `shard b: ${b.address} → ${c.address} by replication; no key moves`);
      });
      assert.equal(home.journals(), []);
      await underLoad(b, c, async () => {
        const run = await home.run(['rebalance', '--to', to, '--yes', '--json']);
        assertStatus(run, 0);
        const {result} = JSON.parse(run.stdout);
        assertProved(result);
        const [replaced] = result.replaced;
        assert.equal([replaced.from, replaced.to], [b.address, c.address]);
        assert.equal([replaced.resync, replaced.persisted], ['partial', 'yes']);
        assert.ok(replaced.writeGapMs < 3000);
      });
      assert.is(home.text(), after);
      assert.equal([await follows(b), await follows(c)], [c.address, 'master']);
      await rig.caughtUp(c, b);
      assertSame(await snapshot(c), await snapshot(b), 'the old server holds everything');
      for (const {raw} of servers) assert.is(await raw.cmd('EXISTS', '__rtopo:lock'), 0, 'lock');
      // The roles outlive a restart.
      await b.restart();
      await c.restart();
      assert.equal([await follows(b), await follows(c)], [c.address, 'master']);
      const status = await home.run(['rebalance', 'status']);
      assertStatus(status, 0);
      assert.match(status.stdout, 'every shard has its new master');
      assertStatus(await home.run(['rebalance', 'resume', '--yes']), 0, 'a second time is no change');
      // Back again is the same operation the other way round.
      const back = await home.run([
        'rebalance',
        '--to',
        `${home.file}.before-${(await tellHere(home))!.id}`,
        '--yes',
        '--json',
      ]);
      assertStatus(back, 0);
      assert.is(JSON.parse(back.stdout).result.replaced[0].resync, 'partial');
      assert.is(home.text(), from);
      assert.equal([await follows(b), await follows(c)], ['master', b.address]);
    },
  ));

test('siblings follow the new master; one that is out of reach is told, and does not hold up the rest', () =>
  withServers([durable, durable, {}, {}], async (servers, rig) => {
    const [b, c, near, far] = servers as [Server, Server, Server, Server];
    const shard = (master: Server) =>
      `version: 1\nname: x\nshards:\n  - name: b\n    master: "${master.address}"\n    replicas: ["${near.address}", "${far.address}"]\n`;
    const home = field(rig, shard(b));
    await fill(b, {seed: 1, keys: 60});
    await rig.replicate(near, b);
    await rig.replicate(far, b);
    const before = await everything([b]);
    far.pause();
    const run = await home.run(['rebalance', '--to', afterFile(home, shard(c)), '--yes', '--json', '--timeout', '1s']);
    assertStatus(run, 4);
    const {result, error, warnings} = JSON.parse(run.stdout);
    assert.match(warnings.join(), `${far.address} does not answer`);
    assert.is(error.code, 'NOT_REPOINTED');
    assert.match(error.message, far.address);
    assert.match(error.remedy, 'rtopo replicate');
    assert.is(result.phase, 'done');
    assert.equal([await follows(b), await follows(near)], [c.address, c.address]);
    assertSame(before, await everything([c]), 'replaced');
    far.resume();
    assertStatus(await home.run(['replicate', '--yes']), 0, 'the remedy');
    assert.is(await follows(far), c.address);
  }));

test('a declared replica takes over without being filled', () =>
  withServers([durable, durable], async (servers, rig) => {
    const [b, c] = servers as [Server, Server];
    const shard = (master: Server, replica: Server) =>
      `version: 1\nname: x\nshards:\n  - {name: b, master: "${master.address}", replicas: ["${replica.address}"]}\n`;
    const home = field(rig, shard(b, c));
    await fill(b, {seed: 1, keys: 60});
    await rig.replicate(c, b);
    const report = await rebalanceHere(home, {to: afterFile(home, shard(c, b))});
    assertProved(report);
    assert.is(report.replaced![0]!.resync, 'partial');
    assert.equal([await follows(b), await follows(c)], [c.address, 'master']);
    assert.is((await b.raw.info('stats')).sync_full, '1', 'the first attachment alone');
    assert.is(readFileSync(home.journals()[0]!, 'utf8').includes('"did":"attach"'), false);
  }));

test('another name of the same server: only the file changes', () =>
  withServers(three, async (servers, rig) => {
    const [, b] = servers as [Server, Server];
    const {home, after} = await shardMoves(rig, servers);
    const alias = after.replace(servers[2]!.address, `localhost:${b.port}`);
    const report = await rebalanceHere(home, {to: afterFile(home, alias)});
    assert.is(report.phase, 'done');
    assert.is(await follows(b), 'master');
    assert.is(home.text(), alias);
  }));

test('refused: what the new server must not be, and what the change must not ask', () =>
  withServers([durable, durable, {}, durable], async (servers, rig) => {
    const [a, b, c, d] = servers as [Server, Server, Server, Server];
    const {home, to} = await shardMoves(rig, [a, b, c]);
    await assertUntouched(servers, async () => {
      const volatile = await fault(rebalanceHere(home, {to}), 'VOLATILE_TARGET', 3);
      assert.match(volatile.remedy!, `--accept-volatile ${c.address}`);
      const swapped = textOf([
        ['a', b],
        ['b', a],
      ]);
      await fault(rebalanceHere(home, {to: afterFile(home, swapped)}), 'ADDRESS_IN_USE', 3);
      const recycled = textOf([
        ['a', a],
        ['b', d],
        ['c', b],
      ]);
      await fault(rebalanceHere(home, {to: afterFile(home, recycled)}), 'ADDRESS_IN_USE', 3);
      const twin = textOf([
        ['a', a],
        ['b', {address: `localhost:${a.port}`}],
      ]);
      await fault(rebalanceHere(home, {to: afterFile(home, twin)}), 'SAME_SERVER', 3);
      const dead = textOf([
        ['a', a],
        ['b', {address: await rig.deadAddress()}],
      ]);
      await fault(rebalanceHere(home, {to: afterFile(home, dead)}), 'CONNECTION_REFUSED', 5);
    });
    const onto = afterFile(
      home,
      textOf([
        ['a', a],
        ['b', d],
      ]),
    );
    await d.raw.cmd('SET', 'own', 'x');
    await assertUntouched(servers, async () => {
      const {message} = await fault(rebalanceHere(home, {to: onto}), 'NOT_EMPTY', 3);
      assert.match(message, 'holds 1 key of another history');
    });
    await d.raw.cmd('FLUSHALL');
    await d.raw.cmd('CONFIG', 'SET', 'maxmemory', '200kb', 'maxmemory-policy', 'allkeys-lru');
    assert.match((await fault(rebalanceHere(home, {to: onto}), 'TARGET_TOO_SMALL', 3)).message, 'silently evict');
    await d.raw.cmd('CONFIG', 'SET', 'maxmemory', '0');
    await b.raw.cmd('REPLICAOF', a.host, a.port);
    await fault(rebalanceHere(home, {to: onto}), 'NOT_A_MASTER', 3);
    assert.equal(home.journals(), []);
  }));

test('a server with fewer databases would die while it loads: refused', () =>
  withServers([durable, durable, {args: [...durable.args, '--databases', '4']}], async (servers, rig) => {
    const {home, to} = await shardMoves(rig, servers);
    const {message} = await fault(rebalanceHere(home, {to}), 'NO_DATABASE', 3);
    assert.match(message, 'has 4 databases');
  }));

const locked = (password: string) => ({
  args: [...durable.args, '--requirepass', password],
  auth: [password],
});

test('with passwords: proved beforehand, set on both, and kept for the way back', () =>
  withServers([locked('first+secret'), locked('first+secret')], async (servers, rig) => {
    const [b, c] = servers as [Server, Server];
    const text = (master: Server) =>
      `version: 1\nname: x\nauth: {passwordEnv: OPS}\nreplicationAuth: {passwordEnv: REPL}\nshards:\n  - {name: b, master: "${master.address}"}\n`;
    const home = field(rig, text(b));
    await fill(b, {seed: 1, keys: 40});
    const args = ['rebalance', '--to', afterFile(home, text(c)), '--yes', '--json'];
    const wrong = await home.run(args, {env: {OPS: 'first+secret', REPL: 'another-one'}});
    assertStatus(wrong, 3);
    assert.is(JSON.parse(wrong.stdout).error.code, 'REPLICATION_LOGIN');
    assert.is(await follows(c), 'master');
    const run = await home.run(args, {env: {OPS: 'first+secret', REPL: 'first+secret'}});
    assertStatus(run, 0);
    assert.is(JSON.parse(run.stdout).result.replaced[0].resync, 'partial');
    assert.equal([await follows(b), await follows(c)], [c.address, 'master']);
    assert.not.ok(readFileSync(home.journals()[0]!, 'utf8').includes('first+secret'));
  }));

test('a link that never comes up: undone, and nothing was changed', () =>
  withServers(
    three,
    async (servers, rig) => {
      const [a, b, c] = servers as [Server, Server, Server];
      const {home, after} = await shardMoves(rig, servers);
      // What other servers would have to dial leads nowhere: only the attempt can tell.
      const peer = after.replace(`"${c.address}"`, `{address: "${c.address}"}`);
      const from = home
        .text()
        .replace(`"${b.address}"`, `{address: "${b.address}", peer: "${await rig.deadAddress()}"}`);
      const one = field(rig, from);
      const before = await everything([a, b]);
      const error = await fault(rebalanceHere(one, {to: afterFile(one, peer)}, {timeoutMs: 300}), 'LINK_NOT_UP', 1);
      assert.match(error.message, 'The replacement was undone: every old master leads as before.');
      assert.equal([await follows(b), await follows(c)], ['master', 'master']);
      assert.is(await c.raw.cmd('DBSIZE'), 0);
      assertSame(before, await everything([a, b]), 'undone');
      assert.is(one.text(), from);
      assert.is((await tellHere(one))!.phase, 'aborted');
      // Nothing stands in the way of a better attempt.
      assertProved(await rebalanceHere(home, {to: afterFile(home, after)}));
    },
    {timeoutMs: 90_000},
  ));

test('the old master restarts empty while the new one fills: the new one is taken off it and keeps what it has', () =>
  withServers([{}, {}, {}], async (servers, rig) => {
    const [, b, c] = servers as [Server, Server, Server];
    const {home, to} = await shardMoves(rig, servers);
    const keys = await b.raw.cmd('DBSIZE');
    let restarted: Promise<void> | null = null;
    // The link is up when the fence is about to be written down; then the old master dies.
    const onPhase = () => {
      restarted ??= rig
        .until('the copy', async () => Number(await c.raw.cmd('DBSIZE')) >= Number(keys))
        .then(() => b.restart({empty: true}));
    };
    await b.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '1');
    const ended = await rebalanceHere(home, {to}, {onPhase}).then(
      () => 'done',
      (error: {code: string}) => error.code,
    );
    await restarted;
    if (ended !== 'done') {
      assert.is(ended, 'PARENT_LOST');
      assert.is(await follows(c), 'master');
    }
    assert.ok(Number(await c.raw.cmd('DBSIZE')) >= Number(keys));
  }));

test('interrupted while it fills: it goes on filling, and a resume or an abort finds it', () =>
  withServers(three, async (servers, rig) => {
    const [, b, c] = servers as [Server, Server, Server];
    const {home, to, from, after} = await shardMoves(rig, servers);
    await b.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '2');
    const stop = {stopAt: 'replicating'};
    const {remedy} = await fault(rebalanceHere(home, {to}, stop), 'INTERRUPTED', 130);
    assert.match(remedy!, /^rtopo rebalance resume \w{26}$/);
    assert.equal([await follows(b), await follows(c)], ['master', b.address]);
    await fault(rebalanceHere(home, {to}), 'OPERATION_UNFINISHED', 3);
    assert.is((await tellHere(home))!.phase, 'replicating');
    const {report} = await abortHere(home);
    assert.is(report.phase, 'aborted');
    assert.equal([await follows(b), await follows(c)], ['master', 'master']);
    assert.is(home.text(), from);
    await fault(rebalanceHere(home, {to}, stop), 'INTERRUPTED', 130);
    assertProved(await resumeHere(home));
    assert.is(home.text(), after);
    assert.equal([await follows(b), await follows(c)], [c.address, 'master']);
    // What has changed hands is not undone by an abort.
    await fault(abortHere(home), 'ALREADY_CUT_OVER', 3);
  }));

test('replaced and added in one change: first the masters, then the keys', () =>
  withServers([durable, durable, durable, durable], async (servers, rig) => {
    const [a, b, c, d] = servers as [Server, Server, Server, Server];
    const {home, from} = await shardMoves(rig, [a, b, c], 200);
    const before = await everything([a, b]);
    const after = textOf([
      ['a', a],
      ['b', c],
      ['d', d],
    ]);
    const to = afterFile(home, after);
    const {plan, refusal} = await prepareHere(home, {to});
    assert.is(refusal, null);
    assert.ok(plan.keys.moving > 20);
    assert.is(plan.replaced!.length, 1);
    const run = await home.run(['rebalance', '--to', to, '--yes']);
    assertStatus(run, 0);
    assert.match(run.stdout, /nothing lost/);
    const report = (await tellHere(home))!;
    assertProved(report);
    assert.is(report.keys.deleted, plan.keys.moving);
    assert.is(home.text(), after);
    assertSame(before, await everything([a, c, d]), 'moved');
    await assertPlaced(after, [a, c, d], 'moved');
    await rig.caughtUp(c, b);
    assertSame(await snapshot(c), await snapshot(b), 'the old server follows the pruning too');
    assert.is(readFileSync(`${home.file}.before-${report.id}`, 'utf8'), from);
    assert.match(readFileSync(`${home.file}.replaced-${report.id}`, 'utf8'), c.address);
  }));

test('--replace names the shard and its new server; the file is edited where that stands', () =>
  withServers(three, async (servers, rig) => {
    const {home, after} = await shardMoves(rig, servers);
    const to = servers[2]!.address;
    assertStatus(await home.run(['rebalance', '--replace', 'b', '--yes']), 64);
    assertStatus(await home.run(['rebalance', '--replace', `x=${to}`, '--yes']), 64);
    assertStatus(await home.run(['rebalance', '--replace', `b=${to}`, '--yes', '--json']), 0);
    assert.is(home.text(), after);
    assert.match((await home.run(['rebalance', '--replace', `b=${to}`])).stdout, 'nothing is to be done');
  }));

test('a saved plan replaces the same servers, or none when one of them has changed', () =>
  withServers(three, async (servers, rig) => {
    const [, b, c] = servers as [Server, Server, Server];
    const {home, after} = await shardMoves(rig, servers);
    const plan = async (out: string) =>
      assertStatus(await home.run(['rebalance', 'plan', '--replace', `b=${c.address}`, '--out', out]), 2, 'plan');
    await plan('old.json');
    await c.restart({empty: true});
    const stale = await home.run(['rebalance', '--plan', 'old.json', '--yes', '--json']);
    assertStatus(stale, 3);
    assert.match(JSON.parse(stale.stdout).error.message, `${c.address}: run id`);
    assert.is(await follows(c), 'master');
    await plan('new.json');
    const run = await home.run(['rebalance', '--plan', 'new.json', '--yes', '--json']);
    assertStatus(run, 0);
    assertProved(JSON.parse(run.stdout).result);
    assert.equal([await follows(b), home.text()], [c.address, after]);
    assert.match((await home.run(['rebalance', '--plan', 'new.json', '--yes'])).stdout, 'already done');
  }));

test('two shards at once, and the second cannot be filled: both are as they were', () =>
  withServers(
    [durable, durable, durable, durable],
    async (servers, rig) => {
      const [a, b, c, d] = servers as [Server, Server, Server, Server];
      const text = topologyText(KETAMA, [
        {name: 'a', address: a.address},
        {name: 'b', address: b.address},
      ]);
      await fill([a, b], {seed: 4, keys: 80, place: placer(text, [a, b])});
      const home = field(
        rig,
        text.replace(`"${b.address}"`, `{address: "${b.address}", peer: "${await rig.deadAddress()}"}`),
      );
      const to = afterFile(
        home,
        textOf([
          ['a', c],
          ['b', d],
        ]),
      );
      await fault(rebalanceHere(home, {to}, {timeoutMs: 300}), 'LINK_NOT_UP', 1);
      assert.equal(await Promise.all([a, b, c, d].map(follows)), ['master', 'master', 'master', 'master']);
      // The copy of a that had arrived is in its history: the next attempt takes it up.
      const good = field(rig, text);
      const report = await rebalanceHere(good, {to});
      assert.is(report.replaced!.length, 2);
      assert.equal(await Promise.all([a, b, c, d].map(follows)), [c.address, d.address, 'master', 'master']);
    },
    {timeoutMs: 90_000},
  ));

test.run();
