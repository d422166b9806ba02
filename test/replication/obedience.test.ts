/** Servers that do not do what they are told, or not yet: renamed commands, a Sentinel beside them, loading, slow links. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {withServers} from '../rig/servers.js';
import {assertExit, declare, envelope, fill, follows, live, shardYaml} from './live.js';

const test = suite('replication/obedience');

test('REPLICAOF renamed away: SLAVEOF does it; both away: refused beforehand', () =>
  withServers(
    [
      {},
      {args: ['--rename-command', 'REPLICAOF', '']},
      {args: ['--rename-command', 'REPLICAOF', '', '--rename-command', 'SLAVEOF', '']},
    ],
    async ([m, r, s], rig) => {
      const rtopo = live(rig);
      assertExit(await rtopo(['replicate', '--master', m!.address, '--replica', r!.address, '--yes']), 0);
      assert.is(await follows(r!), m!.address);
      const run = await rtopo(['replicate', '--master', m!.address, '--replica', s!.address, '--dry-run', '--json']);
      assertExit(run, 3);
      assert.is(envelope(run).error.code, 'REPLICAOF_DISABLED');
    },
  ));

test('a Sentinel that is attached would undo it: refused', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    const sentinel = await r!.connect();
    await sentinel.cmd('CLIENT', 'SETNAME', 'sentinel-0123abcd-cmd');
    const run = await rtopo(['replicate', '--master', m!.address, '--replica', r!.address, '--yes', '--json']);
    assertExit(run, 3);
    assert.is(envelope(run).error.code, 'SENTINEL_ATTACHED');
    assert.is(await follows(r!), 'master');
  }));

test('loading its data: exit 5 for replicate, a finding for status', () =>
  withServers(2, async ([m, r], rig) => {
    const rtopo = live(rig);
    declare(rig, shardYaml('alpha', [m!, r!]));
    const raw = await r!.connect();
    await raw.pipeline(Array.from({length: 400}, (_, i) => ['SET', `key:${i}`, 'x'.repeat(100)]));
    await raw.cmd('CONFIG', 'SET', 'key-load-delay', '20000', 'loading-process-events-interval-bytes', '1024');
    raw.cmd('DEBUG', 'RELOAD').catch(() => undefined);
    await rig.until('loading', async () => (await r!.raw.info('persistence')).loading === '1');
    const run = await rtopo(['replicate', '--yes', '--json']);
    assertExit(run, 5);
    assert.is(envelope(run).error.code, 'LOADING');
    const status = await rtopo(['status', '--json']);
    assertExit(status, 2);
    const codes = envelope(status).result.problems.map(({code}: {code: string}) => code);
    assert.ok(codes.includes('LOADING'), codes.join());
    assert.is(await follows(r!), 'master');
  }));

test('a link that does not come up in time: exit 4, and the next run goes on from there', () =>
  withServers([{args: ['--repl-diskless-sync-delay', '3600']}, {}], async ([m, r], rig) => {
    const rtopo = live(rig);
    await fill(m!, 5);
    const args = ['replicate', '--master', m!.address, '--replica', r!.address, '--yes'];
    const run = await rtopo([...args, '--timeout', '1s']);
    assertExit(run, 4);
    assert.match(run.stdout, 'LINK_NOT_UP');
    assert.match(run.stdout, 'after 1 s');
    assert.match(run.stderr, 'Incomplete: LINK_NOT_UP');
    assert.match(run.stderr, 'rtopo replicate goes on from there');
    assert.is(await follows(r!), m!.address);
    declare(rig, shardYaml('alpha', [m!, r!]));
    const status = await rtopo(['status', '--json']);
    assertExit(status, 2);
    const [, replica] = envelope(status).result.shards[0].instances;
    assert.is(replica.link, 'syncing');
    assert.is(replica.lagBytes, null);
    // Held back by the server until here, however slow the machine is; its cron reads the new delay within a second.
    await m!.raw.cmd('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    const on = await rtopo([...args, '--json']);
    assertExit(on, 0);
    assert.is(await r!.raw.text('GET', 'key:4'), 'value 4');
  }));

test.run();
