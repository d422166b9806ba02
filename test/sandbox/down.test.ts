/** `sandbox down`: it stops and removes what is the sandbox's own, and nothing that only looks like it. */
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {down} from '../../src/sandbox/down.js';
import {startMark} from '../../src/sandbox/identity.js';
import type {SandboxState} from '../../src/sandbox/state.js';
import {serverProgram} from '../rig/processes.js';
import {until} from '../rig/wait.js';
import {assertNothing, fails, type Playground, playground, processesIn, talk} from './playground.js';

const test = suite('sandbox/down');

function editState(ground: Playground, edit: (state: SandboxState) => unknown): void {
  const file = join(ground.dir, 'sandbox.json');
  writeFileSync(file, JSON.stringify(edit(JSON.parse(readFileSync(file, 'utf8')))));
}

/** Runs `body` with a process that has nothing to do with the sandbox. */
async function bystander(body: (child: ChildProcess & {pid: number}) => Promise<void>): Promise<void> {
  const child = spawn('sleep', ['300'], {stdio: 'ignore'});
  try {
    await body(child as ChildProcess & {pid: number});
  } finally {
    child.kill('SIGKILL');
  }
}

test('it stops all servers and removes all files, and says so', async () => {
  await playground(async (ground) => {
    const {servers} = await ground.up({shards: 2});
    const report = await down({cwd: ground.cwd});
    assert.equal(report, {
      dir: ground.dir,
      wasUp: true,
      servers: servers.map(({name, address}) => ({name, address, outcome: 'stopped'})),
      removed: [ground.topologyFile, ground.dir],
      kept: [],
    });
    assertNothing(ground);
  });
});

test('with nothing up it does nothing, and that is no error', async () => {
  await playground(async (ground) => {
    const nothing = {dir: ground.dir, wasUp: false, servers: [], removed: [], kept: []};
    assert.equal(await down({cwd: ground.cwd}), nothing);
    mkdirSync(ground.dir);
    writeFileSync(join(ground.dir, 'diary'), 'x');
    assert.equal(await down({cwd: ground.cwd}), nothing);
    assert.ok(existsSync(join(ground.dir, 'diary')));
  });
});

test('a topology file that was edited below its first line is removed, one that was replaced is kept', async () => {
  await playground(async (ground) => {
    await ground.up();
    writeFileSync(ground.topologyFile, `${readFileSync(ground.topologyFile, 'utf8')}# mine\n`);
    assert.equal((await down({cwd: ground.cwd})).kept, []);
    assertNothing(ground);
    await ground.up();
    writeFileSync(ground.topologyFile, 'version: 1\nname: production\n');
    const {kept, removed} = await down({cwd: ground.cwd});
    assert.equal([kept, removed], [[ground.topologyFile], [ground.dir]]);
    assert.match(readFileSync(ground.topologyFile, 'utf8'), /production/);
  });
});

test('what somebody else put into the folder is kept', async () => {
  await playground(async (ground) => {
    await ground.up();
    writeFileSync(join(ground.dir, 'notes.txt'), 'x');
    mkdirSync(join(ground.dir, 'alpha-99'));
    assert.equal((await down({cwd: ground.cwd})).kept, [ground.dir]);
    assert.ok(existsSync(join(ground.dir, 'notes.txt')) && existsSync(join(ground.dir, 'alpha-99')));
    assert.not.ok(existsSync(join(ground.dir, 'alpha-1')) || existsSync(join(ground.dir, 'sandbox.json')));
  });
});

test('a server that is gone, and one that hangs', async () => {
  await playground(async (ground) => {
    const {servers} = await ground.up();
    process.kill(servers[0]!.pid, 'SIGKILL');
    process.kill(servers[1]!.pid, 'SIGSTOP');
    await until('its end', () => startMark(servers[0]!.pid) === null);
    const report = await down({cwd: ground.cwd, patienceMs: 300});
    assert.equal(
      report.servers.map(({outcome}) => outcome),
      ['gone', 'killed'],
    );
    assertNothing(ground);
  });
});

test('a server that was started again by hand from its folder is stopped too', async () => {
  await playground(async (ground) => {
    const {servers} = await ground.up();
    const [first] = servers;
    process.kill(first!.pid, 'SIGKILL');
    await until('its end', () => startMark(first!.pid) === null);
    spawn(serverProgram(), [join(first!.dir, 'redis.conf')], {detached: true, stdio: 'ignore'}).unref();
    await until('its return', () => talk(first!.address, (raw) => raw.cmd('PING')));
    const report = await down({cwd: ground.cwd});
    assert.equal(
      report.servers.map(({outcome}) => outcome),
      ['stopped', 'stopped'],
    );
    assertNothing(ground);
  });
});

test('servers whose start was recorded, but not yet their pid, are found', async () => {
  await playground(async (ground) => {
    await ground.up();
    editState(ground, (state) => ({
      ...state,
      servers: state.servers.map((server) => ({...server, pid: null, started: null})),
    }));
    await down({cwd: ground.cwd});
    assertNothing(ground);
  });
});

for (const [what, started] of [
  ['another moment of start', () => 'another'],
  ['its own moment of start', (pid: number) => startMark(pid)!],
] as const) {
  test(`a recorded pid that is a process of somebody else, with ${what}, is left alone`, async () => {
    await playground(async (ground) => {
      await ground.up();
      await bystander(async (other) => {
        editState(ground, (state) => ({
          ...state,
          servers: [{...state.servers[0], pid: other.pid, started: started(other.pid)}, ...state.servers.slice(1)],
        }));
        await down({cwd: ground.cwd});
        assert.is(other.exitCode ?? other.signalCode, null, 'the bystander was killed');
      });
      assertNothing(ground);
    });
  });
}

const broken: readonly [string, string][] = [
  ['garbage', '{"version":'],
  ['another version', '{"version":2,"topologyFile":"/x","servers":[]}'],
  ['null', 'null'],
  [
    'a name that leaves the folder',
    '{"version":1,"topologyFile":"/x","servers":[{"name":"../x","port":1,"pid":null,"started":null}]}',
  ],
  ['the pid of init', '{"version":1,"topologyFile":"/x","servers":[{"name":"a-1","port":1,"pid":1,"started":"x"}]}'],
  [
    'a group instead of a pid',
    '{"version":1,"topologyFile":"/x","servers":[{"name":"a-1","port":1,"pid":-1,"started":"x"}]}',
  ],
];

for (const [name, text] of broken) {
  test(`a state that cannot be trusted stops nothing: ${name}`, async () => {
    await playground(async (ground) => {
      await ground.up({replicas: 0});
      const file = join(ground.dir, 'sandbox.json');
      const good = readFileSync(file, 'utf8');
      writeFileSync(file, text);
      const expected = {code: 'SANDBOX_STATE', exit: 1, says: /cannot be read.*Nothing was stopped/};
      await fails(() => down({cwd: ground.cwd}), expected);
      await fails(() => ground.up(), expected);
      assert.is(processesIn(ground.cwd).length, 1);
      writeFileSync(file, good);
    });
  });
}

test.run();
