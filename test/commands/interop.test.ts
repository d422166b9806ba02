/** `rtopo import` and `rtopo export` as a user types them: files, refusals, nothing overwritten, no secret. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type CliResult, cli} from '../rig/cli.js';
import {makeDir, removeDir} from '../rig/processes.js';

const test = suite('commands/interop');

const nutcracker = `alpha:
  listen: 127.0.0.1:22121
  hash: murmur
  hash_tag: "{}"
  redis: true
  redis_auth: c4n4ry-s3cr3t
  auto_eject_hosts: true
  servers:
    - 10.0.0.1:6379:1 server1
    - 10.0.0.2:11211:2
    - ::1:6379:1
beta: {redis: true, distribution: random, servers: ["10.0.0.1:6379:1"]}
gamma: {servers: ["10.0.0.1:11211:1"]}
delta: {redis: true, servers: ["/tmp/redis.sock:1"]}
`;

async function inFolder(body: (run: (...args: string[]) => Promise<CliResult>, dir: string) => Promise<void>) {
  const dir = makeDir('rtopo-interop-');
  try {
    writeFileSync(join(dir, 'nutcracker.yml'), nutcracker);
    await body((...args) => cli(args, {cwd: dir}), dir);
  } finally {
    removeDir(dir);
  }
}

test('a pool becomes a topology: labels, weights, warnings, and no password', () =>
  inFolder(async (run, dir) => {
    const {status, stdout, stderr} = await run('import', 'twemproxy', 'nutcracker.yml', '--pool', 'alpha');
    assert.is(status, 0, stderr);
    assert.is(
      stdout,
      `# Imported from twemproxy's pool alpha in nutcracker.yml.
version: 1
name: alpha
placement: { scheme: twemproxy, hashTag: "{}", distribution: ketama, hash: murmur }
shards:
  - { name: server1, master: 10.0.0.1:6379 }
  - { name: 10-0-0-2, node: 10.0.0.2, weight: 2, master: 10.0.0.2:11211 }
  - { name: 1-6379, node: ::1:6379, master: "[::1]:6379" }
`,
    );
    assert.match(
      stderr,
      /auto_eject_hosts is on[\s\S]*redis_auth was not copied[\s\S]*known to the ring by their addresses/,
    );
    assert.not.match(stdout + stderr, /s3cr3t/);

    const written = await run('import', 'twemproxy', 'nutcracker.yml', '--pool', 'alpha', '-o', 'rtopo.yml');
    assert.is(written.status, 0, written.stderr);
    assert.match(written.stdout, /^Wrote rtopo\.yml\./);
    assert.is(readFileSync(join(dir, 'rtopo.yml'), 'utf8'), stdout);
    const again = await run('import', 'twemproxy', 'nutcracker.yml', '--pool', 'alpha', '-o', 'rtopo.yml', '--json');
    assert.is(again.status, 3);
    assert.is(JSON.parse(again.stdout).error.code, 'FILE_EXISTS');
    assert.is((await run('locate', 'user:1')).status, 0, 'what was written is a topology');

    const exported = await run('export', 'twemproxy');
    assert.is(exported.status, 0, exported.stderr);
    assert.match(exported.stdout, /^ {4}- 10\.0\.0\.1:6379:1 server1\n {4}- 10\.0\.0\.2:11211:2\n {4}- ::1:6379:1\n/m);
    const other = await run('export', 'client', 'jedis');
    assert.is(other.status, 3);
    assert.match(other.stderr, /by scheme twemproxy, and jedis would look for them elsewhere/);
  }));

test('a Unix socket comes in, goes out again, and stays what twemproxy hashes', () =>
  inFolder(async (run) => {
    const {stdout} = await run('import', 'twemproxy', 'nutcracker.yml', '--pool', 'delta', '-o', 'rtopo.yml');
    assert.match(stdout, /^Wrote rtopo\.yml\./);
    assert.match((await run('locate', 'k')).stdout, /\tunix:\/tmp\/redis\.sock$/m);
    assert.match((await run('export', 'twemproxy')).stdout, /^ {4}- \/tmp\/redis\.sock:1\n/m);
  }));

test('what cannot be imported is refused with the reason and exit 78, a wrong question with 64', () =>
  inFolder(async (run, dir) => {
    const refusals: readonly [string, number, RegExp][] = [
      ['beta', 78, /distribution random puts keys anywhere/],
      ['gamma', 78, /speaks memcached/],
      ['omega', 64, /has no pool omega; its pools are alpha, beta, gamma, delta/],
    ];
    for (const [pool, exit, message] of refusals) {
      const {status, stdout, stderr} = await run('import', 'twemproxy', 'nutcracker.yml', '--pool', pool);
      assert.is(status, exit, pool);
      assert.is(stdout, '');
      assert.match(stderr, message);
    }
    assert.is((await run('import', 'twemproxy', 'nutcracker.yml')).status, 64);
    assert.is((await run('import', 'twemproxy', 'nothing.yml')).status, 64);
    writeFileSync(join(dir, 'broken.yml'), 'alpha:\n  - {');
    const broken = await run('import', 'twemproxy', 'broken.yml');
    assert.is(broken.status, 78);
    assert.match(broken.stderr, /broken\.yml:2:/);
    assert.not.ok(existsSync(join(dir, 'rtopo.yml')));
  }));

test('clients: node strings as each builds them, and code that says the same', () =>
  inFolder(async (run, dir) => {
    const cases: readonly [string[], RegExp, RegExp][] = [
      [
        ['redis-rb', '--node', '10.0.0.1:6379', '--node', '[::1]:6380', '--version', '5', '--db', '2'],
        /node: redis:\/\/10\.0\.0\.1:6379\/2[\s\S]*node: "redis:\/\/\[::1\]:6380\/2/,
        /id: 'redis:\/\/\[::1\]:6380\/2'/,
      ],
      [
        ['redis-rb', '--node', '10.0.0.1', '--node', '[::1]:6380', '--redis-client', '0.21.0'],
        /node: redis:\/\/10\.0\.0\.1:6379,[\s\S]*node: redis:\/\/::1:6380,/,
        /Redis::Distributed/,
      ],
      [
        ['phpredis', '--node', 'a=cache1', '--node', '10.0.0.2:7000', '--consistent', '--algorithm', 'md5'],
        /name: a, node: cache1, master: cache1:6379[\s\S]*node: 10\.0\.0\.2:7000/,
        /'cache1',[\s\S]*\['consistent' => true, 'algorithm' => 'md5'\]/,
      ],
      [
        ['predis', '--node', '10.0.0.1:6379', '--node', '10.0.0.2:6379:200', '--distributor', 'ketama'],
        /weight: 100[\s\S]*weight: 200/,
        /KetamaRing/,
      ],
      [
        ['go-redis', '--node', 'one=10.0.0.1:6379', '--node', 'two=10.0.0.2:6379'],
        /name: one, master[\s\S]*name: two, master/,
        /"one": "10\.0\.0\.1:6379"/,
      ],
      [
        ['jedis', '--node', 'One=10.0.0.1:6379', '--node', 'Two=10.0.0.2:6379', '--named', '--hash', 'md5'],
        /hash: md5, named: true[\s\S]*node: One/,
        /new JedisShardInfo\("10\.0\.0\.2", 6379, "Two"\)[\s\S]*Hashing\.MD5/,
      ],
    ];
    for (const [i, [args, topology, code]] of cases.entries()) {
      const imported = await run('import', 'client', ...args, '--output', `${i}.yml`);
      assert.is(imported.status, 0, imported.stderr);
      assert.match(readFileSync(join(dir, `${i}.yml`), 'utf8'), topology);
      const exported = await run('export', 'client', args[0]!, '-t', `${i}.yml`);
      assert.is(exported.status, 0, exported.stderr);
      assert.match(exported.stdout, code);
    }
    const foreign = await run('import', 'client', 'jedis', '--node', '10.0.0.1:6379', '--distributor', 'ketama');
    assert.is(foreign.status, 64);
    assert.match(foreign.stderr, /jedis has no option --distributor/);
    assert.is((await run('import', 'client', 'jedis')).status, 64);
    assert.is((await run('import', 'client', 'jedis', '--node', 'a=b=c:d')).status, 64);
  }));

test.run();
