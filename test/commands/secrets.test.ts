/** A canary password: it opens every server of the test and must appear nowhere that rtopo writes, and in no log of the servers. */
import {mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {connect} from 'node:net';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {cli, cliStart} from '../rig/cli.js';
import {type Server, withServers} from '../rig/servers.js';

const test = suite('commands/secrets');

const CANARY = 'canary-S3cret/7%+"x y';
const forms = [
  CANARY,
  encodeURIComponent(CANARY),
  Buffer.from(CANARY).toString('base64'),
  JSON.stringify(CANARY).slice(1, -1),
];

function assertClean(text: string, where: string): void {
  for (const form of forms) assert.not.ok(text.includes(form), `the secret is in ${where}`);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

function topology(servers: readonly Server[], source: string): string {
  const [a, b] = servers;
  return `version: 1\nname: secret\nauth: {${source}}\nplacement: {scheme: modulo}\nshards:\n  - {name: alpha, master: "${a!.address}", replicas: ["${b!.address}"]}\n`;
}

const spec = {
  args: [
    '--requirepass',
    CANARY,
    '--slowlog-log-slower-than',
    '0',
    '--slowlog-max-len',
    '10000',
    '--appendonly',
    'yes',
  ],
  auth: [CANARY],
};

test('a password from the environment, a file or a command is in no output, journal, error or slow log', () =>
  withServers([spec, spec, spec], async (servers, rig) => {
    const [a, , c] = servers;
    const home = join(rig.dir, 'home');
    mkdirSync(home);
    const secretFile = join(home, 'password');
    writeFileSync(secretFile, `${CANARY}\n`, {mode: 0o600});
    await a!.raw.pipeline(Array.from({length: 300}, (_, i) => ['SET', `key:${i}`, `${i}`]));
    const run = async (args: readonly string[], status: number, env: Record<string, string> = {}): Promise<void> => {
      for (const form of [[...args], [...args, '--json']]) {
        const result = await cli(form, {cwd: rig.dir, home, env});
        assert.is(result.status, status, `${form.join(' ')}: ${result.stdout}${result.stderr}`);
        assertClean(result.stdout, `stdout of ${form.join(' ')}`);
        assertClean(result.stderr, `stderr of ${form.join(' ')}`);
      }
    };
    const file = join(rig.dir, 'rtopo.yml');
    writeFileSync(file, topology(servers, 'passwordEnv: CANARY'));
    const env = {CANARY};
    await run(['replicate', '--yes'], 0, env);
    await run(['status'], 0, env);
    await run(['status'], 78);
    await run(['status'], 5, {CANARY: `${CANARY}wrong`});
    writeFileSync(file, topology(servers, `passwordFile: ${secretFile}`));
    await run(['verify'], 0);
    writeFileSync(file, topology(servers, `passwordCommand: "cat ${secretFile}"`));
    await run(['verify'], 0);
    await run(['rebalance', '--add', `beta=${c!.address}`, '--dry-run'], 2);
    const moved = await cli(['rebalance', '--add', `beta=${c!.address}`, '--yes'], {cwd: rig.dir, home});
    assert.is(moved.status, 0, moved.stderr);
    for (const path of filesBelow(rig.dir).filter((name) => name !== secretFile))
      assertClean(readFileSync(path, 'latin1'), path);
    for (const server of servers) {
      const slow = JSON.stringify(await server.raw.cmd('SLOWLOG', 'GET', 10_000), (_, value) =>
        value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
      );
      assert.ok(slow.length > 1000, 'the slow log is empty: the test proves nothing');
      assertClean(slow, `the slow log of ${server.address}`);
    }
  }));

/** Everything that MONITOR shows of a server from now on. */
async function monitor(server: Server): Promise<() => string> {
  const socket = connect(server.port, server.host);
  let seen = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    seen += chunk;
  });
  const words = ['AUTH', CANARY];
  socket.write(`*2\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}MONITOR\r\n`);
  await new Promise<void>((resolve) => socket.once('data', () => resolve()));
  return () => {
    socket.destroy();
    return seen;
  };
}

/** Command lines of every process of this machine but servers, whose own password may stand there. */
function commandLines(servers: readonly Server[]): string[] {
  const own = new Set([process.pid, ...servers.map(({pid}) => pid)]);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && !own.has(Number(name)))
    .flatMap((name) => {
      try {
        return [readFileSync(`/proc/${name}/cmdline`, 'latin1')];
      } catch {
        return [];
      }
    })
    .filter((line) => !/(redis|valkey)-server/.test(line));
}

test('nor in what the servers show to others, in a saved plan, or on a command line, while replication is changed', () =>
  withServers([spec, spec], async (servers, rig) => {
    const [a, b] = servers;
    const secretFile = join(rig.dir, 'password');
    writeFileSync(secretFile, `${CANARY}\n`, {mode: 0o600});
    writeFileSync(join(rig.dir, 'rtopo.yml'), topology(servers, `passwordCommand: "sleep 0.2; cat ${secretFile}"`));
    const shown = await Promise.all(servers.map(monitor));
    const planned = await cli(['replicate', '--plan-out', 'plan.json'], {cwd: rig.dir});
    assert.is(planned.status, 2, planned.stderr);
    assertClean(readFileSync(join(rig.dir, 'plan.json'), 'utf8'), 'the plan');
    const run = cliStart(['replicate', '--apply-plan', 'plan.json', '--yes', '--json'], {cwd: rig.dir});
    const lines = new Set<string>();
    const timer = setInterval(() => {
      for (const line of commandLines(servers)) lines.add(line);
    }, 20);
    const {status, stdout, stderr} = await run.done;
    clearInterval(timer);
    assert.is(status, 0, stdout + stderr);
    for (const text of [stdout, stderr, planned.stdout, planned.stderr]) assertClean(text, 'the output');
    assert.ok(
      [...lines].some((line) => line.includes('--apply-plan')),
      'rtopo itself was not seen: the test proves nothing',
    );
    assert.ok(
      [...lines].some((line) => line.includes(secretFile)),
      'nor the command that gives the password',
    );
    for (const line of lines) assertClean(line, `the command line ${line}`);
    for (const [i, end] of shown.entries()) {
      const text = end();
      assert.match(text, /"info"/i);
      assertClean(text.replaceAll('\\"', '"'), `MONITOR of ${servers[i]!.address}`);
    }
    assert.is((await b!.raw.info('replication')).master_link_status, 'up');
    const entry = JSON.stringify((await a!.raw.cmd('SLOWLOG', 'GET', 1000)) as unknown[], (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data).toString('latin1') : value,
    );
    assertClean(entry, 'the slow log');
  }));

test('a topology file with a password in it is refused, without repeating it', () =>
  withServers(0, async (_, rig) => {
    for (const line of [
      `auth: {password: "${CANARY.replace('"', '\\"')}"}`,
      'auth: {passwordEnv: "redis://user:canary-S3cret@host"}',
    ]) {
      writeFileSync(
        join(rig.dir, 'rtopo.yml'),
        `version: 1\nname: x\n${line}\nshards:\n  - {name: a, master: "127.0.0.1:1"}\n`,
      );
      const {status, stdout, stderr} = await cli(['status'], {cwd: rig.dir});
      assert.is(status, 78);
      assert.is(stdout, '');
      assert.match(stderr, 'passwordEnv');
      assert.not.match(stderr, 'canary-S3cret');
    }
    const typed = await cli(
      ['replicate', '--master', 'redis://user:canary-S3cret@127.0.0.1:1', '--replica', '127.0.0.1:2'],
      {cwd: rig.dir},
    );
    assert.is(typed.status, 64);
    assert.not.match(typed.stderr + typed.stdout, 'canary-S3cret');
  }));

test.run();
