/** The rig proves itself: what it starts is gone afterwards, and a server that cannot start is an error, not a wait. */
import {spawnSync} from 'node:child_process';
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {repositoryRoot} from './rig/cli.js';
import {runningProcesses} from './rig/processes.js';
import {type Server, withServers} from './rig/servers.js';
import {sleep, until, withDeadline} from './rig/wait.js';

const test = suite('rig');

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function rejects(work: () => Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await work().then(
    () => null,
    (reason: unknown) => reason as Error,
  );
  assert.ok(error, `resolved, but should have rejected with ${pattern}`);
  assert.match(error.message, pattern);
}

/** What was printed to standard error during `work`. */
async function quietly(work: () => Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  const real = console.error;
  console.error = (...args: unknown[]) => lines.push(args.join(' '));
  try {
    await work();
  } finally {
    console.error = real;
  }
  return lines.join('\n');
}

test('servers answer while the test runs and are gone after it', async () => {
  const seen = await withServers(3, async (servers, rig) => {
    for (const server of servers) assert.is(await server.raw.cmd('PING'), 'PONG');
    assert.is(new Set(servers.map((server) => server.port)).size, 3);
    assert.ok(existsSync(rig.dir));
    return {servers: [...servers], dir: rig.dir};
  });
  assert.is(runningProcesses(), 0);
  for (const server of seen.servers) {
    assert.not.ok(alive(server.pid), `${server.name} is still running`);
    assert.not.ok(existsSync(server.dir));
  }
  assert.not.ok(existsSync(seen.dir));
});

test('a server that dies at once rejects with its log, and nothing is left', async () => {
  const said = await quietly(() =>
    rejects(
      () => withServers([{}, {args: ['--no-such-option', 'x']}], async () => assert.unreachable()),
      /ended before/,
    ),
  );
  assert.match(said, /no-such-option|FATAL CONFIG/);
  assert.is(runningProcesses(), 0);
});

test('a failing test shows the last log lines of each server and leaves nothing', async () => {
  let server: Server | undefined;
  const said = await quietly(() =>
    rejects(
      () =>
        withServers([{name: 'the master'}], async ([first]) => {
          server = first;
          throw new Error('as planned');
        }),
      /as planned/,
    ),
  );
  assert.match(said, /the master \(127\.0\.0\.1:\d+\)[\s\S]*Ready to accept connections/);
  assert.not.ok(alive(server!.pid));
});

test('a test that never ends is ended, and says so', async () => {
  await quietly(() =>
    rejects(() => withServers(1, () => new Promise(() => {}), {timeoutMs: 400}), /not done within 400 ms/),
  );
  assert.is(runningProcesses(), 0);
});

test('a test that ends while a server is starting leaves none behind', async () => {
  for (const laterMs of [0, 4, 8, 12, 16]) {
    await quietly(() =>
      rejects(
        () =>
          withServers(0, async (_, rig) => {
            rig.start().catch(() => undefined);
            await sleep(laterMs);
            throw new Error('as planned');
          }),
        /as planned/,
      ),
    );
    assert.is(runningProcesses(), 0, `${laterMs} ms after the start`);
  }
});

test('cleanups run last first, and one that fails does not stop the rest', async () => {
  const order: number[] = [];
  const said = await quietly(() =>
    withServers(0, async (_, rig) => {
      rig.defer(() => order.push(1));
      rig.defer(() => Promise.reject(new Error('a bad cleanup')));
      rig.defer(() => order.push(2));
    }),
  );
  assert.equal(order, [2, 1]);
  assert.match(said, /a bad cleanup/);
});

test('a port that is taken between probe and bind is tried again with another', async () => {
  await withServers(1, async ([first], rig) => {
    let attempts = 0;
    const second = await rig.start({
      args: () => {
        attempts += 1;
        return attempts === 1 ? ['--port', String(first!.port)] : [];
      },
    });
    assert.is(attempts, 2);
    assert.is(await second.raw.cmd('PING'), 'PONG');
  });
});

test('kill, restart with and without data, same port', async () => {
  await withServers([{args: ['--appendonly', 'yes', '--appendfsync', 'always']}], async ([server]) => {
    const {port, pid} = server!;
    await server!.raw.cmd('SET', 'k', 'v');
    await server!.kill();
    assert.not.ok(alive(pid));
    await rejects(() => server!.raw.cmd('PING'), /ECONNREFUSED|closed/);
    await server!.restart();
    assert.is(server!.port, port);
    assert.is.not(server!.pid, pid);
    assert.is(String(await server!.raw.cmd('GET', 'k')), 'v');
    await server!.restart({empty: true});
    assert.is(await server!.raw.cmd('DBSIZE'), 0);
  });
});

test('a paused server accepts but does not answer, until it is resumed', async () => {
  await withServers(1, async ([server]) => {
    const raw = await server!.connect({timeoutMs: 200});
    server!.pause();
    await rejects(() => raw.cmd('PING'), /did not answer PING within 200 ms/);
    server!.resume();
    assert.is(await server!.raw.cmd('PING'), 'PONG');
  });
});

test('with a config file CONFIG REWRITE works and survives a restart', async () => {
  await withServers([{config: 'maxmemory 100mb'}, {}], async ([withFile, without]) => {
    await withFile!.raw.cmd('CONFIG', 'SET', 'maxmemory', '7000000');
    await withFile!.raw.cmd('CONFIG', 'REWRITE');
    await withFile!.restart({empty: true});
    const [, value] = (await withFile!.raw.cmd('CONFIG', 'GET', 'maxmemory')) as Buffer[];
    assert.is(String(value), '7000000');
    await rejects(() => without!.raw.cmd('CONFIG', 'REWRITE'), /without a config file/);
  });
});

test('a login is used by raw and connect', async () => {
  await withServers([{args: ['--requirepass', 's3cret'], auth: ['s3cret']}], async ([server]) => {
    assert.is(await server!.raw.cmd('PING'), 'PONG');
    assert.is(await (await server!.connect({db: 2})).cmd('PING'), 'PONG');
    await rejects(() => server!.connect({auth: ['wrong']}), /WRONGPASS/);
  });
});

test('replicate waits for the link, caughtUp for the offset', async () => {
  await withServers(2, async ([master, replica], rig) => {
    await master!.raw.cmd('SET', 'before', 1);
    await rig.replicate(replica!, master!);
    await master!.raw.cmd('SET', 'after', 2);
    await rig.caughtUp(master!, replica!);
    assert.equal((await replica!.raw.cmd('MGET', 'before', 'after'))!.toString(), '1,2');
  });
});

test('a tester that exits or throws in the middle leaves no server', async () => {
  await withServers(0, async (_, rig) => {
    for (const end of [
      'process.exit(0)',
      "setTimeout(() => {throw new Error('uncaught')}); await new Promise(() => {})",
    ]) {
      const file = join(rig.dir, 'tester.mts');
      const from = JSON.stringify(join(repositoryRoot, 'test/rig/servers.js'));
      writeFileSync(
        file,
        `import {withServers} from ${from};\nawait withServers(2, async (servers) => {
          console.log(servers.map((server) => server.pid).join());\n${end}\n});`,
      );
      const run = spawnSync(process.execPath, ['--import', 'tsx', file], {cwd: repositoryRoot, timeout: 20_000});
      const pids = run.stdout.toString().trim().split(',').map(Number);
      assert.is(pids.length, 2, run.stderr.toString());
      await until('end of the servers', () => pids.every((pid) => !running(pid)), 3000);
    }
  });
});

/** Alive, and not merely waiting for a parent to ask after it. */
function running(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return alive(pid) && !(existsSync(stat) && /\) Z /.test(readFileSync(stat, 'utf8')));
}

test('until says what it waited for and what it saw last; withDeadline what was late', async () => {
  await rejects(() => until('three', () => false, 60), /three: not within 60 ms; last seen: false/);
  await rejects(
    () =>
      until(
        'an error',
        () => {
          throw new Error('no link');
        },
        60,
      ),
    /last seen: no link/,
  );
  await rejects(() => until('a check that hangs', () => new Promise(() => {}), 80), /not within 80 ms/);
  await rejects(() => withDeadline('sleep', 20, () => sleep(200)), /sleep: not done within 20 ms/);
});

test.run();
