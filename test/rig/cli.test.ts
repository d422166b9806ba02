/** How the rig runs the command line: environment, streams, time limit, terminal, and being killed at a chosen moment. */
import {existsSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {cli, cliStart, countEnv, killEnv} from './cli.js';
import {makeDir, removeDir} from './processes.js';
import {cliTty, enter} from './tty.js';

const test = suite('rig/cli');

/** Runs `body` with a program of that source in a directory of its own. */
async function program(source: string, body: (bin: string, dir: string) => Promise<void>): Promise<void> {
  const dir = makeDir();
  try {
    writeFileSync(join(dir, 'program.mjs'), source);
    await body(join(dir, 'program.mjs'), dir);
  } finally {
    removeDir(dir);
  }
}

test('status, both streams, arguments and input come through', async () => {
  const source = `
    let input = ''; for await (const chunk of process.stdin) input += chunk;
    console.log(JSON.stringify({args: process.argv.slice(2), input})); console.error('talk'); process.exitCode = 78;`;
  await program(source, async (bin) => {
    const run = await cli(['a', 'b c'], {bin, input: 'x\ny'});
    assert.is(run.status, 78);
    assert.equal(JSON.parse(run.stdout), {args: ['a', 'b c'], input: 'x\ny'});
    assert.is(run.stderr, 'talk\n');
    assert.equal(JSON.parse((await cli([], {bin})).stdout), {args: [], input: ''});
  });
});

test('the environment is clean, and no stream is a terminal', async () => {
  const source = `console.log(JSON.stringify({env: process.env,
    tty: [process.stdin.isTTY, process.stdout.isTTY, process.stderr.isTTY].map(Boolean)}))`;
  await program(source, async (bin) => {
    process.env.RTOPO_TEST_LEAK = 'x';
    process.env.NO_COLOR = '1';
    const {env, tty} = JSON.parse((await cli([], {bin, env: {MINE: 'yes'}})).stdout);
    delete process.env.RTOPO_TEST_LEAK;
    delete process.env.NO_COLOR;
    assert.equal(tty, [false, false, false]);
    assert.is(env.MINE, 'yes');
    for (const name of ['RTOPO_TEST_LEAK', 'NO_COLOR', 'FORCE_COLOR', 'CI', 'NODE_OPTIONS'])
      assert.is(env[name], undefined);
    assert.ok(env.XDG_STATE_HOME.startsWith(env.HOME));
    assert.not.ok(existsSync(env.HOME), 'the home of a run is removed');
  });
});

test('a run that does not end is killed and told', async () => {
  await program(`console.log('so far'); setInterval(() => {}, 1000)`, async (bin) => {
    const error = await cli(['slow'], {bin, timeoutMs: 500}).catch((reason: Error) => reason);
    assert.instance(error, Error);
    assert.match((error as Error).message, /rtopo slow: not done within 500 ms[\s\S]*so far/);
  });
});

test('a started run can be watched and interrupted', async () => {
  const source = `process.on('SIGINT', () => process.exit(130)); console.error('working'); setInterval(() => {}, 1000)`;
  await program(source, async (bin) => {
    const started = cliStart([], {bin});
    await started.printed(/working/);
    started.kill('SIGINT');
    assert.is((await started.done).status, 130);
    const error = await started.printed(/never/).catch((reason: Error) => reason);
    assert.match((error as Error).message, /ended without printing/);
  });
});

test('under a terminal a question is asked and answered', async () => {
  const source = `
    import {createInterface} from 'node:readline/promises';
    if (!process.stdin.isTTY || !process.stderr.isTTY) process.exit(3);
    const ask = createInterface({input: process.stdin, output: process.stderr});
    const name = await ask.question('Name? '); const sure = await ask.question('Sure? ');
    console.log(JSON.stringify([name, sure, process.stderr.columns])); ask.close(); process.exitCode = 4;`;
  const keys = [
    {when: /Name\?/, send: `alpha${enter}`},
    {when: /Sure\?/, send: `y${enter}`},
  ];
  await program(source, async (bin) => {
    const screen = await cliTty([], {bin, keys, columns: 72});
    assert.is(screen.status, 4);
    assert.match(screen.text, /Name\? alpha[\s\S]*Sure\? y[\s\S]*\["alpha","y",72\]/);
    const redirected = await cliTty([], {bin, keys, stdout: 'file'});
    assert.is(redirected.status, 4);
    assert.is(redirected.stdout, '["alpha","y",100]\n');
    assert.not.match(redirected.text, /\["alpha"/);
  });
});

const journalWriter = `
  import {closeSync, fsyncSync, openSync, renameSync, writeFileSync, writeSync} from 'node:fs';
  const fd = openSync('journal.log', 'a'); const other = openSync('other.log', 'a');
  for (let i = 1; i <= 5; i += 1) {
    writeSync(fd, 'line ' + i + '\\n'); console.log('written ' + i);
    fsyncSync(fd); console.log('synced ' + i);
    writeSync(other, 'x'); fsyncSync(other);
  }
  closeSync(fd); writeFileSync('temp', 'x'); renameSync('temp', 'journal.done'); console.log('end');`;

test('kill-at counts the operations on the files it is told about', async () => {
  await program(journalWriter, async (bin, dir) => {
    const run = await cli([], {bin, cwd: dir, env: countEnv(/journal/, join(dir, 'count.json'))});
    assert.is(run.status, 0, run.stderr);
    assert.equal(JSON.parse(readFileSync(join(dir, 'count.json'), 'utf8')), {fsync: 5, write: 5, rename: 1});
  });
});

const points = [
  ['fsync', 3, 'before', 'written 3', 'line 3', false],
  ['fsync', 3, 'after', 'written 3', 'line 3', false],
  ['write', 3, 'before', 'synced 2', 'line 2', false],
  ['write', 1, 'after', '', 'line 1', false],
  ['rename', 1, 'before', 'synced 5', 'line 5', false],
  ['rename', 1, 'after', 'synced 5', 'line 5', true],
  ['rename', 2, 'after', 'end', 'line 5', true],
] as const;

for (const [op, n, when, lastOutput, lastLine, renamed] of points) {
  test(`kill-at ${op}:${n}:${when}`, async () => {
    await program(journalWriter, async (bin, dir) => {
      const run = await cli([], {bin, cwd: dir, env: killEnv({path: /journal/, op, n, when})});
      assert.is(run.signal, lastOutput === 'end' ? null : 'SIGKILL');
      assert.is(run.stdout.trimEnd().split('\n').at(-1), lastOutput);
      assert.is(readFileSync(join(dir, 'journal.log'), 'utf8').trimEnd().split('\n').at(-1), lastLine);
      assert.is(existsSync(join(dir, 'journal.done')), renamed);
    });
  });
}

test.run();
