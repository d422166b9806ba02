/** `rtopo status` from the outside: the tree, the findings, the shape that scripts rely on. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {assertExit, declare, envelope, fill, forgetOrders, live, orders, shardYaml} from '../replication/live.js';
import {withServers} from '../rig/servers.js';

const test = suite('commands/status');

test('healthy: the tree, the shape of --json, and no order given', () =>
  withServers([{config: ''}, {config: ''}, {config: ''}], async ([a, b, c], rig) => {
    const rtopo = live(rig);
    await fill(a!, 12);
    await rig.replicate(b!, a!);
    await rig.replicate(c!, b!);
    await rig.caughtUp(a!, b!, c!);
    for (const {raw} of [b!, c!]) await raw.cmd('CONFIG', 'REWRITE');
    await forgetOrders(a!, b!, c!);
    declare(rig, shardYaml('alpha', [a!, b!, c!], true));
    const run = await rtopo(['status']);
    assertExit(run, 0);
    assert.is(run.stderr, '');
    assert.match(run.stdout, /^cache {2}1 shard, 3 instances, redis \S+, asked in \d+ ms at \d\d:\d\d:\d\dZ\n/);
    assert.match(run.stdout, new RegExp(`● alpha  healthy, 2 of 2 links up\n {2}${a!.address} +master +- `));
    assert.match(
      run.stdout,
      new RegExp(`\n {2}└─ ${b!.address} +replica +up( \\d+ s)? +0 B +[01] s( +[\\d,]+)? +12\n`),
    );
    assert.match(run.stdout, new RegExp(`\n {5}└─ ${c!.address} +replica +up `));
    assert.match(run.stdout, '✓ healthy: every role, link and history is as declared');
    const json = await rtopo(['status', '--json']);
    assertExit(json, 0);
    assert.is(json.stderr, '');
    const {result} = envelope(json);
    assert.equal(Object.keys(result), ['topology', 'healthy', 'sampledMs', 'sampledAt', 'shards', 'problems']);
    const [master, replica] = result.shards[0].instances;
    assert.equal(
      {...master, runId: '', version: '', offset: 0},
      {
        ...{address: a!.address, role: 'master', reachable: true, version: '', server: 'redis', runId: '', offset: 0},
        ...{keys: 12, problems: []},
      },
    );
    assert.equal(Object.keys(replica).sort(), [
      ...[
        'ackSeconds',
        'address',
        'backlogShare',
        'expectedOf',
        'keys',
        'lagBytes',
        'lagSeconds',
        'link',
        'linkSeconds',
      ],
      ...['linkState', 'of', 'offset', 'problems', 'reachable', 'role', 'runId', 'server', 'sync', 'version'],
    ]);
    assert.equal([replica.of, replica.expectedOf, replica.link, replica.sync], [a!.address, a!.address, 'up', null]);
    for (const server of [a!, b!, c!]) assert.equal(await orders(server), []);
  }));

test('what is wrong has a code, a cause and a remedy: roles, parents, strangers, an empty master', () =>
  withServers(4, async ([a, b, c, d], rig) => {
    const rtopo = live(rig);
    await fill(c!, 3);
    await rig.replicate(d!, a!);
    declare(rig, shardYaml('alpha', [a!, b!, c!]));
    const run = await rtopo(['status', '--json']);
    assertExit(run, 2);
    const {result} = envelope(run);
    const found = result.problems.map((one: {code: string; instance: string}) => `${one.code} ${one.instance}`);
    assert.equal(found, [
      `ROLE_MISMATCH ${b!.address}`,
      `ROLE_MISMATCH ${c!.address}`,
      `UNDECLARED_REPLICA ${a!.address}`,
      `MASTER_EMPTY ${a!.address}`,
    ]);
    for (const {message, remedy} of result.problems) assert.ok(message !== '' && remedy !== '');
    const text = await rtopo(['status']);
    assertExit(text, 2);
    assert.match(text.stdout, 'master!');
    assert.match(text.stdout, `also serves ${d!.address}, which is not declared`);
    assert.match(text.stdout, '✗ not healthy');
    for (const line of text.stdout.split('\n')) assert.ok(line.length <= 80, line);
    // A stranger alone is a warning: still healthy.
    declare(rig, `  - {name: alpha, master: "${a!.address}"}\n`);
    const warned = await rtopo(['status']);
    assertExit(warned, 0);
    assert.match(warned.stdout, '✓ healthy, with 1 warning');
  }));

test('forged INFO: said, and none of its numbers believed; control characters do not reach the terminal', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]));
    await rig.replicate(r!, m!);
    const liar = await m!.connect();
    await liar.cmd('REPLCONF', 'listening-port', 9999);
    await liar.cmd('REPLCONF', 'ip-address', '10.0.0.9,port=1,state=online,offset=999999999');
    await r!.raw.cmd('REPLICAOF', 'evil\x1b[2J\r\nrole:master\r\nmaster_repl_offset:77', 1);
    const run = await rtopo(['status', '--json']);
    assertExit(run, 2);
    const {result} = envelope(run);
    const [, replica] = result.shards[0].instances;
    assert.ok(replica.problems.includes('INFO_TAMPERED'), replica.problems.join());
    assert.is(replica.role, 'replica');
    assert.equal([replica.offset, replica.keys, replica.lagBytes], [null, null, null]);
    const text = await rtopo(['status']);
    assertExit(text, 2);
    assert.not.ok(text.stdout.includes('\x1b'));
    assert.match(text.stdout, '\\x1b[2J');
  }));

test('one server under two names', () =>
  withServers(1, async ([m], rig) => {
    const rtopo = live(rig);
    declare(rig, `  - {name: alpha, master: "${m!.address}", replicas: ["localhost:${m!.port}"]}\n`);
    const run = await rtopo(['status', '--json']);
    assertExit(run, 2);
    assert.match(envelope(run).result.shards[0].instances[1].problems.join(), 'SAME_INSTANCE');
  }));

test('limits, and the formats that have exit codes or files of their own', () =>
  withServers(2, async ([a, b], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [a!, b!]));
    await b!.raw.cmd('REPLICAOF', '127.0.0.1', (await rig.deadAddress()).split(':')[1]!);
    const limited = await rtopo(['status', '--max-lag', '1mb', '--format', 'json']);
    assertExit(limited, 2);
    const {result} = envelope(limited);
    const over = result.problems.find(({code}: {code: string}) => code === 'LAG_ABOVE_LIMIT');
    assert.match(over.message, 'is unknown (its link is ');
    assert.ok(result.shards[0].instances[1].problems.includes('LAG_ABOVE_LIMIT'));
    const nagios = await rtopo(['status', '--format', 'nagios', '--max-ack', '10s']);
    assertExit(nagios, 2);
    assert.match(
      nagios.stdout,
      /^RTOPO CRITICAL - cache: [^\n|]*ACK_ABOVE_LIMIT[^\n]* \| [^\n]*'alpha ack'=U;;10;0\n$/,
    );
    const summary = join(rig.dir, 'summary.md');
    writeFileSync(summary, 'before\n');
    const github = await rtopo(['status', '-f', 'github'], {env: {GITHUB_STEP_SUMMARY: summary}});
    assertExit(github, 2);
    assert.match(github.stdout, /^::error title=[A-Z_]+ alpha 127\.0\.0\.1%3A\d+::/);
    assert.match(readFileSync(summary, 'utf8'), /^before\n### ❌ rtopo status/);
    // A monitor that asks wrongly must not read "critical", let alone "ok".
    const unknown = await rtopo(['status', '--format=nagios', '--watch']);
    assertExit(unknown, 3);
    assert.match(unknown.stdout, /^RTOPO UNKNOWN - [^\n|]+\n$/);
    assert.is(unknown.stderr, '');
  }));

test('a metrics file that cannot be written: exit 1 after the report, and nothing left behind', () =>
  withServers(1, async ([a], rig) => {
    declare(rig, shardYaml('alpha', [a!]));
    const run = await live(rig)(['status', '--prom-file', join(rig.dir, 'none', 'x.prom')]);
    assertExit(run, 1);
    assert.match(run.stdout, '✓ healthy');
    assert.match(run.stderr, 'FILE_NOT_WRITTEN');
    assert.not.ok(existsSync(join(rig.dir, 'none')));
  }));

test('no topology file: exit 78', async () => {
  await withServers(0, async (_, rig) => {
    const run = await live(rig)(['status']);
    assertExit(run, 78);
    assert.is(run.stdout, '');
    assert.match(run.stderr, /try:/);
  });
});

test.run();
