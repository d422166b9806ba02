/** The fence on real servers: that it holds, that it leaves no trace, that nothing but our own is lifted, and what a death of rtopo leaves. */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {RtopoError} from '../../src/errors.js';
import {LOCK_KEY, OperationLock} from '../../src/journal/lock.js';
import {
  type Fence,
  type FenceKind,
  type FenceOptions,
  type FenceRecord,
  liftFence,
  raiseFence,
} from '../../src/migration/fence.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import {readBacklog} from '../../src/redis/resp/tap.js';
import type {Raw} from '../rig/raw.js';
import {type Rig, type Server, type ServerSpec, withServers} from '../rig/servers.js';
import {withDeadline} from '../rig/wait.js';
import {fault} from './field.js';

const test = suite('migration/fence');

const KINDS: readonly FenceKind[] = ['pause', 'min-replicas'];

interface Scene {
  readonly servers: readonly Server[];
  readonly raw: Raw;
  readonly rig: Rig;
  readonly lock: OperationLock;
  readonly records: FenceRecord[];
  readonly nodes: FenceOptions['nodes'];
  readonly raise: (kind: FenceKind, change?: Partial<FenceOptions>) => Promise<Fence>;
}

const endpoint = ({host, port}: Server) => ({address: {host, port}, tls: null, auth: null});

async function withScene(wanted: number | readonly ServerSpec[], body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServers(wanted, async (servers, rig) => {
    const nodes = await Promise.all(
      servers.map(async (server) => ({
        at: server.address,
        endpoint: endpoint(server),
        runId: (await server.raw.info('server')).run_id!,
      })),
    );
    const lockable = await Promise.all(
      nodes.map(async ({runId, endpoint: where}) => ({runId, socket: await RespSocket.open(where, 5000)})),
    );
    const lock = await OperationLock.take('OP', lockable, Date.now());
    const records: FenceRecord[] = [];
    const raise = (kind: FenceKind, change: Partial<FenceOptions> = {}) =>
      raiseFence({
        ...{kind, nodes, lock, timeoutMs: 3000, maxMs: 60_000},
        remember: (record) => {
          records.push(JSON.parse(JSON.stringify(record)));
        },
        ...change,
      });
    try {
      await body({servers, raw: servers[0]!.raw, rig, lock, records, nodes, raise});
    } catch (error) {
      // What uvu prints of an error with details breaks on ours.
      throw error instanceof RtopoError ? new Error(`${error.code}: ${error.message}`) : error;
    } finally {
      await lock.release();
    }
  });
}

/** `taken`, `held` (and then given up), or the first word of the refusal. */
async function write(server: Server, ...command: string[]): Promise<string> {
  const raw = await server.connect({timeoutMs: 400});
  try {
    await raw.cmd(...(command.length === 0 ? ['SET', 'written', '1'] : command));
    return 'taken';
  } catch (error) {
    const {message} = error as Error;
    return /did not answer/.test(message) ? 'held' : (/: ([A-Z]+) /.exec(message)?.[1] ?? message);
  } finally {
    raw.close();
  }
}

async function settings(raw: Raw): Promise<string> {
  const reply = (await raw.cmd('CONFIG', 'GET', 'min-replicas-*')) as Buffer[];
  return reply.map(String).sort().join(' ');
}

test('writers are kept away from every server, readers are not, and afterwards all is as it was', async () => {
  await withScene(2, async ({servers, raw, rig, lock, records, raise}) => {
    await raw.cmd('SET', 'there', '1');
    const before = await Promise.all(servers.map((server) => settings(server.raw)));
    for (const [kind, fate] of [
      ['pause', 'held'],
      ['min-replicas', 'NOREPLICAS'],
    ] as const) {
      const fence = await raise(kind);
      for (const server of servers) {
        assert.is(await write(server), fate, kind);
        assert.is(await write(server, 'EVAL', "return redis.call('SET', KEYS[1], 1)", '1', 'written'), fate, kind);
        assert.is(await write(server, 'GET', 'there'), 'taken');
        assert.is(await write(server, 'DUMP', 'there'), 'taken');
        const lease = Number(await server.raw.cmd('PTTL', LOCK_KEY));
        assert.ok(lease > 100_000, `a lease of ${lease} ms lasts over the fence`);
      }
      await fence.assertUp();
      assert.equal(JSON.parse(JSON.stringify(fence.record)), records.at(-1));
      assert.equal(await fence.lift(), []);
      assert.equal(await fence.lift(), [], 'twice');
      for (const server of servers) {
        assert.is(await write(server, 'SET', 'after', '1'), 'taken');
        assert.is(await server.raw.cmd('EXISTS', 'written'), 0, 'a held write is dropped with its connection');
        assert.ok(Number(await server.raw.cmd('PTTL', LOCK_KEY)) <= 60_000);
        const left = (await server.raw.cmd('KEYS', '__rtopo:*')) as Buffer[];
        assert.equal(left.map(String), [LOCK_KEY]);
      }
      lock.assertHeld();
    }
    assert.equal(await Promise.all(servers.map((server) => settings(server.raw))), before);
    await rig.until('writes', () => true);
  });
});

test('a waiting writer is served when the fence is lifted', async () => {
  await withScene(1, async ({servers, raise}) => {
    const fence = await raise('pause');
    const patient = (await servers[0]!.connect({timeoutMs: 20_000})).cmd('SET', 'patient', '1');
    await fence.lift();
    assert.is(await patient, 'OK');
  });
});

test('the backlog can be read behind the fence', async () => {
  await withScene(1, async ({servers, raw, rig, raise}) => {
    await rig.replicate(await rig.start(), servers[0]!);
    const position = async () => {
      const {master_replid, master_repl_offset} = await raw.info('replication');
      return {replid: master_replid!, offset: Number(master_repl_offset)};
    };
    for (const kind of KINDS) {
      const from = await position();
      await raw.cmd('SET', `before-${kind}`, '1');
      const fence = await raise(kind);
      const to = await position();
      const replay = await readBacklog({
        ...{replid: from.replid, fromOffset: from.offset, toOffset: to.offset},
        ...{endpoint: endpoint(servers[0]!), timeoutMs: 3000, maxKeys: 10},
        ...{ownPrefix: Buffer.from('__rtopo:'), anchor: null},
      });
      await fence.lift();
      const names = replay.kind === 'replayed' ? replay.written.map(({key}) => key.toString()) : replay.why;
      assert.equal(names, [`before-${kind}`]);
    }
  });
});

test('settings that were there are restored, also one that made the limit void', async () => {
  const void_ = {args: ['--min-replicas-to-write', '0', '--min-replicas-max-lag', '0']};
  await withScene([void_], async ({servers, raw, rig, raise, records}) => {
    const fence = await raise('min-replicas');
    assert.match(await settings(raw), /^10 1\d{6} /);
    assert.equal([records[0]!.nodes[0]!.minReplicas, records[0]!.nodes[0]!.maxLagSeconds], [0, 0]);
    await fence.lift();
    assert.is(await settings(raw), '0 0 min-replicas-max-lag min-replicas-to-write');
    assert.is(await write(servers[0]!), 'taken');
    await rig.replicate(await rig.start(), servers[0]!);
    await raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', 1, 'min-replicas-max-lag', 7);
    await rig.until('a replica that counts', async () => (await write(servers[0]!)) === 'taken');
    const second = await raise('min-replicas');
    assert.is(await write(servers[0]!), 'NOREPLICAS');
    await second.lift();
    assert.is(await settings(raw), '1 7 min-replicas-max-lag min-replicas-to-write');
    assert.is(await write(servers[0]!), 'taken');
  });
});

test('what somebody else has fenced is neither used nor touched, and nothing stays fenced on the other server', async () => {
  await withScene(2, async ({servers, raise, records, lock}) => {
    const [one, other] = servers as [Server, Server];
    await other.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', 1_000_000);
    const refused = await fault(raise('min-replicas'), 'FENCE_FOREIGN', 3);
    assert.match(refused.message, `${other.address} already refuses writes: its min-replicas-to-write is 1000000`);
    assert.match(refused.remedy!, `-p ${other.port} CONFIG SET min-replicas-to-write 0`);
    assert.is(await write(other), 'NOREPLICAS');
    assert.is(await write(one), 'taken');
    await other.raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', 0);
    await other.raw.cmd('CLIENT', 'PAUSE', 60_000, 'WRITE');
    assert.match(
      (await fault(raise('pause'), 'FENCE_FOREIGN', 3)).message,
      `${other.address} already holds back writes`,
    );
    // Proved by a write that is held and not refused: not this kind of fence.
    assert.equal(records, [], 'nothing to remember');
    assert.equal([await write(one), await write(other)], ['taken', 'held']);
    await other.raw.cmd('CLIENT', 'UNPAUSE');
    lock.assertHeld();
  });
});

test('a pause that somebody adds to ours is left to him; a setting that he changes too', async () => {
  await withScene(1, async ({servers, raw, raise}) => {
    const paused = await raise('pause');
    await raw.cmd('CLIENT', 'PAUSE', 60_000, 'WRITE');
    await paused.assertUp();
    const notes = await paused.lift();
    assert.match(notes.join(), /still holds back writes, by a pause that is not ours/);
    assert.is(await write(servers[0]!), 'held');
    await raw.cmd('CLIENT', 'UNPAUSE');
    const raised = await raise('min-replicas');
    await raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', 5);
    await fault(raised.assertUp(), 'FENCE_LOST', 4);
    assert.match((await raised.lift()).join(), /is 5: somebody has set it since; before the fence it was 0/);
    assert.match(await settings(raw), /^10 5 /);
    await raw.cmd('CONFIG', 'SET', 'min-replicas-to-write', 0);
  });
});

test('a hole in the fence is noticed: lifted by somebody, restarted, run out while this process slept, too long', async () => {
  await withScene([{}, {}], async ({servers, raw, raise, rig}) => {
    const unpaused = await raise('pause');
    await raw.cmd('CLIENT', 'UNPAUSE');
    assert.match((await fault(unpaused.assertUp(), 'FENCE_LOST', 4)).message, /CLIENT UNPAUSE/);
    await unpaused.lift();
    const slept = await raise('pause');
    const now = Date.now;
    try {
      Date.now = () => now() + 10_001;
      assert.match((await fault(slept.assertUp(), 'FENCE_LOST', 4)).message, /ran out before it was renewed/);
    } finally {
      Date.now = now;
      await slept.lift();
    }
    for (const kind of KINDS) {
      const short = await raise(kind, {maxMs: 300});
      await rig.until(`the end of ${kind}`, async () => (await write(servers[0]!)) === 'taken');
      assert.match((await fault(short.assertUp(), 'FENCE_LOST', 4)).message, /the longest that it may stand/);
      await short.lift();
    }
  });
  await withServers(1, async ([server]) => {
    const runId = (await server!.raw.info('server')).run_id!;
    const lock = {hold: async () => undefined, resume: async () => undefined};
    const nodes = [{at: server!.address, endpoint: endpoint(server!), runId}];
    const fence = await raiseFence({
      kind: 'min-replicas',
      nodes,
      lock,
      timeoutMs: 3000,
      maxMs: 60_000,
      remember: () => undefined,
    });
    await server!.restart();
    assert.match((await fault(fence.assertUp(), 'FENCE_LOST', 4)).message, /was restarted/);
    assert.equal(await fence.lift(), [], 'its settings are those of its start again');
  });
});

test('a pause is renewed for as long as it is wanted', async () => {
  await withScene(1, async ({servers, raw, raise, rig, lock, nodes}) => {
    const fence = await raise('pause');
    const calls = async () => Number(/calls=(\d+)/.exec((await raw.info('commandstats'))['cmdstat_client|pause']!)![1]);
    await rig.until('five renewals', async () => (await calls()) >= 6, 30_000);
    assert.is(await write(servers[0]!), 'held', 'longer than one pause lasts');
    await fence.assertUp();
    await fence.lift();
    assert.is(await write(servers[0]!), 'taken');
    assert.is(lock.writes.get(nodes[0]!.runId), 3, 'taken, held, resumed: no renewal waited behind the fence');
  });
});

test('nothing is changed when it cannot be remembered, or the lock is lost, or a permission is missing', async () => {
  await withScene(1, async ({servers, raw, raise, nodes}) => {
    const untouched = async (what: string) => {
      assert.is(await write(servers[0]!), 'taken', what);
      assert.is(await settings(raw), '0 10 min-replicas-max-lag min-replicas-to-write', what);
    };
    for (const kind of KINDS) {
      const remember = () => {
        throw new Error('the disk is full');
      };
      await raise(kind, {remember}).then(
        () => assert.unreachable(),
        (error: Error) => assert.match(error.message, /disk is full/),
      );
      await untouched(`${kind}: not remembered`);
      const lost = {hold: async () => Promise.reject(new Error('lost')), resume: async () => undefined};
      await raise(kind, {lock: lost}).then(
        () => assert.unreachable(),
        (error: Error) => assert.match(error.message, /lost/),
      );
      await untouched(`${kind}: without the lock`);
    }
    process.env.RTOPO_TEST_FENCE = 'secret-of-the-fence';
    const auth = {username: 'fence', password: {from: 'env', name: 'RTOPO_TEST_FENCE'}} as const;
    const login = nodes.map((node) => ({...node, endpoint: {...node.endpoint, auth}}));
    const rules = {
      pause: ['+ping', '+info', '+client|pause', '+client|unpause', '+del'],
      'min-replicas': ['+ping', '+info', '+config|get', '+config|set', '+del'],
    };
    for (const kind of KINDS) {
      const grant = (list: readonly string[]) =>
        raw.cmd('ACL', 'SETUSER', 'fence', 'reset', 'on', '>secret-of-the-fence', '-@all', '~__rtopo:*', ...list);
      await grant(rules[kind]);
      await (await raise(kind, {nodes: login})).lift();
      await untouched(`${kind}: with the least of permissions`);
      for (const missing of rules[kind]) {
        // Without UNPAUSE it can be raised, and ends by itself.
        if (missing === '+client|unpause') continue;
        await grant(rules[kind].filter((rule) => rule !== missing));
        await fault(raise(kind, {nodes: login}), 'NO_PERMISSION', 5);
        await untouched(`${kind} without ${missing}`);
      }
    }
    delete process.env.RTOPO_TEST_FENCE;
  });
});

const here = dirname(fileURLToPath(import.meta.url));

/** A process that has raised a fence; killed at the end at the latest. */
async function withHolder(
  kind: FenceKind,
  body: (scene: {
    server: Server;
    child: ChildProcess;
    record: FenceRecord;
    rig: Rig;
    kill: () => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  await withServers(
    [{args: ['--min-replicas-to-write', '0', '--min-replicas-max-lag', '0']}],
    async ([server], rig) => {
      const file = join(rig.dir, 'record.json');
      const script = join(here, 'raise-fence.ts');
      const args = ['--import', 'tsx', script, kind, String(server!.port), file];
      const child = spawn(process.execPath, args, {stdio: ['ignore', 'pipe', 'inherit']});
      const ended = once(child, 'exit');
      const kill = async () => {
        child.kill('SIGKILL');
        await ended;
      };
      rig.defer(kill);
      await withDeadline('the fence', 30_000, () => once(child.stdout!, 'data'));
      await body({server: server!, child, record: JSON.parse(readFileSync(file, 'utf8')), rig, kill});
    },
  );
}

const targets = (server: Server) => ({
  operation: 'OP',
  nodes: [{at: server.address, endpoint: endpoint(server), runId: 'unknown'}],
  timeoutMs: 3000,
});

test('after a kill -9 a pause ends by itself, and whoever resumes waits for that', async () => {
  await withHolder('pause', async ({server, record, kill}) => {
    await fault(liftFence(record, targets(server)), 'LOCKED', 3);
    assert.is(await write(server), 'held');
    await kill();
    const patient = (await server.connect({timeoutMs: 30_000})).cmd('SET', 'patient', '1');
    assert.equal(await liftFence(record, targets(server)), []);
    assert.is(await patient, 'OK');
    const {cmdstat_client} = await server.raw.info('commandstats');
    assert.is(cmdstat_client, undefined);
    assert.not.ok('cmdstat_client|unpause' in (await server.raw.info('commandstats')), 'nobody had to lift it');
  });
});

test('after a kill -9 min-replicas is restored by another process, and only by one that may', async () => {
  await withHolder('min-replicas', async ({server, record, kill}) => {
    await fault(liftFence(record, targets(server)), 'LOCKED', 3);
    await kill();
    assert.is(await write(server), 'NOREPLICAS', 'it does not end by itself');
    await fault(liftFence(record, {...targets(server), operation: 'ANOTHER'}), 'LOCKED', 3);
    assert.is(await write(server), 'NOREPLICAS');
    assert.equal(await liftFence(record, targets(server)), []);
    assert.is(await settings(server.raw), '0 0 min-replicas-max-lag min-replicas-to-write');
    assert.is(await write(server), 'taken');
    assert.equal(await liftFence(record, targets(server)), [], 'again');
    await server.kill();
    const down = await fault(liftFence(record, targets(server)), 'FENCE_NOT_LIFTED', 4);
    assert.match(down.remedy!, `redis-cli -h 127.0.0.1 -p ${server.port} CONFIG SET min-replicas-to-write 0`);
  });
});

test.run();
