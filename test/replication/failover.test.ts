/** `rtopo failover` on real servers: the evidence, the candidate, what may be lost, and the way back of the old master. */
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Failover, type FailoverOptions} from '../../src/replication/failover.js';
import {unfinishedChanges} from '../../src/replication/switchover-history.js';
import {parseTopology} from '../../src/topology/parse.js';
import {type Server, withServers} from '../rig/servers.js';
import {cliTty} from '../rig/tty.js';
import {argsOf, parseStrike, strikeEnv} from './change-kill.js';
import {assertExit, declare, fill, follows, shardYaml} from './live.js';
import {
  assertLeads,
  type Cluster,
  codes,
  fails,
  hooks,
  masterIn,
  oneShard,
  persistent,
  plainly,
  planHere,
  runs,
  topologyText,
  whereOf,
} from './mastering.js';
import {address} from './worlds.js';

const test = suite('replication/failover');

async function planned(cluster: Cluster, over: Partial<FailoverOptions> = {}): Promise<Failover> {
  const {topology, text} = parseTopology(topologyText(cluster), cluster.file);
  return plainly(
    Failover.plan({
      ...{topology, text, shard: topology.shards[0]!, where: whereOf(cluster), timeoutMs: 500, to: null, discard: []},
      ...{isDeclaredDead: false, silenceSeconds: 15, ...over},
    }),
  );
}

/** Both replicas have lost the master, so that their offsets stand still. */
async function cutOff(...replicas: readonly Server[]): Promise<void> {
  for (const replica of replicas) {
    for (let down = false; !down; ) down = (await replica.raw.info('replication')).master_link_status === 'down';
  }
}

test('dead: the replica with the most data leads, the other follows by a partial resync, and what is lost is unknown', () =>
  withServers([persistent, persistent, persistent], async (servers, rig) => {
    const [a, b, c] = servers;
    const cluster = await oneShard(rig, servers);
    assert.equal(codes(await planned(cluster)), ['MASTER_ALIVE']);
    // b is behind: it hears nothing of what c still gets.
    await b!.raw.cmd('CONFIG', 'SET', 'replica-priority', '1');
    b!.pause();
    await fill(a!, 40);
    await rig.caughtUp(a!, c!);
    await a!.kill();
    b!.resume();
    await cutOff(c!);
    await rig.until(
      'b has read what was on its way',
      async () => (await b!.raw.info('replication')).master_link_status === 'down',
    );
    const offsets = await Promise.all(
      [b!, c!].map(async ({raw}) => Number((await raw.info('replication')).slave_repl_offset)),
    );
    const change = await planned(cluster);
    assert.equal(codes(change), []);
    assert.ok(change.report.evidence.every(({isLost}) => isLost === true));
    // What had reached it before it was stopped may make them equal: then the priority decides.
    const [next, other] = offsets[0] === offsets[1] ? [b!, c!] : [c!, b!];
    assert.is(change.report.to, next.address);
    const {report, verdict} = await plainly(change.run(hooks));
    assert.equal(
      [report.phase, report.engine, report.left, report.repointed],
      ['done', 'promotion', [], [other.address]],
    );
    assert.equal(
      [report.proof!.bytesLost, report.proof!.fencedOffset, report.fullResyncs, report.persisted],
      [null, null, 0, true],
    );
    assert.match(report.fencingDuty!, `${a!.address} must not come back as a master`);
    assert.is(verdict.exit, 0);
    await assertLeads(cluster, next, [other]);
    assert.is(await next.raw.cmd('DBSIZE'), 41);
  }));

test('the way back: as a master it is critical, and it is taken back only with a consent that names its bytes', () =>
  withServers([persistent, persistent], async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    const state = ['--state-dir', whereOf(cluster).stateDir];
    // Stopped: its links stay up, and nothing comes over them.
    a!.pause();
    const early = await planned(cluster);
    assert.equal(codes(early), ['MASTER_NOT_PROVED_DEAD']);
    assert.is(early.report.refused[0]!.consent, '--master-is-dead');
    assert.match(early.report.refused[0]!.message, /heard from it \d+ s ago/);
    await rig.until(
      'two seconds of silence',
      async () => Number((await b!.raw.info('replication')).master_last_io_seconds_ago) >= 2,
    );
    const {report} = await plainly((await planned(cluster, {silenceSeconds: 2})).run(hooks));
    assert.equal([report.phase, report.to, report.left], ['done', b!.address, []]);
    a!.resume();
    const lost = await a!.connect();
    await lost.cmd('SET', 'only:here', 'x'.repeat(1000));
    const {result} = await runs(cluster, ['status', ...state], 2);
    const back = result.problems.find(({code}: {code: string}) => code === 'FORMER_MASTER_BACK');
    assert.is(back.severity, 'critical');
    const bytes = Number(/It has (\d+) bytes that/.exec(back.message)?.[1]);
    assert.ok(bytes > 1000 && bytes < 1200, back.message);
    assert.match(back.remedy, `rtopo replicate --discard-data ${a!.address}`);
    assert.ok(result.shards[0].instances[1].problems.includes('FORMER_MASTER_BACK'));
    const {error} = await runs(cluster, ['replicate', '--yes'], 3);
    assert.is(error.code, 'WOULD_WIPE');
    assert.is(String(await lost.cmd('EXISTS', 'only:here')), '1');
    await runs(cluster, ['replicate', '--discard-data', a!.address, '--yes'], 0);
    await assertLeads(cluster, b!, [a!]);
    assertExit(await cluster.rtopo(['status', ...state]), 0);
  }));

test('a sibling that is ahead of --to is refused unless a consent names it; lineages that differ are a person’s to judge', () =>
  withServers(4, async (servers, rig) => {
    const [a, b, c, d] = servers;
    const cluster = await oneShard(rig, [a!, b!, c!]);
    declare(rig, shardYaml('alpha', [a!, b!, c!, d!]));
    // d was told to follow and never had a link.
    await d!.raw.cmd('REPLICAOF', 'localhost', 1);
    await b!.raw.cmd('REPLICAOF', '127.0.0.1', 1);
    await fill(a!, 30);
    await rig.caughtUp(a!, c!);
    // What it prefers does not count before what it has.
    await b!.raw.cmd('CONFIG', 'SET', 'replica-priority', '1');
    await a!.kill();
    await b!.raw.cmd('REPLICAOF', '127.0.0.1', a!.port);
    await d!.raw.cmd('REPLICAOF', '127.0.0.1', a!.port);
    await cutOff(b!, c!);
    const best = await planned(cluster);
    assert.equal([best.report.to, codes(best)], [c!.address, []]);
    assert.match(best.report.candidates[2]!.excluded!, 'has never synchronised');
    const behind = await planned(cluster, {to: address(b!.address)});
    assert.equal(codes(behind), ['SIBLING_AHEAD']);
    const [refused] = behind.report.refused;
    assert.match(refused!.message, /has \d+ bytes that/);
    assert.is(refused!.consent, `--discard-data ${c!.address}`);
    const agreed = await planned(cluster, {to: address(b!.address), discard: [address(c!.address)]});
    assert.equal(codes(agreed), []);
  }));

test('two operators: the second finds that somebody leads already, and finishes the same', () =>
  withServers([persistent, persistent, persistent], async (servers, rig) => {
    const [a, b, c] = servers;
    const cluster = await oneShard(rig, servers);
    await a!.kill();
    await cutOff(b!, c!);
    const [one, two] = [
      await planned(cluster),
      await planned(cluster, {where: {...whereOf(cluster), stateDir: `${rig.dir}/elsewhere`}}),
    ];
    assert.is(one.report.to, two.report.to, 'both choose the same');
    const ends = await Promise.allSettled([one.run(hooks), two.run(hooks)]);
    assert.ok(ends.some(({status}) => status === 'fulfilled'));
    for (const end of ends)
      if (end.status === 'rejected') assert.is(end.reason.code, 'LOCKED', String(end.reason.message));
    const next = one.report.to === b!.address ? b! : c!;
    await assertLeads(cluster, next, [next === b ? c! : b!]);
    assert.is(masterIn(cluster), next.address);
  }));

test('a switchover that is refused on its way is taken back; one whose master dies is overtaken by a failover', () =>
  withServers([persistent, persistent, persistent], async (servers, rig) => {
    const [a, b, c] = servers;
    const cluster = await oneShard(rig, servers);
    const change = await planHere(cluster, {to: address(b!.address), engine: 'pause'});
    await b!.raw.cmd('ACL', 'SETUSER', 'default', '-replicaof', '-slaveof');
    const error = await fails(change.run(hooks), 'NO_PERMISSION');
    assert.is(error.exit, 1, 'nothing was changed');
    assert.is(await follows(a!), 'master');
    await b!.raw.cmd('ACL', 'SETUSER', 'default', '+replicaof', '+slaveof');
    await rig.caughtUp(a!, b!, c!);
    const second = await planHere(cluster, {to: address(b!.address)});
    assert.equal(codes(second), []);
    const say = (text: string) => void (/holding writes off/.test(text) && process.kill(a!.pid, 'SIGKILL'));
    const dead = await fails(second.run({...hooks, say}), 'OLD_UNREACHABLE');
    assert.equal([dead.exit, await follows(b!)], [4, a!.address]);
    assert.match(dead.remedy!, 'if it is dead: rtopo failover alpha');
    await cutOff(b!, c!);
    const {report} = await plainly((await planned(cluster, {to: address(b!.address)})).run(hooks));
    assert.equal([report.phase, report.left, report.proof!.bytesLost], ['done', [], null]);
    await assertLeads(cluster, b!, [c!]);
    assert.equal(unfinishedChanges(whereOf(cluster)), []);
  }));

test('rtopo and the master die after the demotion: the failover knows that nothing is lost', () =>
  withServers([persistent, persistent, persistent], async (servers, rig) => {
    const [a, b, c] = servers;
    const cluster = await oneShard(rig, servers);
    const home = join(rig.dir, 'home');
    const run = await cluster.rtopo(argsOf('pause', b!), {
      home,
      env: strikeEnv(parseStrike('pause:order:4:before:resume')),
    });
    assert.is(run.signal, 'SIGKILL', run.stderr);
    assert.equal([await follows(a!), await follows(b!)], [b!.address, a!.address]);
    await a!.kill();
    await cutOff(b!, c!);
    const where = {stateDir: join(home, 'state', 'rtopo'), file: cluster.file, again: ''};
    const [earlier] = unfinishedChanges(where);
    const {report} = await plainly((await planned(cluster, {to: address(b!.address), where})).run(hooks));
    // The record of the demotion is not waited for: without it nothing is claimed.
    assert.is(report.proof!.bytesLost, earlier!.isDemoted ? 0 : null);
    await assertLeads(cluster, b!, [c!]);
  }));

test('at a terminal the name of the dead is typed in full', () =>
  withServers(2, async (servers, rig) => {
    const [a, b] = servers;
    const cluster = await oneShard(rig, servers);
    a!.pause();
    const args = ['failover', 'alpha', '--master-is-dead', '--timeout', '500ms'];
    const wrong = await cliTty(args, {cwd: rig.dir, home: rig.dir, keys: [{when: /to go on/, send: 'y\r'}]});
    assert.is(wrong.status, 3, wrong.text);
    assert.match(wrong.text, 'Declined. Nothing was changed.');
    assert.not.equal(await follows(b!), 'master');
    const right = await cliTty(args, {
      cwd: rig.dir,
      home: rig.dir,
      keys: [{when: /to go on/, send: `${a!.address}\r`}],
    });
    assert.is(right.status, 0, right.text);
    assert.is(await follows(b!), 'master');
    assert.is(masterIn(cluster), b!.address);
    a!.resume();
  }));

test.run();
