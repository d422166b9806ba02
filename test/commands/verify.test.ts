/** `rtopo verify`: counts, examples and exit codes for what is in place, misplaced, and twice. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertStatus, field, placer, topologyText} from '../migration/field.js';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';

const test = suite('commands/verify');

test('all in place, misplaced, duplicate, and a server that cannot be asked', async () => {
  await withServers(3, async (servers, rig) => {
    const text = topologyText(
      '{scheme: ketama}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    const place = placer(text, servers);
    const home = field(rig, text);
    await fill(servers, {seed: 5, keys: 200, dbs: [0, 3], place});
    const good = await home.run(['verify', '--json']);
    assertStatus(good, 0);
    const {result} = JSON.parse(good.stdout);
    assert.equal([result.keys, result.misplaced, result.duplicates, result.examples], [200, 0, 0, []]);
    assert.is(
      result.shards.reduce((sum: number, {keys}: {keys: number}) => sum + keys, 0),
      200,
    );
    assert.ok(Math.abs(result.shards.reduce((sum: number, {share}: {share: number}) => sum + share, 0) - 1) < 1e-9);

    const key = Buffer.from([0xff, 0x1b, 0x5b, 0x33, 0x31, 0x6d]);
    const [right, wrong] = [servers[place(key)]!, servers[(place(key) + 1) % 3]!] as [Server, Server];
    await wrong.raw.pipeline([
      ['SELECT', 3],
      ['SET', key, 'v'],
      ['SELECT', 0],
    ]);
    const misplaced = await home.run(['verify', '--json']);
    assertStatus(misplaced, 2);
    const found = JSON.parse(misplaced.stdout).result;
    assert.equal([found.misplaced, found.duplicates], [1, 0]);
    const [example] = found.examples;
    assert.equal([example.kind, example.keyBase64, example.db], ['misplaced', key.toString('base64'), 3]);
    assert.not.match(example.key, /\x1b/);
    await right.raw.pipeline([
      ['SELECT', 3],
      ['SET', key, 'w'],
      ['SELECT', 0],
    ]);
    const twice = await home.run(['verify']);
    assertStatus(twice, 2);
    assert.match(twice.stdout, /duplicate +db3/);
    assert.match(twice.stdout, /✗ 1 key of 202 on a server that does not own them, 1 of them also on their owner/);
    assert.not.match(twice.stdout, /\x1b/);

    await wrong.kill();
    const unreachable = await home.run(['verify', '--timeout', '1s']);
    assertStatus(unreachable, 5);
    assert.is(unreachable.stdout, '');
  });
});

test('an empty topology is in order, and rtopo’s own keys are none', async () => {
  await withServers(2, async (servers, rig) => {
    const text = topologyText(
      '{scheme: modulo}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    for (const {raw} of servers) await raw.cmd('SET', '__rtopo:lock', 'x');
    const run = await field(rig, text).run(['verify']);
    assertStatus(run, 0);
    assert.match(run.stdout, '0 keys: each on its owner, once');
  });
});

test.run();
