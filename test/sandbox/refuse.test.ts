/** When `sandbox up` starts nothing: what it would overwrite, what is up already, and what cannot be meant. */
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {MARKER} from '../../src/sandbox/layout.js';
import {findServerProgram} from '../../src/sandbox/program.js';
import {until} from '../rig/wait.js';
import {assertNothing, fails, playground, processesIn, talk} from './playground.js';

const test = suite('sandbox/refuse');

test('a topology file that the sandbox did not write is never touched', async () => {
  const foreign = [
    'version: 1\nname: mine\n',
    `\n${MARKER}\n`,
    `# a copy of\n${MARKER}\n`,
    `${MARKER} Not quite.\n`,
    '',
  ];
  for (const text of foreign) {
    await playground(async (ground) => {
      writeFileSync(ground.topologyFile, text);
      await fails(() => ground.up(), {code: 'SANDBOX_TOPOLOGY_EXISTS', exit: 3, says: /did not write it/});
      assert.is(readFileSync(ground.topologyFile, 'utf8'), text);
      assert.not.ok(existsSync(ground.dir));
    });
  }
});

test('a topology file from an earlier sandbox is replaced', async () => {
  await playground(async (ground) => {
    writeFileSync(ground.topologyFile, `${MARKER}\nversion: 1\n`);
    await ground.up();
    assert.match(readFileSync(ground.topologyFile, 'utf8'), /name: alpha/);
  });
});

test('a second sandbox in the same folder is refused, and told how the first is stopped', async () => {
  await playground(async (ground) => {
    const {servers} = await ground.up();
    const refused = {code: 'SANDBOX_UP', exit: 3, says: /is up in .*: 2 of its 2 servers are running/};
    const error = await fails(() => ground.up(), refused);
    assert.is(error.remedy, 'rtopo sandbox down');
    for (const {address} of servers) assert.is(await talk(address, (raw) => raw.cmd('PING')), 'PONG');
    for (const {pid} of servers) process.kill(pid, 'SIGKILL');
    await until('their end', () => processesIn(ground.cwd).length === 0);
    await fails(() => ground.up(), {code: 'SANDBOX_UP', exit: 3, says: /no server is running any more/});
  });
});

test('a folder with other things in it is refused', async () => {
  await playground(async (ground) => {
    mkdirSync(join(ground.cwd, 'photos'));
    writeFileSync(join(ground.cwd, 'photos/cat.jpg'), 'x');
    await fails(() => ground.up({dir: 'photos'}), {code: 'SANDBOX_DIR_IN_USE', exit: 3, says: /is not empty/});
    await fails(() => ground.up({dir: 'photos/cat.jpg'}), {code: 'SANDBOX_DIR', exit: 1, says: /cannot be used/});
    assert.is(readFileSync(join(ground.cwd, 'photos/cat.jpg'), 'utf8'), 'x');
    assertNothing(ground);
  });
});

test('two that start at the same time: one wins, the other is refused', async () => {
  await playground(async (ground) => {
    const results = await Promise.allSettled([ground.up(), ground.up()]);
    const states = results.map(({status}) => status).sort();
    assert.equal(states, ['fulfilled', 'rejected']);
    const loser = results.find((result) => result.status === 'rejected')!;
    assert.is(loser.status === 'rejected' && loser.reason.code, 'SANDBOX_UP');
    assert.is(processesIn(ground.cwd).length, 2);
  });
});

const sizes: readonly [object, RegExp][] = [
  [{shards: 0}, /at least one shard/],
  [{shards: 1.5}, /at least one shard/],
  [{replicas: -1}, /whole numbers from 0/],
  [{shards: 20, spares: 5}, /at most 24 shards/],
  [{shards: 10, replicas: 6}, /70 servers; a sandbox has at most 60/],
];
for (const [size, says] of sizes) {
  test(`a size that makes no sense: ${JSON.stringify(size)}`, async () => {
    await playground(async (ground) => {
      await fails(() => ground.up(size), {code: 'USAGE', exit: 64, says});
      assertNothing(ground);
    });
  });
}

test('no server program, a wrong one, and one from PATH', async () => {
  await playground(async (ground) => {
    const nowhere = {PATH: ground.cwd};
    const none = {code: 'SANDBOX_NO_SERVER', exit: 1};
    await fails(async () => findServerProgram(undefined, nowhere), {...none, says: /Neither redis-server nor valkey/});
    await fails(() => ground.up({server: 'no-such-server'}), {...none, says: /no program no-such-server/});
    await fails(() => ground.up({server: '/bin/true'}), {...none, says: /\/bin\/true is not a Redis or Valkey server/});
    assertNothing(ground);
    ground.program('valkey-server', 'exit 1');
    assert.is(findServerProgram(undefined, {PATH: `${ground.cwd}:${process.env.PATH}`}).path.endsWith('-server'), true);
  });
});

test.run();
