/** What people and scripts see of a rebalance: plan, questions, progress, summary, envelope; in 80 columns. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertStatus, durable, field, topologyText} from '../migration/field.js';
import {fill} from '../rig/data.js';
import {type Rig, type Server, withServers} from '../rig/servers.js';
import {cliTty} from '../rig/tty.js';

const test = suite('commands/rebalance');

async function withTwo(body: (scene: {a: Server; b: Server; rig: Rig; text: string; add: string}) => Promise<void>) {
  await withServers([durable, durable], async (servers, rig) => {
    const [a, b] = servers as [Server, Server];
    await fill(a, {seed: 17, keys: 100, ttlShare: 0});
    const text = topologyText('{scheme: modulo}', [{name: 'alpha', address: a.address}]);
    await body({a, b, rig, text, add: `beta=${b.address}`});
  });
}

test('the plan and the summary fit a terminal of 80 columns, and a no changes nothing', async () => {
  await withTwo(async ({b, rig, text, add}) => {
    const home = field(rig, text);
    const options = {cwd: home.file.replace(/\/rtopo\.yml$/, ''), home: home.home, columns: 80};
    const declined = await cliTty(['rebalance', '--add', add], {
      ...options,
      keys: [{when: /Move these keys\?/, send: 'n\r'}],
    });
    assert.is(declined.status, 3, declined.text);
    assert.match(declined.text, 'Nothing was changed');
    assert.is(await b.raw.cmd('DBSIZE'), 0);
    assert.equal(home.journals(), []);
    const done = await cliTty(['rebalance', '--add', add], {
      ...options,
      keys: [{when: /Move these keys\?/, send: 'y\r'}],
    });
    assert.is(done.status, 0, done.text);
    assert.match(done.text, /alpha \(modulo\) {2}→ {2}alpha, beta \(modulo\)/);
    assert.match(done.text, /✓ done {2}every key is on its owner, once/);
    const long = done.text.split('\n').filter((line) => line.length > 80 && !/journal|topology|way back/.test(line));
    assert.equal(long, []);
  });
});

test('without a terminal: phases on stderr, the summary on stdout, nothing redrawn', async () => {
  await withTwo(async ({rig, text, add}) => {
    const home = field(rig, text);
    const run = await home.run(['rebalance', '--add', add, '--yes']);
    assertStatus(run, 0);
    assert.match(
      run.stderr,
      /\ncopying\n(.*\n)*looking for keys that came late\n(.*\n)*the topology file is replaced\n(.*\n)*deleting the old copies\n/,
    );
    assert.not.match(run.stderr, /\r|\x1b/);
    assert.match(run.stdout, /^✓ done/);
    assert.match(run.stdout, /final check {2}100 keys, 0 misplaced, 0 duplicate/);
  });
});

test('the envelope has the shape of the contract', async () => {
  await withTwo(async ({rig, text, add}) => {
    const home = field(rig, text);
    const run = await home.run(['rebalance', '--add', add, '--yes', '--json']);
    assertStatus(run, 0);
    assert.is(run.stderr, '');
    const {ok, schema, command, warnings, result} = JSON.parse(run.stdout);
    assert.equal([ok, schema, command, warnings], [true, 1, 'rebalance', []]);
    const names = ['id', 'phase', 'from', 'to', 'keys', 'bytes', 'seconds', 'matrix', 'writers', 'journal'];
    for (const name of names) assert.ok(name in result, name);
    assert.equal(result.from, {scheme: 'modulo', shards: ['alpha']});
    const counts = ['scanned', 'moving', 'copied', 'verified', 'deleted', 'expired', 'conflicts'];
    for (const name of counts) assert.type(result.keys[name], 'number', name);
    assert.equal(Object.keys(result.matrix[0]), ['from', 'to', 'keys', 'bytes']);
    const status = JSON.parse((await home.run(['rebalance', 'status', '--json'])).stdout);
    assert.is(status.result.id, result.id);
    assert.is(status.command, 'rebalance status');
    const other = JSON.parse((await home.run(['rebalance', 'status', '01ARZ3NDEKTSV4RRFFQ69G5FAV', '--json'])).stdout);
    assert.is(other.error.code, 'NO_OPERATION');
  });
});

test('an operation that never was', async () => {
  await withServers([], async (_, rig) => {
    const home = field(rig, topologyText('{scheme: modulo}', [{name: 'a', address: '127.0.0.1:1'}]));
    for (const args of [['status'], ['resume', '--yes'], ['abort', '--yes'], ['prune', '--yes']]) {
      const run = await home.run(['rebalance', ...args]);
      assertStatus(run, 64, args[0]);
      assert.match(run.stderr, 'NO_OPERATION');
    }
  });
});

test.run();
