import {execFileSync} from 'node:child_process';
import {chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {loadTopology} from '../../src/topology/load.js';
import {rejectionOf} from './failure.js';

const test = suite<{folder: string}>('topology/load');

const FILE = 'version: 1\nname: x\ntls: {ca: ca.pem}\nshards: [{name: a, master: "h:1"}]\n';
const named = (name: string) => FILE.replace('name: x', `name: ${name}`);

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'rtopo-load-'));
});
test.after.each((context) => {
  rmSync(context.folder, {recursive: true, force: true});
});

test('the explicit file wins over RTOPO_TOPOLOGY, which wins over the search', async ({folder}) => {
  for (const name of ['explicit', 'variable']) {
    writeFileSync(join(folder, `${name}.yml`), named(name));
  }
  writeFileSync(join(folder, 'rtopo.yml'), named('found'));
  const env = {RTOPO_TOPOLOGY: 'variable.yml'};
  const explicit = await loadTopology({file: 'explicit.yml', env, cwd: folder});
  assert.is(explicit.topology.name, 'explicit');
  assert.is(explicit.file, 'explicit.yml');
  assert.is(explicit.path, join(folder, 'explicit.yml'));
  assert.is((await loadTopology({env, cwd: folder})).topology.name, 'variable');
  const found = await loadTopology({env: {RTOPO_TOPOLOGY: ''}, cwd: folder});
  assert.is(found.topology.name, 'found');
  assert.is(found.file, 'rtopo.yml');
  assert.is(found.text, named('found'));
});

test('the search goes upwards, and paths in the file start where the file is', async ({folder}) => {
  const deep = join(folder, 'a', 'b');
  mkdirSync(deep, {recursive: true});
  writeFileSync(join(folder, 'rtopo.yml'), FILE);
  const source = await loadTopology({env: {}, cwd: deep});
  assert.is(source.file, '../../rtopo.yml');
  assert.is(source.path, join(folder, 'rtopo.yml'));
  assert.is(source.topology.shards[0]?.master.tls?.ca, join(folder, 'ca.pem'));
  mkdirSync(join(deep, 'rtopo.yml'));
  const error = await rejectionOf(loadTopology({env: {}, cwd: deep}));
  assert.is(error.message, 'The topology rtopo.yml is a folder.');
});

test('- and /dev/stdin are standard input; relative paths start at the working directory', async ({folder}) => {
  for (const file of ['-', '/dev/stdin']) {
    const source = await loadTopology({file, env: {}, cwd: folder, stdin: async () => FILE});
    assert.is(source.file, '<stdin>');
    assert.is(source.path, null);
    assert.is(source.topology.shards[0]?.master.tls?.ca, resolve(folder, 'ca.pem'));
  }
  const bad = await rejectionOf(loadTopology({file: '-', env: {}, cwd: folder, stdin: async () => 'x'}));
  assert.match(bad.message, /^<stdin>:1:1: /);
  assert.is((await rejectionOf(loadTopology({file: '-', env: {}, cwd: folder}))).exit, 64);
});

test('nothing found: exit 78, and what to do', async ({folder}) => {
  const error = await rejectionOf(loadTopology({env: {}, cwd: folder}));
  assert.is(error.code, 'TOPOLOGY_NOT_FOUND');
  assert.is(error.exit, 78);
  assert.is(error.message, `No rtopo.yml in ${folder} or in a folder above it.`);
  assert.match(error.remedy!, '--topology FILE');
  assert.match(error.remedy!, 'rtopo sandbox up');
  writeFileSync(join(folder, 'rtopo.yaml'), FILE);
  assert.match((await rejectionOf(loadTopology({env: {}, cwd: folder}))).message, 'There is a rtopo.yaml');
});

test('a named file that is missing is not searched for elsewhere', async ({folder}) => {
  writeFileSync(join(folder, 'rtopo.yml'), FILE);
  const explicit = await rejectionOf(loadTopology({file: 'none.yml', env: {}, cwd: folder}));
  assert.is(explicit.code, 'TOPOLOGY_NOT_FOUND');
  assert.is(explicit.message, 'There is no topology file none.yml.');
  const variable = await rejectionOf(loadTopology({env: {RTOPO_TOPOLOGY: 'rtopo.yml/none'}, cwd: folder}));
  assert.is(variable.message, 'There is no topology file rtopo.yml/none (from RTOPO_TOPOLOGY).');
});

test('a folder, a pipe without writer, a device, a huge file: refused at once', async ({folder}) => {
  mkdirSync(join(folder, 'd'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  writeFileSync(join(folder, 'huge'), 'x'.repeat(1_048_577));
  const cases: [string, string][] = [
    ['d', 'The topology d is a folder.'],
    ['pipe', 'The topology pipe is a named pipe.'],
    ['/dev/zero', 'The topology /dev/zero is not a regular file.'],
    ['huge', 'The topology huge is larger than 1 MB, which no topology is.'],
  ];
  for (const [file, message] of cases) {
    const error = await rejectionOf(loadTopology({file, env: {}, cwd: folder}));
    assert.is(error.message, message);
    assert.is(error.code, 'TOPOLOGY_UNREADABLE');
    assert.is(error.exit, 78);
  }
});

test('a file that cannot be read', async ({folder}) => {
  symlinkSync('loop', join(folder, 'loop'));
  const error = await rejectionOf(loadTopology({file: 'loop', env: {}, cwd: folder}));
  assert.is(error.message, 'The topology loop cannot be opened: ELOOP.');
});

test('not UTF-8: says where', async ({folder}) => {
  writeFileSync(join(folder, 'latin1.yml'), Buffer.from('version: 1\nname: b\xfccher\n', 'latin1'));
  const error = await rejectionOf(loadTopology({file: 'latin1.yml', env: {}, cwd: folder}));
  assert.is(error.message, 'latin1.yml:2:8: This is not UTF-8 text.');
  assert.is(error.code, 'TOPOLOGY_INVALID');
  writeFileSync(join(folder, 'utf16.yml'), Buffer.from(`\ufeff${FILE}`, 'utf16le'));
  assert.is(
    (await rejectionOf(loadTopology({file: 'utf16.yml', env: {}, cwd: folder}))).message,
    'utf16.yml:1:1: This is not UTF-8 text.',
  );
});

test('the text is what stands in the file, byte order mark included', async ({folder}) => {
  const text = `\ufeff${FILE.replaceAll('\n', '\r\n')}`;
  writeFileSync(join(folder, 'rtopo.yml'), text);
  assert.is((await loadTopology({env: {}, cwd: folder})).text, text);
});

test('a found file that anybody may have written is not used; a named one is', async ({folder}) => {
  const path = join(folder, 'rtopo.yml');
  writeFileSync(path, FILE);
  chmodSync(path, 0o666);
  const error = await rejectionOf(loadTopology({env: {}, cwd: folder}));
  assert.is(error.code, 'TOPOLOGY_UNTRUSTED');
  assert.is(error.exit, 78);
  assert.is((await loadTopology({file: path, env: {}, cwd: folder})).topology.name, 'x');
  chmodSync(path, 0o644);
  chmodSync(folder, 0o777);
  assert.is((await loadTopology({env: {}, cwd: folder})).topology.name, 'x', 'our own file in an open folder');
});

/** Runs in a process of its own, whose descriptor 3 is a pipe: what `--topology <(command)` becomes. */
function loadFromPipe(folder: string, command: string, pipeTimeoutMs: number): string {
  const script = join(folder, 'load.ts');
  writeFileSync(
    script,
    `import {loadTopology} from ${JSON.stringify(resolve('src/topology/load.ts'))};
     loadTopology({file: '/dev/fd/3', env: {}, cwd: '/', pipeTimeoutMs: ${pipeTimeoutMs}}).then(
       (source) => console.log(\`\${source.topology.name} \${source.path}\`),
       (error) => console.log(error.message),
     );`,
  );
  // The writer closes its stderr, else we would wait for it; it is ended with the shell.
  const shell = `exec 3< <(exec ${command} 2>&-); ${process.execPath} --import tsx ${script}; kill $! 2>/dev/null || true`;
  return execFileSync('bash', ['-c', shell], {encoding: 'utf8', timeout: 30_000}).trim();
}

test('process substitution works, and a pipe that stays silent does not hang', ({folder}) => {
  writeFileSync(join(folder, 'x.yml'), named('piped'));
  assert.is(loadFromPipe(folder, `cat ${join(folder, 'x.yml')}`, 10_000), 'piped null');
  assert.is(loadFromPipe(folder, 'sleep 60', 300), 'The pipe /dev/fd/3 delivered nothing for 300 ms.');
});

test.run();
