/** The command line of a change: what is wrong with it is said, and a dry run stays dry. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {fill} from '../rig/data.js';
import {type Server, withServers} from '../rig/servers.js';
import {assertStatus, assertUntouched, durable, field, topologyText} from './field.js';

const test = suite('migration/typed');

const modulo = '{scheme: modulo}';
const one = (a: Server) => topologyText(modulo, [{name: 'a', address: a.address}]);

test('what was typed wrong', async () => {
  await withServers([durable], async ([a], rig) => {
    const home = field(rig, one(a!));
    const cases: readonly [string[], number, RegExp][] = [
      [[], 64, /Nothing says what to change/],
      [['--to', 'x.yml', '--add', 'b=127.0.0.1:1'], 64, /--to|--add/],
      [['--add', 'b'], 64, /NAME=ADDRESS/],
      [['--add', 'b=127.0.0.1:99999'], 64, /99999/],
      [['--add', `b=${a!.address}`], 78, /127\.0\.0\.1/],
      [['--add', 'a=127.0.0.1:1'], 78, /"?a"?/],
      [['--to', 'nowhere.yml'], 78, /nowhere\.yml/],
      [['--remove', 'a'], 1, /only shard/],
    ];
    for (const [args, status, message] of cases) {
      const run = await home.run(['rebalance', ...args, '--yes']);
      assertStatus(run, status, args.join(' '));
      assert.match(run.stderr, message, args.join(' '));
    }
    const two = field(
      rig,
      topologyText(modulo, [
        {name: 'alpha', address: a!.address},
        {name: 'beta', address: '127.0.0.1:2'},
      ]),
    );
    const run = await two.run(['rebalance', '--remove', 'betta', '--yes']);
    assert.ok(run.status === 64 || run.status === 78, run.stderr);
    assert.match(run.stderr, /beta/);
    const piped = await two.run(['rebalance', '--remove', 'beta', '--topology', '-', '--yes'], {input: one(a!)});
    assertStatus(piped, 64);
    assert.match(piped.stderr, 'standard input');
  });
});

test('a dry run sends no write command and says what would be', async () => {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 6, keys: 120, dbs: [0, 1]});
    const home = field(rig, one(a));
    await assertUntouched(servers, async () => {
      const run = await home.run(['rebalance', '--add', `b=${b.address}`, '--dry-run', '--json']);
      assertStatus(run, 2);
      const {result} = JSON.parse(run.stdout);
      assert.is(result.phase, 'planned');
      assert.is(result.keys.scanned, 120);
      assert.ok(result.keys.moving > 20);
      assert.is(result.next, null);
      assertStatus(await home.run(['rebalance', '--add', `b=${b.address}`, '--dry-run']), 2);
      // Without a terminal and without --yes: refused, and the command that would do it is the one that was typed.
      const refused = await home.run(['rebalance', '--add', `b=${b.address}`]);
      assertStatus(refused, 3);
      assert.ok(refused.stderr.includes(`rtopo rebalance --add b=${b.address} --yes`), refused.stderr);
    });
    assert.is(home.text(), one(a));
    assert.equal(home.journals(), []);
  });
});

test.run();
