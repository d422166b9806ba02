/** `rtopo replicate` from the outside: status, both streams, and what it did to the servers. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {
  assertExit,
  declare,
  envelope,
  fill,
  follows,
  forgetOrders,
  live,
  orders,
  shardYaml,
} from '../replication/live.js';
import {withServers} from '../rig/servers.js';
import {cliTty, enter} from '../rig/tty.js';

const test = suite('commands/replicate');

test('fresh: a dry run orders nothing, a run attaches, a second one changes nothing', () =>
  withServers(3, async ([m, r, s], rig) => {
    const rtopo = live(rig);
    await fill(m!, 10);
    declare(rig, shardYaml('alpha', [m!, r!, s!]));
    await forgetOrders(m!, r!, s!);
    const dry = await rtopo(['replicate', '--dry-run']);
    assertExit(dry, 2);
    assert.is(dry.stderr, '');
    assert.match(dry.stdout, `~ ${r!.address}  replicate from ${m!.address}, full sync`);
    assert.match(dry.stdout, '2 steps to do; 1 instance is as declared already');
    for (const server of [m!, r!, s!]) assert.equal(await orders(server), []);
    const dryJson = await rtopo(['replicate', '--dry-run', '--json']);
    assertExit(dryJson, 2);
    assert.equal(envelope(dryJson).result.steps[0], {
      ...{shard: 'alpha', instance: r!.address, action: 'replicate-from', target: m!.address, resync: 'full'},
      ...{resynced: null, keysAtRisk: 0, bytesAtRisk: null, outcome: 'planned', persisted: 'not-asked'},
    });

    const unasked = await rtopo(['replicate']);
    assertExit(unasked, 3);
    assert.is(unasked.stdout, '');
    assert.match(unasked.stderr, 'CONSENT_NEEDED');
    assert.match(unasked.stderr, 'rtopo replicate --yes');
    for (const server of [m!, r!, s!]) assert.equal(await orders(server), []);

    const run = await rtopo(['replicate', '--yes']);
    assertExit(run, 0);
    assert.match(run.stdout, '2 steps done; every link made is up, with the history of its master');
    assert.match(run.stderr, `not persisted on ${r!.address}, ${s!.address}: started without a config file`);
    assert.is(await follows(r!), m!.address);
    assert.is(await follows(s!), m!.address);
    assert.is(await r!.raw.text('GET', 'key:7'), 'value 7');

    await forgetOrders(m!, r!, s!);
    const again = await rtopo(['replicate', '--yes']);
    assertExit(again, 0);
    assert.is(again.stdout, '✓ no changes: 3 instances are as declared\n');
    assert.is(again.stderr, '');
    for (const server of [m!, r!, s!]) assert.equal(await orders(server), [], 'no lock either');
    const json = envelope(await rtopo(['replicate', '--yes', '--json']));
    assert.equal(json.result, {
      ...{changed: false, applied: false, steps: []},
      unchanged: 3,
      refused: [],
      unreachable: [],
      warnings: [],
    });
  }));

test('a chain of four is made from the master outwards', () =>
  withServers(4, async ([a, b, c, d], rig) => {
    const rtopo = live(rig);
    await fill(a!, 5);
    declare(rig, shardYaml('alpha', [a!, b!, c!, d!], true));
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 0);
    assert.is(run.stderr, '');
    const {result} = envelope(run);
    assert.equal(
      result.steps.map((step: {instance: string; outcome: string}) => [step.instance, step.outcome]),
      [b!, c!, d!].map(({address}) => [address, 'done']),
    );
    assert.equal([await follows(b!), await follows(c!), await follows(d!)], [a!.address, b!.address, c!.address]);
    assert.is(await d!.raw.text('GET', 'key:4'), 'value 4');
    assertExit(await rtopo(['status']), 0);
  }));

test('two shards side by side', () =>
  withServers(4, async ([a, b, c, d], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [a!, b!]) + shardYaml('beta', [c!, d!]), 'placement: {scheme: ketama}\n');
    const run = await rtopo(['replicate', '--yes']);
    assertExit(run, 0);
    assert.match(run.stdout, /^alpha\n {2}✓ .*\n\nbeta\n {2}✓ /);
    assert.equal([await follows(b!), await follows(d!)], [a!.address, c!.address]);
  }));

test('without a file: --master and --replica', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    const run = await rtopo(['replicate', '--master', m!.address, '--replica', r!.address, '--yes']);
    assertExit(run, 0);
    assert.is(await follows(r!), m!.address);
    const alone = await rtopo(['replicate', '--master', m!.address, '--yes']);
    assertExit(alone, 64);
    assert.is(alone.stdout, '');
    const twice = await rtopo(['replicate', '--master', m!.address, '--replica', m!.address, '--yes', '--json']);
    assertExit(twice, 64);
    assert.match(envelope(twice).error.message, 'is named twice');
    const alias = `localhost:${m!.port}`;
    const self = await rtopo(['replicate', '--master', m!.address, '--replica', alias, '--yes', '--json']);
    assertExit(self, 3);
    assert.is(envelope(self).error.code, 'SAME_INSTANCE');
    assert.is(await follows(m!), 'master');
  }));

test('from one master to another of the same lineage: straight, partially, never by way of NO ONE', () =>
  withServers(3, async ([a, b, c], rig) => {
    const rtopo = live(rig);
    await fill(a!, 50);
    await rig.replicate(b!, a!);
    await rig.replicate(c!, a!);
    await rig.caughtUp(a!, b!, c!);
    declare(rig, shardYaml('alpha', [a!, b!, c!], true));
    const before = await b!.raw.info('stats');
    const run = await rtopo(['replicate', '--yes']);
    assertExit(run, 0);
    assert.match(run.stdout, `replicate from ${b!.address}, partial sync`);
    const after = await b!.raw.info('stats');
    assert.is(after.sync_full, before.sync_full);
    assert.is(Number(after.sync_partial_ok), Number(before.sync_partial_ok) + 1);
    // One REPLICAOF, by which the master changed; a NO ONE would have made a second one, and a new history.
    const stats = await c!.raw.info('commandstats');
    assert.match(stats.cmdstat_replicaof!, /^calls=2,/, 'the rig gave one, rtopo one');
    const replids = await Promise.all([a!, c!].map(async (one) => (await one.raw.info('replication')).master_replid));
    assert.is(replids[0], replids[1]);
  }));

test('a promoted replica takes its siblings along, without a full synchronisation', () =>
  withServers(3, async ([a, b, c], rig) => {
    const rtopo = live(rig);
    await fill(a!, 50);
    await rig.replicate(b!, a!);
    await rig.replicate(c!, a!);
    await rig.caughtUp(a!, b!, c!);
    await a!.kill();
    declare(rig, shardYaml('alpha', [b!, c!]));
    const run = await rtopo(['replicate', '--yes']);
    assertExit(run, 0);
    assert.match(run.stdout, `✓ ${b!.address}  become the master`);
    assert.equal([await follows(b!), await follows(c!)], ['master', b!.address]);
    assert.is((await b!.raw.info('stats')).sync_full, '0');
  }));

test('a ring is seen by status and mended by replicate', () =>
  withServers(2, async ([a, b], rig) => {
    const rtopo = live(rig);
    await fill(a!, 5);
    await rig.replicate(b!, a!);
    await a!.raw.cmd('REPLICAOF', b!.host, b!.port);
    declare(rig, shardYaml('alpha', [a!, b!]));
    const sick = await rtopo(['status', '--json']);
    assertExit(sick, 2);
    const {result} = envelope(sick);
    const codes = result.problems.map(({code}: {code: string}) => code);
    assert.ok(codes.includes('NO_WRITABLE_ROOT'), codes.join());
    assertExit(await rtopo(['replicate', '--yes']), 0);
    assert.equal([await follows(a!), await follows(b!)], ['master', a!.address]);
    assert.is(await b!.raw.text('GET', 'key:3'), 'value 3');
    assertExit(await rtopo(['status']), 0);
  }));

test('refused: a cluster node, and a swap of master and replica', () =>
  withServers([{}, {args: ['--cluster-enabled', 'yes']}, {}], async ([m, cluster, r], rig) => {
    const rtopo = live(rig);
    const run = await rtopo(['replicate', '--master', m!.address, '--replica', cluster!.address, '--yes', '--json']);
    assertExit(run, 3);
    const {error, result} = envelope(run);
    assert.is(error.code, 'CLUSTER_ENABLED');
    assert.equal(
      result.steps.map(({outcome}: {outcome: string}) => outcome),
      ['skipped'],
    );
    await rig.replicate(r!, m!);
    await fill(m!, 3);
    const swap = await rtopo(['replicate', '--master', r!.address, '--replica', m!.address, '--yes']);
    assertExit(swap, 3);
    assert.match(swap.stdout, 'MASTER_SWAP');
    assert.match(swap.stderr, `--discard-data ${m!.address}`);
    assert.equal([await follows(m!), await follows(r!)], ['master', m!.address]);
  }));

test('on a terminal it shows the plan and asks; no is no', () =>
  withServers(2, async ([m, r], rig) => {
    declare(rig, shardYaml('alpha', [m!, r!]));
    const declined = await cliTty(['replicate'], {cwd: rig.dir, keys: [{when: /Apply this plan/, send: enter}]});
    assert.is(declined.status, 3, declined.text);
    assert.match(declined.text, `replicate from ${m!.address}`);
    assert.is(await follows(r!), 'master');
    const agreed = await cliTty(['replicate'], {cwd: rig.dir, keys: [{when: /Apply this plan/, send: `y${enter}`}]});
    assert.is(agreed.status, 0, agreed.text);
    assert.is(await follows(r!), m!.address);
  }));

test.run();
