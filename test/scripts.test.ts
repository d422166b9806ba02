/** What runs before anything is installed: said before it is done, and an error names the command that mends it. */
import {spawnSync} from 'node:child_process';
import {chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {repositoryRoot} from './rig/cli.js';
import {makeDir, removeDir} from './rig/processes.js';

const test = suite('scripts');

interface Setup {
  checkNode(version: string): void;
  packagesAreCurrent(dir: string): boolean;
  installPlan(given: {
    packages: Record<string, string[]>;
    has(name: string): boolean;
    isRoot: boolean;
  }): {possible: boolean; refresh: string[] | null; attempts: string[][]; byHand: string} | null;
}
const setupFile = join(repositoryRoot, 'scripts/setup.mjs');
const setup = (await import(setupFile)) as Setup;

function inDir(body: (dir: string) => void): void {
  const dir = makeDir();
  try {
    body(dir);
  } finally {
    removeDir(dir);
  }
}

test('an old Node is refused with both versions', () => {
  assert.throws(() => setup.checkNode('18.20.4'), /needs Node\.js 20\.15\.0 or newer; this is 18\.20\.4/);
  assert.throws(() => setup.checkNode('20.14.9'), /20\.14\.9/);
  for (const version of ['20.15.0', '20.20.2', '21.0.0', '24.1.0']) setup.checkNode(version);
});

test('packages are current when what is locked is what is installed', () => {
  const locked = {
    '': {},
    'node_modules/a': {version: '1.0.0'},
    'node_modules/other-platform': {version: '1.0.0', optional: true},
  };
  const cases: [boolean, Record<string, {version: string}> | null][] = [
    [true, {'node_modules/a': {version: '1.0.0'}}],
    [true, {'node_modules/a': {version: '1.0.0'}, 'node_modules/other-platform': {version: '1.0.0'}}],
    [false, {'node_modules/a': {version: '1.0.1'}}],
    [false, {}],
    [false, {'node_modules/a': {version: '1.0.0'}, 'node_modules/other-platform': {version: '0.9.0'}}],
    [false, null],
  ];
  for (const [current, installed] of cases) {
    inDir((dir) => {
      mkdirSync(join(dir, 'node_modules'));
      writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({packages: locked}));
      const marker = join(dir, 'node_modules/.package-lock.json');
      if (installed !== null) writeFileSync(marker, JSON.stringify({packages: installed}));
      assert.is(setup.packagesAreCurrent(dir), current, JSON.stringify(installed));
    });
  }
});

test('packages are installed by npm ci, else by npm install; what is done is said first', () => {
  inDir((dir) => {
    writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({packages: {'node_modules/a': {version: '1.0.0'}}}));
    const install = (npm: string) => {
      writeFileSync(
        join(dir, 'npm.js'),
        `const [verb] = process.argv.slice(2); console.error('ran ' + process.argv.slice(2).join(' ')); ${npm}`,
      );
      const code = `import(${JSON.stringify(setupFile)}).then((s) => s.runScript(() => s.installPackages(${JSON.stringify(dir)})))`;
      const env = {...process.env, npm_execpath: join(dir, 'npm.js')};
      return spawnSync(process.execPath, ['-e', code], {encoding: 'utf8', env, timeout: 20_000});
    };
    const good = install('');
    assert.is(good.status, 0);
    assert.match(
      good.stderr,
      /^Installing packages: npm ci --ignore-scripts .*\nran ci --ignore-scripts --no-audit --no-fund\n$/,
    );
    const second = install("if (verb === 'ci') process.exitCode = 1;");
    assert.is(second.status, 0);
    assert.match(second.stderr, /npm ci failed\. Trying: npm install .*\nran install --no-save --ignore-scripts/);
    const bad = install('process.exitCode = 1;');
    assert.is(bad.status, 1);
    assert.match(bad.stderr, /error: The packages could not be installed/);
  });
});

const packages = {'apt-get': ['redis-server', 'valkey-server'], dnf: ['redis'], apk: ['redis'], brew: ['redis']};
const quietApt = 'env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get';
const plans: [string[], boolean, string[], string][] = [
  [
    ['apt-get'],
    true,
    [
      `${quietApt} update -qq`,
      `${quietApt} install -y -qq --no-install-recommends redis-server`,
      `${quietApt} install -y -qq --no-install-recommends valkey-server`,
    ],
    'apt-get install redis-server',
  ],
  [['dnf', 'yum', 'sudo'], false, ['sudo -n dnf install -y -q redis'], 'sudo dnf install redis'],
  [['apk'], true, ['apk add --no-cache redis'], 'apk add redis'],
  [['brew'], false, ['brew install redis'], 'brew install redis'],
];

for (const [programs, isRoot, commands, byHand] of plans) {
  test(`install plan with ${programs.join(', ')}${isRoot ? ' as root' : ''}`, () => {
    const plan = setup.installPlan({packages, isRoot, has: (name) => programs.includes(name)});
    const steps = plan!.refresh === null ? plan!.attempts : [plan!.refresh, ...plan!.attempts];
    assert.equal(
      steps.map((step) => step.join(' ')),
      commands,
    );
    assert.is(plan!.possible, true);
    assert.is(plan!.byHand, byHand);
  });
}

test('no install plan without a package manager; none that is possible without root and sudo', () => {
  assert.is(setup.installPlan({packages, isRoot: true, has: () => false}), null);
  assert.is(setup.installPlan({packages, isRoot: false, has: (name) => name === 'apt-get'})!.possible, false);
});

/** Runs `ensureServer` where only these programs exist; their bodies are shell lines. */
function ensureServer(dir: string, programs: Record<string, string>): {status: number | null; stderr: string} {
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  symlinkSync('/usr/bin/env', join(dir, 'env'));
  const code = `import(${JSON.stringify(setupFile)}).then((s) => s.runScript(() => {console.log(s.ensureServer())}))`;
  return spawnSync(process.execPath, ['-e', code], {encoding: 'utf8', env: {PATH: dir}, timeout: 20_000});
}

test('a server that is there is used, and nothing is said', () => {
  inDir((dir) => {
    const run = ensureServer(dir, {'valkey-server': ''});
    assert.is(run.status, 0);
    assert.is(run.stderr, '');
  });
});

test('a missing server is installed, and each command is said before it runs', () => {
  inDir((dir) => {
    const sudo = 'shift; exec "$@"';
    const apt = `echo "ran: $RUNLEVEL $*"; case "$*" in
      *" redis-server") exit 100;; *" valkey-server") /usr/bin/touch ${dir}/valkey-server; /bin/chmod +x ${dir}/valkey-server;; esac`;
    const {status, stderr} = ensureServer(dir, {'apt-get': apt, sudo});
    assert.is(status, 0, stderr);
    assert.match(
      stderr,
      /not installed\. Installing it:\n {2}(sudo -n )?env RUNLEVEL=1 .* update -qq\nran: 1 update -qq\n/,
    );
    assert.match(
      stderr,
      / redis-server\nran: 1 install .* redis-server\n.* valkey-server\nran: 1 install .* valkey-server\n/,
    );
  });
});

test('a server that cannot be installed is an error with the command to type', () => {
  inDir((dir) => {
    const {status, stderr} = ensureServer(dir, {dnf: 'exit 1', sudo: 'exit 1'});
    assert.is(status, 1);
    assert.match(
      stderr,
      /error: redis-server \(or valkey-server\) is not installed.*\n {2}(sudo )?dnf install redis\n$/,
    );
  });
  inDir((dir) => {
    const {status, stderr} = ensureServer(dir, {});
    assert.is(status, 1);
    assert.match(stderr, /no package manager was found[\s\S]*https:\/\//);
  });
});

interface Valkey {
  backportsSource(
    osRelease: string,
    sources: {readonly name: string; readonly text: string}[],
  ): {path: string; text: string} | null;
}
const {backportsSource} = (await import(join(repositoryRoot, 'scripts/valkey.mjs'))) as Valkey;

const bookworm = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n';
const mirror = 'http://mirror.example/debian';

test('backports are enabled from the mirror, and with the key, that the sources name', () => {
  const deb822 = `# a comment\nTypes: deb-src\nURIs: http://src.example/\nSuites: bookworm\n\nTypes: deb\nEnabled: no\nURIs: http://off.example/
Suites: bookworm\n\nTypes: deb\n# a snapshot\nURIs: ${mirror} http://second.example/\nSuites: bookworm-updates bookworm\nComponents: main
Signed-By: /usr/share/keyrings/some.gpg\n\nTypes: deb\nURIs: http://security.example/\nSuites: bookworm-security\n`;
  const oneLine = `# deb http://off.example/ bookworm main
deb-src http://src.example/ bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/some.gpg] ${mirror} bookworm main contrib\n`;
  for (const source of [
    {name: 'sources.list.d/debian.sources', text: deb822},
    {name: 'sources.list', text: oneLine},
  ]) {
    const found = backportsSource(bookworm, [{name: 'sources.list', text: ''}, source]);
    assert.is(found!.path, '/etc/apt/sources.list.d/rtopo-bookworm-backports.sources');
    assert.is(
      found!.text.slice(found!.text.indexOf('\n') + 1),
      `Types: deb\nURIs: ${mirror}\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/some.gpg\n`,
    );
  }
});

test('no backports on another system, or where no source names its release', () => {
  const sources = [{name: 'sources.list', text: `deb ${mirror} bookworm main\n`}];
  assert.ok(backportsSource(bookworm, sources));
  assert.is(backportsSource('VERSION_CODENAME=noble\nID=ubuntu\n', sources), null);
  assert.is(backportsSource('ID=debian\n', sources), null);
  assert.is(backportsSource(bookworm.replaceAll('bookworm', 'trixie'), sources), null);
  assert.is(backportsSource(bookworm, []), null);
});

test('without valkey-server, and without a way to get it, the tests that are left out are named', () => {
  inDir((dir) => {
    const code = `import(${JSON.stringify(join(repositoryRoot, 'scripts/valkey.mjs'))}).then((v) => console.log(v.ensureValkey()))`;
    const run = spawnSync(process.execPath, ['-e', code], {encoding: 'utf8', env: {PATH: dir}, timeout: 20_000});
    assert.is(run.stdout, 'false\n', run.stderr);
    assert.match(run.stderr, /^skipped: the tests between Redis and Valkey, because valkey-server is not there: /);
  });
});

/** A small project with these scripts and these sources, and the real packages. */
function project(dir: string, sources: Record<string, string>): void {
  cpSync(join(repositoryRoot, 'scripts'), join(dir, 'scripts'), {recursive: true});
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json']) {
    cpSync(join(repositoryRoot, name), join(dir, name));
  }
  mkdirSync(join(dir, 'node_modules'));
  for (const name of readdirSync(join(repositoryRoot, 'node_modules'))) {
    if (name !== '.cache') symlinkSync(join(repositoryRoot, 'node_modules', name), join(dir, 'node_modules', name));
  }
  for (const [name, text] of Object.entries(sources)) {
    mkdirSync(join(dir, name, '..'), {recursive: true});
    writeFileSync(join(dir, name), text);
  }
}

function node(dir: string, ...args: string[]): {status: number | null; stdout: string; stderr: string} {
  return spawnSync(process.execPath, args, {cwd: dir, encoding: 'utf8', timeout: 60_000});
}

test('build replaces dist, forgets old files and the manifest, and knows when it is stale', () => {
  inDir((dir) => {
    project(dir, {'src/index.ts': 'export const a = 1;\n', 'dist/old.js': '', 'oclif.manifest.json': '{}'});
    const current = () => node(dir, '-e', "import('./scripts/setup.mjs').then((s) => console.log(s.buildIsCurrent()))");
    assert.is(current().stdout, 'false\n');
    const built = node(dir, 'scripts/build.mjs');
    assert.is(built.status, 0, built.stderr);
    assert.equal(readdirSync(join(dir, 'dist')).sort(), ['index.d.ts', 'index.js']);
    assert.not.ok(existsSync(join(dir, 'oclif.manifest.json')));
    assert.is(current().stdout, 'true\n');
    writeFileSync(join(dir, 'src/index.ts'), 'export const a: string = 1;\n');
    assert.is(current().stdout, 'false\n');
    const failed = node(dir, 'scripts/build.mjs');
    assert.is(failed.status, 1);
    assert.match(failed.stdout + failed.stderr, /src\/index\.ts[\s\S]*not assignable[\s\S]*do not compile/);
    assert.match(readFileSync(join(dir, 'dist/index.js'), 'utf8'), /a = 1/);
  });
});

test('the manifest names the commands, their flags included; without any it fails', () => {
  inDir((dir) => {
    const command = `import {Command, Flags} from '@oclif/core';
      export default class Hello extends Command {
        static description = 'says hello';
        static flags = {loud: Flags.boolean()};
        async run() {}
      }`;
    project(dir, {'dist/commands/rebalance/hello.js': command});
    const run = node(dir, 'scripts/manifest.mjs');
    assert.is(run.status, 0, run.stderr);
    const manifest = JSON.parse(readFileSync(join(dir, 'oclif.manifest.json'), 'utf8'));
    assert.equal(Object.keys(manifest.commands), ['rebalance:hello']);
    assert.ok(manifest.commands['rebalance:hello'].flags.loud);
    assert.is(manifest.version, JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')).version);
  });
  inDir((dir) => {
    project(dir, {'src/a.ts': ''});
    const run = node(dir, 'scripts/manifest.mjs');
    assert.is(run.status, 1);
    assert.match(run.stderr, /no dist\/commands yet\.\n {2}npm run build/);
  });
});

test.run();
