/** The server's own FAILOVER inside a handover, and every way in which it does not end well. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {type Fence, type HandoverOptions, handBack, handOver} from '../../src/replication/handover.js';
import {watchLeaders} from '../rig/ledger.js';
import {type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {sleep} from '../rig/wait.js';
import {fill, follows} from './live.js';
import {fails, plainly, takesWrites} from './mastering.js';
import {instance} from './worlds.js';

const test = suite('replication/handover-failover');

const pairOf = (old: Server, next: Server) => ({old: instance(old.address), next: instance(next.address)});

const limits = {login: null, commandTimeoutMs: 1000, fenceMs: 2000, fence: null};

function pass(old: Server, next: Server, over: Partial<HandoverOptions> = {}) {
  const failover = {host: next.host, port: next.port, orPause: false};
  return handOver(pairOf(old, next), {...limits, failover, onFenced: () => undefined, ...over});
}

/** Without these the offsets would not stand still. */
const silent: ServerSpec = {args: ['--repl-ping-replica-period', '1000']};

async function attached(
  servers: readonly Server[],
  rig: {replicate(a: Server, b: Server): Promise<void>},
): Promise<readonly [Server, Server]> {
  const [old, next] = servers as readonly [Server, Server];
  await rig.replicate(next, old);
  await fill(old, 50);
  return [old, next];
}

const failoverState = async ({raw}: Server): Promise<string> => (await raw.info('replication')).master_failover_state!;

/** The old one has asked the new one, which hangs: stopped after it has acknowledged everything. */
async function stuck(old: Server, next: Server): Promise<{error: RtopoError; fence: Fence}> {
  const fences: Fence[] = [];
  const work = pass(old, next, {
    fenceMs: 4000,
    commandTimeoutMs: 500,
    onFenced: async (fence) => {
      fences.push(fence);
      // Its acknowledgement comes once a second.
      await sleep(1300);
      next.pause();
    },
  });
  return {error: await fails(work, 'FAILOVER_STUCK'), fence: fences[0]!};
}

test('the new one stops while it is waited for: the server gives up, the old one leads and takes writes', () =>
  withServers([silent, silent], async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    const work = pass(old, next, {onFenced: () => next.pause()});
    await fails(work, 'FAILOVER_UNDONE');
    next.resume();
    assert.equal([await follows(old), await follows(next)], ['master', old.address]);
    await takesWrites(old);
  }));

test('stuck in failover-in-progress: never aborted blindly; when the new one wakes up it leads, and one more run finishes', () =>
  withServers([silent, silent], async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    const {error, fence} = await stuck(old, next);
    assert.is(await failoverState(old), 'failover-in-progress');
    assert.match(error.message, 'takes no writes');
    assert.match(error.message, 'could make two masters');
    // As long as it hangs neither resume nor abort decides anything.
    await fails(pass(old, next, {fence, fenceMs: 500, commandTimeoutMs: 300}), 'FAILOVER_STUCK');
    await fails(handBack(pairOf(old, next), {...limits, fenceMs: 500, commandTimeoutMs: 300, fence}), 'FAILOVER_STUCK');
    const leaders = watchLeaders(old, next);
    next.resume();
    const handed = await plainly(pass(old, next, {fence}));
    assert.is((await leaders.stop()).both, 0);
    assert.ok(handed.promotedOffset >= fence.offset);
    assert.equal([await follows(old), await follows(next)], [next.address, 'master']);
  }));

test('stuck, and then the new one is killed: the failover is aborted, and the old one takes writes', () =>
  withServers([silent, silent], async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    const {fence} = await stuck(old, next);
    await next.kill();
    await plainly(handBack(pairOf(old, next), {...limits, fence}));
    assert.equal([await follows(old), await failoverState(old)], ['master', 'no-failover']);
    await takesWrites(old);
    await next.restart();
    assert.is(await old.raw.cmd('DBSIZE'), 51);
  }));

test('the old one cannot log in to the new one: the server gives up by itself, nothing is lost', () =>
  withServers([silent, {args: ['--repl-ping-replica-period', '1000']}], async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    await next.raw.cmd('ACL', 'SETUSER', 'ops', 'on', '>ops', '+@all', '~*', '&*');
    await old.raw.cmd('CONFIG', 'SET', 'masterauth', 'wrong');
    await old.raw.cmd('CONFIG', 'SET', 'masteruser', 'nobody');
    await fails(pass(old, next), 'FAILOVER_UNDONE');
    assert.equal([await follows(old), await follows(next)], ['master', old.address]);
    await takesWrites(old);
  }));

test('FAILOVER is refused: by two orders where that is allowed, else as it was', () =>
  withServers([{config: 'rename-command FAILOVER ""'}, {}], async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    await fails(pass(old, next), 'FAILOVER_REFUSED');
    await takesWrites(old);
    const handed = await plainly(pass(old, next, {failover: {host: next.host, port: next.port, orPause: true}}));
    assert.is(handed.engine, 'pause');
    assert.equal([await follows(old), await follows(next)], [next.address, 'master']);
  }));

test('the old one dies after it was demoted: the new one has everything, and leads', () =>
  withServers(2, async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    const fences: Fence[] = [];
    const handed = await plainly(
      pass(old, next, {
        failover: null,
        onFenced: (fence) => fences.push(fence),
        onDemoted: () => process.kill(old.pid, 'SIGKILL'),
      }),
    );
    assert.ok(handed.promotedOffset >= fences[0]!.offset);
    assert.is(await follows(next), 'master');
    assert.is(await next.raw.cmd('DBSIZE'), 50);
  }));

test('back from where nobody leads: the old one takes writes again', () =>
  withServers(2, async (servers, rig) => {
    const [old, next] = await attached(servers, rig);
    await old.raw.cmd('REPLICAOF', next.host, next.port);
    await plainly(handBack(pairOf(old, next), limits));
    assert.equal([await follows(old), await follows(next)], ['master', old.address]);
    await takesWrites(old);
    await rig.caughtUp(old, next);
  }));

test.run();
