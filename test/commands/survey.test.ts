/** `locate --check | --to | --balance` and `verify --sample | --detect` against live servers. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertStatus, field, placer, topologyText} from '../migration/field.js';
import {fill} from '../rig/data.js';
import {withServers} from '../rig/servers.js';

const test = suite('commands/survey');

test('--check tells where keys really are, and exits 2 when not on the owner alone', () =>
  withServers(3, async (servers, rig) => {
    const text = topologyText(
      '{scheme: ketama}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    const place = placer(text, servers);
    const home = field(rig, text);
    const key = (name: string): number => place(Buffer.from(name));
    await servers[key('right')]!.raw.cmd('SET', 'right', '1');
    const other = (key('twice') + 1) % 3;
    for (const at of [key('twice'), other]) await servers[at]!.raw.cmd('SET', 'twice', '1');
    await servers[(key('wrong') + 1) % 3]!.raw.pipeline([
      ['SELECT', 7],
      ['SET', 'wrong', '1'],
      ['SELECT', 0],
    ]);

    const good = await home.run(['locate', 'right', 'nowhere', '--check', '--json']);
    assertStatus(good, 0);
    assert.equal(
      JSON.parse(good.stdout).result.keys.map(({foundOn}: {foundOn: string[]}) => foundOn),
      [[`s${key('right')}`], []],
    );
    const bad = await home.run(['locate', 'right', 'twice', 'wrong', '--check']);
    assertStatus(bad, 2);
    const lines = bad.stdout.trimEnd().split('\n');
    assert.is(lines[0], `right\ts${key('right')}\t${servers[key('right')]!.address}\ts${key('right')}`);
    assert.match(lines[1]!, /\ts\d,s\d$/);
    assert.match(lines[2]!, new RegExp(`\\ts${(key('wrong') + 1) % 3}$`));
    assert.match(bad.stderr, /2 of 3 keys are not on the owner alone\. .*rtopo verify --detect/);

    const streamed = await home.run(['locate', '-', '--check', '--json'], {input: 'right\ntwice\nnowhere\n'});
    assertStatus(streamed, 2);
    const found = streamed.stdout.trimEnd().split('\n');
    assert.equal(
      found.map((line) => JSON.parse(line).foundOn.length),
      [1, 2, 0],
    );
    await servers[0]!.kill();
    assertStatus(await home.run(['locate', 'right', '--check', '--timeout', '1s']), 5);
  }));

test('a sample: says that it is one, finds what is wrong, and bounds what it did not see', () =>
  withServers(2, async (servers, rig) => {
    const text = topologyText(
      '{scheme: ketama}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    const home = field(rig, text);
    await fill(servers, {seed: 9, keys: 1500, dbs: [0, 2], place: placer(text, servers)});
    const {result} = JSON.parse((await home.run(['verify', '--sample', '300', '--json'])).stdout);
    assert.ok(result.keys >= 300 && result.keys <= 310, `${result.keys}`);
    assert.equal([result.sampledOf, result.misplaced, result.unplaced], [1500, 0, 0]);
    const clean = await home.run(['verify', '--sample', '300']);
    assertStatus(clean, 0);
    assert.match(
      clean.stdout,
      /a sample of 1,500\): each on its owner, once;\n {2}with 95 % confidence fewer than 1\.0 %/,
    );
    const all = JSON.parse((await home.run(['verify', '--sample', '5000', '--json'])).stdout).result;
    assert.is(all.keys, 1500);

    const wrong = join(rig.dir, 'wrong.yml');
    writeFileSync(wrong, text.replace('{scheme: ketama}', '{scheme: modulo}'));
    const misplaced = await home.run(['verify', '--sample', '300', '-t', wrong]);
    assertStatus(misplaced, 2);
    assert.match(misplaced.stdout, /on a server that does not own them/);

    const declared = await home.run(['verify', '--detect']);
    assertStatus(declared, 0);
    assert.match(declared.stdout, /✓ The declared placement fits: 100\.0 % of the keys/);
    const detected = await home.run(['verify', '--detect', '-t', wrong]);
    assertStatus(detected, 2);
    assert.match(
      detected.stdout,
      /! Another placement fits: 100\.0 % [\s\S]*placement: \{scheme: ketama, hash: fnv1a_64\}/,
    );
    for (const line of detected.stdout.split('\n')) assert.ok(line.length <= 80, line);
  }));

test('detection says when it cannot know: no keys, keys of nobody', () =>
  withServers(2, async (servers, rig) => {
    const text = topologyText(
      '{scheme: ketama}',
      servers.map(({address}, i) => ({name: `s${i}`, address})),
    );
    const home = field(rig, text);
    const empty = await home.run(['verify', '--detect', '--json']);
    assertStatus(empty, 2);
    assert.is(JSON.parse(empty.stdout).result.verdict, 'too-few');
    // By the parity of a number in the key, which no client does.
    for (const [i, {raw}] of servers.entries())
      await raw.pipeline(Array.from({length: 400}, (_, n) => ['SET', `k:${(2 * n + i) * 7919}:x`, '1']));
    const none = await home.run(['verify', '--detect', '--json']);
    assertStatus(none, 2);
    const {verdict, winner} = JSON.parse(none.stdout).result;
    assert.is(verdict, 'none');
    assert.ok(winner.share < 0.9);
  }));

test('--to: owners before and after, for keys given, streamed, synthetic and live', () =>
  withServers(2, async (servers, rig) => {
    const shards = servers.map(({address}, i) => ({name: `s${i}`, address}));
    const text = topologyText('{scheme: ketama}', shards);
    const home = field(rig, text);
    const after = join(rig.dir, 'after.yml');
    writeFileSync(after, topologyText('{scheme: ketama}', [...shards, {name: 's2', address: '127.0.0.1:1'}]));
    const {result} = JSON.parse((await home.run(['locate', '--to', after, '--json'])).stdout);
    assert.equal(
      [result.keys, result.source, result.from.shards.length, result.to.shards.length],
      [100_000, 'synthetic', 2, 3],
    );
    assert.ok(Math.abs(result.moved / result.keys - 1 / 3) < 0.05);
    assert.ok(result.matrix.every(({to}: {to: string}) => to === 's2'));
    const shown = await home.run(['locate', '--to', after]);
    assertStatus(shown, 0);
    assert.match(
      shown.stdout,
      /^ketama over 2 shards {2}→ {2}ketama over 3 shards\n[\s\S]*The minimum is 33\.3 %: this is (?:0\.9|1\.[01]) times/,
    );

    await fill(servers, {seed: 9, keys: 400, dbs: [0], place: placer(text, servers)});
    const live = JSON.parse(
      (await home.run(['locate', '--compare', after, '--live', '--sample', '200', '--json'])).stdout,
    );
    assert.is(live.result.source, 'live');
    assert.ok(live.result.keys >= 200 && live.result.keys <= 202);

    const given = await home.run(['locate', 'a', 'b', 'c', '--to', after, '--json']);
    const streamed = await home.run(['locate', '-', '--to', after], {input: 'a\nb\nc\n'});
    const keys = JSON.parse(given.stdout).result.keys as {key: string; from: string; to: string; moved: boolean}[];
    assert.is(
      streamed.stdout,
      keys.map(({key, from, to, moved}) => `${key}\t${from}\t${to}\t${moved ? 'moves' : 'stays'}\n`).join(''),
    );
    assertStatus(await home.run(['locate', '--to', join(rig.dir, 'missing.yml')]), 78);
  }));

test('--balance draws what every shard gets', () =>
  withServers(1, async ([server], rig) => {
    const text = topologyText('{scheme: slots, slots: {a: "0-8191", b: "8192-16383"}}', [
      {name: 'a', address: server!.address},
      {name: 'b', address: '127.0.0.1:1'},
    ]);
    const home = field(rig, text);
    const {status, stdout, stderr} = await home.run(['locate', '--balance', '--sample', '20000']);
    assert.is(status, 0, stderr);
    for (const line of stdout.split('\n')) assert.ok([...line].length <= 80, line);
    assert.match(stdout, /^a {6}█+[▏▎▍▌▋▊▉]? +\d\d\.\d % +50\.0 % +[+-]\d\.\d %$/m);
    assert.match(stdout, /the fullest shard has 1\.0\d times its part/);
  }));

test.run();
