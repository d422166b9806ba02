/** `sandbox up`: what it starts is real and ready; where it refuses or fails, nothing is left. */
import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {down} from '../../src/sandbox/down.js';
import {MARKER} from '../../src/sandbox/layout.js';
import {findServerProgram} from '../../src/sandbox/program.js';
import {Ports, startServer} from '../../src/sandbox/start.js';
import {parseTopology} from '../../src/topology/parse.js';
import {addressText} from '../../src/topology/types.js';
import {repositoryRoot} from '../rig/cli.js';
import {freePort, serverProgram} from '../rig/processes.js';
import {withServers} from '../rig/servers.js';
import {until} from '../rig/wait.js';
import {assertNothing, fails, playground, processesIn, talk} from './playground.js';

const test = suite('sandbox/up');

test('every server is an empty master that can rewrite its configuration', async () => {
  await playground(async (ground) => {
    const {servers, dir} = await ground.up({shards: 2, spares: 1});
    assert.is(dir, ground.dir);
    assert.equal(
      servers.map(({name, shard}) => `${shard}/${name}`),
      ['alpha/alpha-1', 'alpha/alpha-2', 'beta/beta-1', 'beta/beta-2', 'gamma/gamma-1', 'gamma/gamma-2'],
    );
    for (const server of servers) {
      await talk(server.address, async (raw) => {
        assert.is(String(((await raw.cmd('ROLE')) as Buffer[])[0]), 'master');
        assert.is(await raw.cmd('DBSIZE'), 0);
        await raw.cmd('CONFIG', 'SET', 'maxmemory', '12345678');
        assert.is(await raw.cmd('CONFIG', 'REWRITE'), 'OK');
        const info = await raw.info();
        assert.is(Number(info.process_id), server.pid);
        assert.is(info.aof_enabled, '1');
        assert.is(info.config_file, join(dir, server.name, 'redis.conf'));
        const refused = await raw.cmd('DEBUG', 'SLEEP', '0').catch((error: Error) => error);
        assert.match((refused as Error).message, /DEBUG command not allowed/);
      });
      assert.match(readFileSync(join(dir, server.name, 'redis.conf'), 'utf8'), /^maxmemory 12345678$/m);
    }
  });
});

test('the topology file declares the shards and not the spares, and rtopo can read it', async () => {
  await playground(async (ground) => {
    const {servers, spares, next} = await ground.up({shards: 2, replicas: 2, spares: 1});
    const text = readFileSync(ground.topologyFile, 'utf8');
    const [first, second] = text.split('\n');
    assert.is(first, MARKER);
    const schema = /^# yaml-language-server: \$schema=(.+)$/.exec(second!)?.[1];
    assert.is(schema, join(repositoryRoot, 'schema/rtopo.schema.json'));
    const {topology} = parseTopology(text, ground.topologyFile);
    const declared = topology.shards.map(({name, master, replicas}) => [
      name,
      ...[master, ...replicas].map(({address}) => addressText(address)),
    ]);
    const started = (shard: string) => servers.filter((server) => server.shard === shard).map(({address}) => address);
    assert.equal(declared, [
      ['alpha', ...started('alpha')],
      ['beta', ...started('beta')],
    ]);
    assert.equal(topology.placement, {scheme: 'ketama', hashTag: '{}', options: {}});
    const add = `gamma=${started('gamma').join(',')}`;
    assert.equal(spares, [{name: 'gamma', addresses: started('gamma'), add}]);
    assert.equal(next, ['rtopo replicate', 'rtopo status', `rtopo rebalance --add ${add}`, 'rtopo sandbox down']);
  });
});

test('without spares nothing is proposed to be added; another folder is named in the commands', async () => {
  await playground(async (ground) => {
    const {next, dir} = await ground.up({dir: 'my servers'});
    assert.is(dir, join(ground.cwd, 'my servers'));
    assert.equal(next, ['rtopo replicate', 'rtopo status', `rtopo sandbox down --dir '${dir}'`]);
    const {wasUp} = await down({cwd: ground.cwd, dir: 'my servers'});
    assert.ok(wasUp);
    assertNothing(ground);
  });
});

test('folder and state are for their owner only', async () => {
  await playground(async (ground) => {
    await ground.up();
    const mode = (path: string) => statSync(join(ground.dir, path)).mode & 0o777;
    assert.is(mode('.'), 0o700);
    assert.is(mode('sandbox.json'), 0o600);
    assert.is(mode('alpha-1'), 0o700);
    assert.is(mode('alpha-1/redis.conf'), 0o600);
  });
});

test('the servers outlive the program that started them', async () => {
  await playground(async (ground) => {
    const port = await freePort();
    const from = JSON.stringify(join(repositoryRoot, 'src/sandbox/up.ts'));
    const server = JSON.stringify(serverProgram());
    const code = `import {up} from ${from};
      const made = await up({cwd: ${JSON.stringify(ground.cwd)}, env: process.env, server: ${server}, basePort: ${port},
        schemaFile: 'rtopo.schema.json', shards: 1, replicas: 1, spares: 0});
      console.log(made.servers.map(({address}) => address).join());`;
    writeFileSync(join(ground.cwd, 'starter.mts'), code);
    const args = ['--import', 'tsx', join(ground.cwd, 'starter.mts')];
    const run = spawnSync(process.execPath, args, {cwd: repositoryRoot, encoding: 'utf8', timeout: 20_000});
    const addresses = run.stdout.trim().split(',');
    assert.is(addresses.length, 2, run.stderr);
    for (const address of addresses) assert.is(await talk(address, (raw) => raw.cmd('PING')), 'PONG');
  });
});

test('a port that is in use is passed over, before the start and at the start', async () => {
  await withServers(1, async ([other]) => {
    await playground(async (ground) => {
      const {servers} = await ground.up({basePort: other!.port});
      assert.ok(servers.every(({address}) => address !== other!.address));
    });
    // The port was free when it was chosen, and another server has it when ours starts.
    await playground(async (ground) => {
      mkdirSync(ground.dir);
      const program = findServerProgram(serverProgram(), process.env);
      const record = await startServer(
        {
          ...{name: 'alpha-1', dir: ground.dir, program, env: process.env, timeoutMs: 5000, signal: undefined},
          ...{ports: new Ports(other!.port + 1), record: () => undefined},
        },
        other!.port,
      );
      assert.is.not(record.port, other!.port);
      const pid = await talk(`127.0.0.1:${record.port}`, async (raw) => (await raw.info('server')).process_id);
      assert.is(Number(pid), record.pid);
      process.kill(record.pid!, 'SIGKILL');
      await until('its end', () => processesIn(ground.cwd).length === 0);
    });
  });
});

test('when one server fails the others are stopped and nothing is left', async () => {
  await playground(async (ground) => {
    const server = ground.program(
      'bad-server',
      `case "$1" in *beta-1*) echo no memory; exit 3;; esac\nexec ${serverProgram()} "$@"`,
    );
    const failed = {
      code: 'SANDBOX_START',
      exit: 1,
      says: /\(beta-1\) did not come up: it ended with exit code 3[\s\S]*no memory/,
    };
    await fails(() => ground.up({shards: 3, server}), failed);
    assertNothing(ground);
  });
});

test('a server that never answers is given up in time', async () => {
  await playground(async (ground) => {
    const server = ground.program('slow-server', 'exec sleep 60 # $1');
    await fails(() => ground.up({server, timeoutMs: 300}), {
      code: 'SANDBOX_START',
      exit: 1,
      says: /did not answer within 300 ms/,
    });
    assertNothing(ground);
  });
});

test('an interruption stops what was started', async () => {
  await playground(async (ground) => {
    const interrupt = new AbortController();
    const server = ground.program(
      'slow-server',
      `case "$1" in *alpha-2*) sleep 30;; esac\nexec ${serverProgram()} "$@"`,
    );
    const starting = fails(() => ground.up({server, signal: interrupt.signal}), {
      ...{code: 'INTERRUPTED', exit: 130, says: /stopped again/},
    });
    await until('the first server', () => processesIn(ground.cwd).length >= 2);
    interrupt.abort();
    await starting;
    assertNothing(ground);
  });
});

test.run();
