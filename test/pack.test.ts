/** The package as a user installs it: what is inside, what is not, and that the installed binary works. */
import {execFileSync, spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {repositoryRoot} from './rig/cli.js';

const test = suite('pack');

function packed<T>(use: (folder: string, files: readonly string[]) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'rtopo-pack-'));
  try {
    // The compiled tree and the manifest are made by the caller: here only the archive is, without running prepack a second time.
    const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [{filename, files}] = JSON.parse(output) as [{filename: string; files: {path: string}[]}];
    execFileSync('tar', ['-xzf', join(folder, filename), '-C', folder]);
    return use(
      join(folder, 'package'),
      files.map(({path}) => path),
    );
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

test('ships the compiled tree, the manifest and the schema, and neither tests nor sources nor install scripts', () => {
  const withdraw = provideManifest();
  try {
    packed((folder, files) => {
      for (const needed of [
        'bin/run.js',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli/main.js',
        'oclif.manifest.json',
        'schema/rtopo.schema.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'package.json',
      ]) {
        assert.ok(files.includes(needed), `${needed} is missing`);
      }
      const strays = files.filter(
        (path) => /^(src|test|bench|scripts|\.ci)\//.test(path) || (/\.ts$/.test(path) && !/\.d\.ts$/.test(path)),
      );
      assert.equal(strays, []);
      const {scripts} = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        scripts: Record<string, string>;
      };
      for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) assert.not(hook in scripts, hook);
      const manifest = JSON.parse(readFileSync(join(folder, 'oclif.manifest.json'), 'utf8')) as {
        commands: Record<string, unknown>;
      };
      assert.equal(Object.keys(manifest.commands).sort(), commandIds());
    });
  } finally {
    withdraw();
  }
});

/** The manifest that goes into the package; taken away again unless it was there, for in a work tree it hides commands added later. */
function provideManifest(): () => void {
  const path = join(repositoryRoot, 'oclif.manifest.json');
  if (existsSync(path)) return () => undefined;
  execFileSync(process.execPath, ['scripts/manifest.mjs'], {cwd: repositoryRoot, stdio: 'ignore'});
  return () => rmSync(path, {force: true});
}

/** Every file below src/commands is a command: a manifest that lacks one makes it "not found". */
function commandIds(): string[] {
  return readdirSync(join(repositoryRoot, 'src/commands'), {recursive: true, encoding: 'utf8'})
    .filter((name) => name.endsWith('.ts'))
    .map((name) =>
      name
        .replace(/\.ts$/, '')
        .replace(/\/index$/, '')
        .replaceAll('/', ':'),
    )
    .sort();
}

/** npm carries the Node binaries themselves: this machine's own version, and the two that follow it. */
function nodes(folder: string): readonly string[] {
  const binary = `node-${process.platform}-${process.arch}`;
  const wanted = [20, 22, 24].map((major) => `node-${major}@npm:${binary}@${major}`);
  npm(['install', '--prefix', folder, '--ignore-scripts', '--no-save', ...wanted], folder);
  return [20, 22, 24].map((major) => join(folder, 'node_modules', `node-${major}`, 'bin/node'));
}

function npm(args: readonly string[], cwd: string): string {
  return execFileSync('npm', [...args, '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('installed globally, `rtopo` works under Node 20, 22 and 24', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rtopo-global-'));
  const withdraw = provideManifest();
  try {
    const [{filename}] = JSON.parse(
      npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], repositoryRoot),
    ) as [{filename: string}];
    const log = npm(['install', '--global', '--prefix', folder, '--ignore-scripts', join(folder, filename)], folder);
    assert.not.match(log, /EBADENGINE/);
    writeFileSync(
      join(folder, 'rtopo.yml'),
      'version: 1\nname: x\nplacement: {scheme: slots}\nshards:\n  - {name: a, master: "127.0.0.1:7000"}\n  - {name: b, master: "127.0.0.1:7001"}\n',
    );
    const bin = join(folder, 'bin/rtopo');
    assert.match(execFileSync(bin, ['--version'], {encoding: 'utf8'}), /^rtopo\/\d/);
    for (const node of nodes(folder)) {
      const run = (...args: string[]) => spawnSync(node, [bin, ...args], {encoding: 'utf8', cwd: folder});
      assert.match(run('--version').stdout, /node-v2[024]\./, node);
      const located = run('locate', 'user:42');
      assert.equal([located.status, located.stdout, located.stderr], [0, 'user:42\tb\t127.0.0.1:7001\n', ''], node);
      // The control and the table libraries are loaded too; nobody listens on these ports.
      const status = run('status', '--timeout', '2s');
      assert.is(status.status, 5, `${node}: ${status.stderr}`);
      assert.is(status.stderr, '', node);
    }
  } finally {
    withdraw();
    rmSync(folder, {recursive: true, force: true});
  }
});

test.run();
