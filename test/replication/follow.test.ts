/** A server is filled from another one: what it may lose, what it waits for, and when it is taken off its parent. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {type FollowOptions, follow} from '../../src/replication/follow.js';
import type {Instance} from '../../src/topology/types.js';
import {snapshot} from '../rig/checker.js';
import {fill as fillAll} from '../rig/data.js';
import {startLedger} from '../rig/ledger.js';
import {type Server, withServers} from '../rig/servers.js';
import {fill, follows} from './live.js';
import {address, instance} from './worlds.js';

const test = suite('replication/follow');

interface Over extends Partial<FollowOptions> {
  readonly peer?: string;
}

function attach(parent: Server, child: Server, {peer, ...over}: Over = {}): Promise<void> {
  const above: Instance = {...instance(parent.address), ...(peer === undefined ? {} : {peer: address(peer)})};
  return follow(
    {child: instance(child.address), parent: above},
    {
      ...{login: null, commandTimeoutMs: 1000, silenceMs: 10_000},
      ...{onAttach: () => undefined, checkpoint: () => undefined},
      ...over,
    },
  );
}

async function fails(work: Promise<unknown>, code: string): Promise<RtopoError> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, RtopoError, String((error as Error).stack));
    assert.is((error as RtopoError).code, code, (error as RtopoError).message);
    return error as RtopoError;
  }
  throw new Error(`ended well instead of ${code}`);
}

test('every kind of key arrives, and a second time there is nothing to do', () =>
  withServers(2, async ([parent, child]) => {
    await fillAll(parent!, {seed: 3, keys: 300, ttlShare: 0});
    let attached = 0;
    const onAttach = () => {
      attached += 1;
    };
    await attach(parent!, child!, {onAttach});
    assert.equal(await snapshot(child!), await snapshot(parent!));
    await attach(parent!, child!, {onAttach});
    assert.is(attached, 1);
    assert.is((await parent!.raw.info('stats')).sync_full, '1');
    // Taken off without a write of its own, it may come back: all it has is in the history of the parent.
    await child!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await attach(parent!, child!, {onAttach});
    assert.is(attached, 2);
  }));

test('caught up under load', () =>
  withServers(2, async ([parent, child]) => {
    const ledger = startLedger([parent!]);
    await attach(parent!, child!);
    await ledger.close();
    assert.is(await follows(child!), parent!.address);
  }));

test('keys of its own are not lost, whoever it follows or followed', () =>
  withServers(3, async ([parent, child, other]) => {
    await fill(parent!, 10);
    await fill(child!, 3);
    let attached = 0;
    const over = {
      onAttach: () => {
        attached += 1;
      },
    };
    const error = await fails(attach(parent!, child!, over), 'NOT_EMPTY');
    assert.is(error.exit, 3);
    assert.match(error.message, 'holds 3 keys of another history');
    await child!.raw.cmd('FLUSHALL');
    await attach(parent!, child!);
    await child!.raw.cmd('REPLICAOF', 'NO', 'ONE');
    await child!.raw.cmd('SET', 'own', 'x');
    assert.match((await fails(attach(parent!, child!, over), 'NOT_EMPTY')).message, /went on by itself for \d+ bytes/);
    await child!.raw.cmd('REPLICAOF', other!.host, other!.port);
    await fails(attach(parent!, child!, over), 'FOLLOWS_ANOTHER');
    assert.is(attached, 0);
    assert.is(await follows(child!), other!.address);
  }));

test('a parent that restarts empty: the child is taken off it at once and keeps every key', () =>
  withServers(2, async ([parent, child]) => {
    await fill(parent!, 1000);
    await attach(parent!, child!);
    let restarted: Promise<void> | null = null;
    const error = await fails(
      attach(parent!, child!, {
        // Told to follow by another name; in this moment the parent dies.
        peer: `localhost:${parent!.port}`,
        onAttach: () => {
          restarted = parent!.restart({empty: true});
        },
      }),
      'PARENT_LOST',
    );
    await restarted;
    assert.is(error.exit, 4);
    assert.is(await follows(child!), 'master');
    assert.is(await child!.raw.cmd('DBSIZE'), 1000);
    assert.is(await parent!.raw.cmd('DBSIZE'), 0);
  }));

test('a link that never comes up ends after silence, not before', () =>
  withServers(2, async ([parent, child], rig) => {
    await fill(parent!, 10);
    const error = await fails(attach(parent!, child!, {peer: await rig.deadAddress(), silenceMs: 600}), 'LINK_NOT_UP');
    assert.match(error.message, 'no progress for 0.6 s: the link is not up');
    assert.is(error.exit, 4);
  }));

test('a snapshot that takes longer than the limit for silence is no silence', () =>
  withServers([{args: ['--rdb-key-save-delay', '1500', '--rdbcompression', 'no']}, {}], async ([parent, child]) => {
    await parent!.raw.pipeline(Array.from({length: 1500}, (_, i) => ['SET', `k${i}`, 'x'.repeat(4000)]));
    const began = performance.now();
    await attach(parent!, child!, {silenceMs: 900});
    assert.ok(performance.now() - began > 1500);
    assert.is(await child!.raw.cmd('DBSIZE'), 1500);
  }));

test('stopped from outside: it stays attached, and goes on later', () =>
  withServers([{args: ['--repl-diskless-sync-delay', '2']}, {}], async ([parent, child]) => {
    await fill(parent!, 10);
    let looks = 0;
    const checkpoint = () => {
      looks += 1;
      if (looks > 3) throw new Error('stop');
    };
    await attach(parent!, child!, {checkpoint}).then(
      () => assert.unreachable('went on'),
      (error: Error) => assert.is(error.message, 'stop'),
    );
    assert.is(await follows(child!), parent!.address);
    await attach(parent!, child!);
    assert.is(await child!.raw.cmd('DBSIZE'), 10);
  }));

test.run();
