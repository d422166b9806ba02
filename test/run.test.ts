/** The runner turns every false green of uvu red. Each case is a fixture of its own, run by the real runner. */
import {spawnSync} from 'node:child_process';
import {mkdirSync, symlinkSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {repositoryRoot} from './rig/cli.js';
import {makeDir, removeDir} from './rig/processes.js';

const test = suite('run');

interface Ran {
  readonly status: number | null;
  readonly output: string;
  readonly last: string;
}

const good = `test('one', () => {}); test('two', () => {}); test.run();`;

/** Runs the runner over these files; each body comes after `const test = suite('name')`. */
function run(bodies: Readonly<Record<string, string>>, args: readonly string[] = []): Ran {
  const dir = makeDir();
  try {
    symlinkSync(join(repositoryRoot, 'node_modules'), join(dir, 'node_modules'));
    writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
    for (const [name, body] of Object.entries(bodies)) {
      mkdirSync(dirname(join(dir, name)), {recursive: true});
      writeFileSync(join(dir, name), `import {suite} from 'uvu';\nconst test = suite('${name}');\n${body}\n`);
    }
    const runner = join(repositoryRoot, 'test/run.mjs');
    const command = [runner, '--dir', dir, '--timeout', '20', ...args];
    const child = spawnSync(process.execPath, command, {encoding: 'utf8', timeout: 60_000});
    const output = child.stdout + child.stderr;
    return {status: child.status, output, last: child.stdout.trimEnd().split('\n').at(-1)!};
  } finally {
    removeDir(dir);
  }
}

const hang = `import {createServer} from 'node:net'; test('one', () => { createServer().listen(0); });
  test('two', () => {}); test.run();`;
const leaver = `import {spawn} from 'node:child_process'; import {tmpdir} from 'node:os';
  test('one', () => { spawn('sleep', ['300'], {cwd: tmpdir(), detached: DETACHED, stdio: 'ignore'}).unref(); }); test.run();`;

/** name, body, what is said, last line */
const falseGreens: readonly [string, string, RegExp, string][] = [
  ['before throws', `test.before(() => {throw new Error('x')}); ${good}`, /\(0 \/ 2\)/, '2 passed, 2 failed'],
  [
    'after.each throws',
    `test.after.each(() => {throw new Error('x')}); test('one', () => {throw new Error('y')}); test.run();`,
    /\(0 \/ 1\)/,
    '2 passed, 1 failed',
  ],
  ['a test throws text', `test('zero', () => {throw 'text'}); ${good}`, /\(0 \/ 3\)/, '2 passed, 3 failed'],
  ['a test throws null', `test('zero', () => {throw null}); ${good}`, /\(0 \/ 3\)/, '2 passed, 3 failed'],
  ['run() is forgotten', `test('one', () => {});`, /bad\.test\.ts: no suite ran/, '2 passed, 1 failed'],
  ['a suite is empty', 'test.run();', /bad\.test\.ts: a suite without tests/, '2 passed, 1 failed'],
  ['.only is left in', `test.only('zero', () => {});\n ${good}`, /\.only hides tests/, '3 passed, 1 failed'],
  [
    'top-level await rejects',
    `await Promise.reject(new Error('no server')); ${good}`,
    /no server/,
    '0 passed, 4 failed',
  ],
  [
    'the process leaves early',
    `test('one', () => process.exit(0)); test.run();`,
    /ended before its/,
    '2 passed, 3 failed',
  ],
  ['a test fails', `test('one', () => {throw new Error('x')}); test.run();`, /FAIL/, '2 passed, 1 failed'],
  ['a process is left', leaver.replace('DETACHED', 'false'), /left running: sleep 300/, '3 passed, 1 failed'],
  ['a detached process is left', leaver.replace('DETACHED', 'true'), /left running: sleep 300/, '3 passed, 1 failed'],
];

for (const [name, body, says, last] of falseGreens) {
  test(`red: ${name}`, () => {
    const ran = run({'a-good.test.ts': good, 'bad.test.ts': body}, ['--workers', '1']);
    assert.match(ran.output, says);
    assert.is(ran.last, last, ran.output);
    assert.is(ran.status, 1);
  });
}

test('red: a socket is left open, and the run ends in time', () => {
  const ran = run({'a-good.test.ts': good, 'bad.test.ts': hang}, ['--workers', '1', '--timeout', '3']);
  assert.match(ran.output, /not done within 3 s, in or after bad\.test\.ts/);
  assert.is(ran.last, '4 passed, 1 failed');
  assert.is(ran.status, 1);
});

test('red: nothing matches the filter', () => {
  const ran = run({'a.test.ts': good}, ['no-such-file']);
  assert.match(ran.output, /no test file in .* matches no-such-file/);
  assert.is(ran.last, '0 passed, 1 failed');
  assert.is(ran.status, 1);
});

test('red: something failed before the tests', () => {
  const ran = run({'a.test.ts': good}, ['--failed', 'biome check']);
  assert.match(ran.output, /FAULT biome check failed/);
  assert.is(ran.last, '2 passed, 1 failed');
  assert.is(ran.status, 1);
});

test('green: two workers share the files, each file runs once', () => {
  const names = ['a.test.ts', 'b.test.ts', 'deep/c.test.ts', 'deep/d+(1).test.ts', 'e.test.ts'];
  const ran = run(Object.fromEntries(names.map((name) => [name, good])));
  for (const name of names) assert.is(ran.output.split('\n').filter((line) => line === name).length, 1, name);
  assert.is(ran.last, '10 passed, 0 failed');
  assert.is(ran.status, 0, ran.output);
});

test('green: a filter picks files by a part of their path', () => {
  const files = {'a.test.ts': good, 'deep/b.test.ts': good, 'deep/helper.ts': 'throw new Error()'};
  assert.is(run(files, ['deep/']).last, '2 passed, 0 failed');
  assert.is(run(files, ['test/a', 'deep']).last, '4 passed, 0 failed');
});

test('a part of the files once more, with another server under test: its failures count', () => {
  const body = `test('one', () => {if (process.env.RTOPO_TEST_SERVER === 'other') throw new Error('no')}); test.run();`;
  const ran = run({'a.test.ts': good, 'deep/b.test.ts': body}, ['--again', 'other=deep/']);
  assert.match(ran.output, /Once more, with other/);
  assert.is(ran.last, '3 passed, 1 failed');
  assert.is(ran.status, 1);
  const lost = run({'a.test.ts': good}, ['--again', 'other=nowhere/']);
  assert.match(lost.output, /no test file in .* matches nowhere/);
  assert.is(lost.last, '2 passed, 1 failed');
});

test('two files of which one fails: the other still counts', () => {
  const ran = run({'a.test.ts': good, 'b.test.ts': `${good} test('x', () => {throw new Error('no')}); test.run();`});
  assert.is(ran.last, '4 passed, 1 failed');
});

test.run();
