/** One operator at a time, on real servers: who gets the lock, who loses it, and that its token fences what deletes. */
import {hostname} from 'node:os';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import type {RtopoError} from '../../src/errors.js';
import {describeHolder, LOCK_KEY, OperationLock} from '../../src/journal/lock.js';
import {COMPARE_AND_DELETE} from '../../src/migration/compare-and-delete.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import type {Raw} from '../rig/raw.js';
import {type Server, withServers} from '../rig/servers.js';

const test = suite('journal/lock');

async function lockable(servers: readonly Server[]) {
  return Promise.all(
    servers.map(async ({host, port, raw}) => ({
      runId: (await raw.info('server')).run_id!,
      socket: await RespSocket.open({address: {host, port}, tls: null, auth: null}, 2000),
    })),
  );
}

const take = async (operation: string, servers: readonly Server[]) =>
  OperationLock.take(operation, await lockable(servers), Date.now());

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'nothing';
  } catch (error) {
    return (error as RtopoError).code;
  }
}

const held = (raw: Raw) => raw.text('GET', LOCK_KEY);

test('of many operators at once exactly one gets all servers, and the others leave nothing', async () => {
  await withServers(3, async (servers) => {
    for (let round = 0; round < 10; round++) {
      const tries = await Promise.allSettled(Array.from({length: 6}, (_, i) => take(`OP${i}`, servers)));
      const won = tries.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const lost = tries.flatMap((one) => (one.status === 'rejected' ? [one.reason as RtopoError] : []));
      assert.is(won.length, 1, lost.map(({message}) => message).join('\n'));
      for (const {code, exit, message} of lost) {
        assert.is(code, 'LOCKED');
        assert.is(exit, 3);
        assert.match(message, /operation OP\d of .* \(process \d+/);
      }
      for (const {raw} of servers) assert.is(await held(raw), won[0]!.token);
      await won[0]!.release();
      for (const {raw} of servers) assert.is(await raw.cmd('EXISTS', LOCK_KEY), 0);
    }
  });
});

test('where one server refuses, or dies, the others get it back at once', async () => {
  await withServers(2, async (servers) => {
    const nodes = await lockable(servers);
    // They are locked in the order of their run ids: it must be the second one that refuses.
    const [first, second] = nodes[0]!.runId < nodes[1]!.runId ? servers : [...servers].reverse();
    for (const {socket} of nodes) socket.close();
    await second!.raw.cmd('ACL', 'SETUSER', 'default', '-eval');
    assert.is.not(await codeOf(take('OP', servers)), 'nothing');
    assert.is(await first!.raw.cmd('EXISTS', LOCK_KEY), 0);
  });
});

test('it has a lease, holds no secret, and names who holds it', async () => {
  await withServers(1, async ([server]) => {
    const {raw} = server!;
    const lock = await take('OP', [server!]);
    const ttl = Number(await raw.cmd('PTTL', LOCK_KEY));
    assert.ok(ttl > 50_000 && ttl <= 60_000, String(ttl));
    assert.equal(Object.keys(JSON.parse(await held(raw))), ['op', 'nonce', 'host', 'user', 'pid', 'started']);
    assert.match(describeHolder(lock.token), `operation OP of`);
    assert.not.match(describeHolder('{"op":"\\u001b[31m","user":1}'), /\x1b/);
    assert.match(describeHolder('no json'), 'not readable');
    await lock.release();
    await lock.release();
  });
});

test('a dead process of the same operation is succeeded; a living one, another host, another operation is not', async () => {
  await withServers(1, async ([server]) => {
    const {raw} = server!;
    const put = (fields: object) =>
      raw.cmd('SET', LOCK_KEY, JSON.stringify({op: 'OP', nonce: 'x', host: hostname(), ...fields}));
    await put({pid: 2 ** 22 + 1});
    const lock = await take('OP', [server!]);
    await lock.release();
    await put({pid: 1});
    assert.is(await codeOf(take('OP', [server!])), 'LOCKED', 'alive');
    await put({pid: 2 ** 22 + 1, host: 'elsewhere'});
    assert.is(await codeOf(take('OP', [server!])), 'LOCKED', 'another host');
    await put({pid: 2 ** 22 + 1, op: 'OTHER'});
    assert.is(await codeOf(take('OP', [server!])), 'LOCKED', 'another operation');
    await raw.cmd('SET', LOCK_KEY, 'garbage');
    assert.is(await codeOf(take('OP', [server!])), 'LOCKED', 'unreadable');
  });
});

test('a token that is no longer there deletes nothing and releases nothing', async () => {
  await withServers(1, async ([server]) => {
    const {raw} = server!;
    const lock = await take('OP', [server!]);
    await raw.cmd('SET', 'k', 'v');
    const crc = ((await raw.cmd('DUMP', 'k')) as Buffer).subarray(-8);
    const del = async (token: string, digest = crc, expiry = -1) =>
      String(
        await raw.cmd(
          ...(['EVAL', COMPARE_AND_DELETE.text, 2, 'k', LOCK_KEY, token, 0, digest] as const),
          ...(expiry < 0 ? [] : [1, expiry]),
        ),
      );
    assert.is(await del(lock.token, Buffer.alloc(8, 1)), 'k', 'another value');
    assert.is(await del(lock.token, crc, 5), 'k', 'another expiry');
    await raw.cmd('SET', LOCK_KEY, 'somebody else');
    assert.is(await del(lock.token), '-2');
    assert.is(await raw.cmd('EXISTS', 'k'), 1);
    await lock.release();
    assert.is(await held(raw), 'somebody else');
    await raw.cmd('DEL', LOCK_KEY);
    assert.is(await del(lock.token), '-2', 'the lease has ended');
    await raw.cmd('SET', LOCK_KEY, lock.token);
    assert.is(await del(lock.token), 'd');
    assert.is(await del(lock.token), 'x', 'gone already');
  });
});

test('a lock that is taken away is noticed by its renewal, and by the clock', async () => {
  await withServers(1, async ([server]) => {
    const lock = await take('OP', [server!]);
    lock.assertHeld();
    const now = Date.now;
    try {
      Date.now = () => now() + 61_000;
      assert.throws(() => lock.assertHeld(), /was lost/);
    } finally {
      Date.now = now;
      await lock.release();
    }
  });
});

test('a server that takes no writes keeps its lock: the lease is made long before, and short again after', async () => {
  const {now} = Date;
  await withServers(2, async (servers) => {
    const [fenced, other] = servers as [Server, Server];
    const lock = await take('OP', servers);
    try {
      const runId = (await fenced.raw.info('server')).run_id!;
      const lease = async ({raw}: Server) => Number(await raw.cmd('PTTL', LOCK_KEY));
      await lock.hold([runId], 600_000);
      const long = await lease(fenced);
      assert.ok(long > 650_000 && long <= 660_000, String(long));
      assert.ok((await lease(other)) <= 60_000);
      Date.now = () => now() + 59_000;
      lock.assertHeld();
      // The other one has not been renewed since, and must not be forgotten over the fenced one.
      Date.now = () => now() + 61_000;
      assert.throws(() => lock.assertHeld(), new RegExp(`${other.address} was lost`));
    } finally {
      Date.now = now;
      await lock.release();
    }
  });
  await withServers(1, async ([server]) => {
    const lock = await take('OP', [server!]);
    try {
      const runIds = [(await server!.raw.info('server')).run_id!];
      await lock.hold(runIds, 600_000);
      Date.now = () => now() + 600_000;
      lock.assertHeld();
      await lock.resume(runIds);
      assert.ok(Number(await server!.raw.cmd('PTTL', LOCK_KEY)) <= 60_000);
      assert.is(lock.writes.get(runIds[0]!), 3, 'taken, held, resumed');
      await lock.hold(runIds, 1000);
      Date.now = () => now() + 662_000;
      assert.throws(() => lock.assertHeld(), /was lost/);
    } finally {
      Date.now = now;
      await lock.release();
    }
    assert.is(await server!.raw.cmd('EXISTS', LOCK_KEY), 0);
  });
});

test('a lock that was lost cannot be held', async () => {
  await withServers(1, async ([server]) => {
    const lock = await take('OP', [server!]);
    const runIds = [(await server!.raw.info('server')).run_id!];
    await server!.raw.cmd('SET', LOCK_KEY, 'somebody else');
    assert.is(await codeOf(lock.hold(runIds, 1000)), 'LOCK_LOST');
    await lock.release();
    assert.is(await held(server!.raw), 'somebody else');
  });
});

test.run();
