/** The flags of a rebalance as they are typed: what they set, what they refuse, and what the verbs on an operation show. */
import {readFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {DEFAULT_SETTINGS} from '../../src/migration/records.js';
import {
  assertSame,
  assertStatus,
  assertUntouched,
  durable,
  everything,
  type Field,
  field,
  placer,
  topologyText,
} from '../migration/field.js';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {cliTty} from '../rig/tty.js';

const test = suite('commands/rebalance-flags');

interface Scene {
  readonly servers: readonly Server[];
  readonly a: Server;
  readonly b: Server;
  readonly home: Field;
  readonly add: string;
}

async function withTwo(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 23, keys: 120, ttlShare: 0});
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'alpha', address: a.address}]));
    await body({servers, a, b, home, add: `beta=${b.address}`});
  });
}

test('every setting reaches the journal, and the summary names it', async () => {
  await withTwo(async ({home, add}) => {
    const flags = [
      ...['--on-conflict', 'skip', '--strays', 'keep', '--writers', 'recopy', '--fence', 'min-replicas'],
      ...['--max-keys-per-second', '50000', '--max-bytes-per-second', '10mb', '--max-latency', '20ms'],
      ...['--big-key', '4m', '--functions', 'copy'],
    ];
    const run = await home.run(['rebalance', '--add', add, ...flags, '--stop-after', 'copied', '--yes']);
    assertStatus(run, 0);
    assert.match(run.stdout, /^! copied {2}unfinished/);
    assert.match(
      run.stdout.replace(/\n +/g, ' '),
      '--writers recopy, --fence min-replicas, --max-keys-per-second 50000',
    );
    const [begin] = readFileSync(home.journals()[0]!, 'utf8').split('\n');
    const {settings} = JSON.parse(begin!);
    assert.equal(settings, {
      ...DEFAULT_SETTINGS,
      ...{onConflict: 'skip', strays: 'keep', writers: 'recopy', fence: 'min-replicas', functions: 'copy'},
      ...{maxKeysPerSecond: 50_000, maxBytesPerSecond: 10 * 1024 ** 2, maxLatencyMs: 20, bigKeyBytes: 4_000_000},
    });
    assertStatus(await home.run(['rebalance', 'abort', '--yes']), 0);
  });
});

test('what is typed wrong is refused, and nothing is changed', async () => {
  await withTwo(async ({servers, home, add}) => {
    const cases: readonly [string[], number, RegExp][] = [
      [['--fence', 'wall'], 64, /--fence/],
      [['--max-bytes-per-second', '10tb'], 64, /not a size/],
      [['--max-keys-per-second', '0'], 64, /--max-keys-per-second/],
      [['--max-latency', '5'], 64, /not a duration/],
      [['--stop-after', 'pruning'], 64, /--stop-after/],
      [['--stop-after', 'copied', '--no-prune'], 64, /no-prune|stop-after/],
      [['--replace-on', '127.0.0.1:1'], 64, /names no server of this change/],
      [['--estimate', 'sample', '--strays', 'keep'], 64, /needs to know every key/],
      [['--estimate', 'sample', '--on-conflict', 'replace'], 64, /needs to know every key/],
      [['--to', 'x.yml'], 64, /--to describes the whole new topology/],
      [['--plan', 'x.json'], 64, /--plan carries out a plan as it was saved; --add would/],
    ];
    await assertUntouched(servers, async () => {
      for (const [flags, status, says] of cases) {
        const run = await home.run(['rebalance', '--add', add, ...flags, '--yes']);
        assertStatus(run, status, flags.join(' '));
        assert.match(run.stderr.replace(/\n */g, ' '), says, flags.join(' '));
      }
    });
    assert.equal(home.journals(), []);
  });
});

test('strays and conflicts by what was said of them, with the flag that allows it', async () => {
  await withServers([durable, durable, durable], async (servers, rig) => {
    const [a, b, c] = servers as [Server, Server, Server];
    const text = topologyText('{scheme: modulo}', [
      {name: 'a', address: a.address},
      {name: 'b', address: b.address},
    ]);
    const place = placer(text, servers);
    const names = Array.from({length: 40}, (_, i) => `key:${i}`);
    // Every key where it belongs, and an old copy of ten of them on the other server.
    for (const [i, name] of names.entries()) {
      const owner = place(Buffer.from(name));
      await servers[owner]!.raw.cmd('SET', name, 'right');
      if (i < 10) await servers[1 - owner]!.raw.cmd('SET', name, 'old');
    }
    const home = field(rig, text);
    const plan = (...flags: string[]) => home.run(['rebalance', 'plan', '--to', home.file, ...flags]);
    const failing = await plan();
    assertStatus(failing, 3);
    assert.match(failing.stdout, /conflicts {2}10 names with two values/);
    assert.match(failing.stderr, /10 keys are on two servers with different values/);
    assert.match(failing.stderr, /--on-conflict skip/);
    const strays = await plan('--on-conflict', 'skip', '--strays', 'fail');
    assertStatus(strays, 3);
    assert.match(strays.stderr, /10 keys are not where the present placement puts them/);
    const replacing = await plan('--on-conflict', 'replace');
    assertStatus(replacing, 3);
    const consents = [a, b]
      .map(({address}) => `--replace-on ${address}`)
      .filter((one) => replacing.stderr.includes(one));
    assert.ok(consents.length > 0, replacing.stderr);
    const both = ['--replace-on', a.address, '--replace-on', b.address];
    assertStatus(await plan('--on-conflict', 'replace', ...both), 2);
    const kept = await plan('--strays', 'keep');
    assertStatus(kept, 0);
    assert.match(
      kept.stdout.replace(/\n +/g, ' '),
      '10 keys found where the present placement does not put them; they stay there',
    );
    const skipped = await home.run(['rebalance', '--to', home.file, '--on-conflict', 'skip', '--yes']);
    assertStatus(skipped, 2, 'names were left');
    assert.match(skipped.stdout, /^! done {2}every key is on its owner, but for 10 keys left as agreed/);
    assert.match(skipped.stdout, /skipped +10 names left at the source/);
    assert.is(await c.raw.cmd('DBSIZE'), 0);
  });
});

test('the state of an operation that was stopped, and what a person is shown before it goes on', async () => {
  await withTwo(async ({servers, home, add}) => {
    const before = await everything(servers);
    assertStatus(await home.run(['rebalance', '--add', add, '--stop-after', 'verified', '--yes']), 0);
    const status = await home.run(['rebalance', 'status']);
    assertStatus(status, 2);
    const words = status.stdout.replace(/\n +/g, ' ');
    assert.match(words, /where +The sources hold every key; \d\d copies are on the targets too\. Nothing is deleted/);
    assert.match(words, /process +\d+ on \S+ has ended/);
    assert.match(words, /next +rtopo rebalance resume \w{26} +makes the copies durable, then cuts over/);
    assert.match(words, /or +rtopo rebalance abort \w{26} +removes the copies from the targets/);
    const options = {cwd: home.file.replace(/\/rtopo\.yml$/, ''), home: home.home, columns: 80};
    const asked = await cliTty(['rebalance', 'abort'], {
      ...options,
      keys: [{when: /Remove the copies/, send: 'n\r'}],
    });
    assert.is(asked.status, 3, asked.text);
    assert.match(asked.text, /where +The sources hold every key;(.|\n)*Remove the copies that this operation made\?/);
    assertStatus(await home.run(['rebalance', 'abort', '--yes']), 0);
    assertSame(before, await everything(servers), 'aborted');
    // Nothing is asked about what has ended.
    const again = await home.run(['rebalance', 'abort']);
    assertStatus(again, 0);
    assert.match(again.stdout, /^✓ aborted/);
  });
});

test.run();
