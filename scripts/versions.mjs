/**
 * Runs the tests between versions with servers of newer Debian releases too: `node scripts/versions.mjs [filter…]`.
 * Their packages are unpacked below node_modules/.cache, with the libraries they need, and installed nowhere: this system stays as it is.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {findProgram, prepare, root, runScript, runShown, SetupError, say} from './setup.mjs';
import {debianMirror, ensureValkey} from './valkey.mjs';

const home = join(root, 'node_modules/.cache/rtopo/versions');

/** The server is the same file as the checker of its snapshots, which the package without a service has. */
const servers = [
  {name: 'redis-8.0', release: 'trixie', package: 'redis-tools', program: 'redis-check-rdb', runsAs: 'redis-server'},
  {
    name: 'valkey-8.1',
    release: 'trixie',
    package: 'valkey-tools',
    program: 'valkey-check-rdb',
    runsAs: 'valkey-server',
  },
  {name: 'valkey-9.1', release: 'sid', package: 'valkey-tools', program: 'valkey-check-rdb', runsAs: 'valkey-server'},
];
const libraries = ['libc6', 'libjemalloc2', 'liblzf1', 'libssl3t64', 'libsystemd0', 'libatomic1', 'libstdc++6']
  .concat(['libgcc-s1', 'libcap2', 'zlib1g', 'libzstd1'])
  .map((name) => ({release: 'trixie', package: name}));

const filters = ['migration/versions', 'migration/elements', 'migration/payload', 'migration/probe'];

await runScript(() => {
  prepare();
  if (!ensureValkey()) process.env.RTOPO_TEST_WITHOUT_VALKEY = '1';
  const programs = servers.map(({name}) => join(home, name, 'server'));
  if (!programs.every(runs)) fetchAll();
  const missing = programs.filter((program) => !runs(program));
  if (missing.length > 0) throw new SetupError(`These do not run here: ${missing.join(', ')}`, `rm -r ${home}`);
  const chosen = process.argv.length > 2 ? process.argv.slice(2) : filters;
  const env = {...process.env, RTOPO_TEST_MORE_SERVERS: programs.join(',')};
  return runShown([process.execPath, join(root, 'test/run.mjs'), ...chosen], {env}) ? 0 : 1;
});

function runs(program) {
  const {status, stdout} = spawnSync(program, ['--version'], {encoding: 'utf8', timeout: 10_000});
  return status === 0 && / v=\d/.test(stdout);
}

function fetchAll() {
  if (findProgram('apt-get') === null || findProgram('dpkg-deb') === null)
    throw new SetupError('Servers of several versions are fetched on Debian and Ubuntu only.', undefined);
  const mirror = debianMirror();
  if (mirror === null) throw new SetupError('No source of Debian packages is configured here.', undefined);
  say(`Fetching servers of other Debian releases from the mirror in use, into ${home}`);
  rmSync(home, {recursive: true, force: true});
  for (const dir of ['apt/parts', 'apt/lists/partial', 'apt/cache/archives/partial', 'libraries'])
    mkdirSync(join(home, dir), {recursive: true});
  const key = mirror.signedBy === undefined ? '' : `Signed-By: ${mirror.signedBy}\n`;
  writeFileSync(
    join(home, 'apt/parts/versions.sources'),
    `Types: deb\nURIs: ${mirror.uri}\nSuites: trixie sid\nComponents: main\n${key}`,
  );
  must(apt('update', '-qq'));
  for (const wanted of libraries) unpack(wanted, join(home, 'libraries'));
  for (const server of servers) {
    unpack(server, join(home, server.name));
    writeLauncher(server);
  }
  rmSync(join(home, 'apt'), {recursive: true, force: true});
}

/** apt-get with sources, lists and cache of its own. */
function apt(...words) {
  const settings = [
    ['Dir::Etc::SourceList', '/dev/null'],
    ['Dir::Etc::SourceParts', join(home, 'apt/parts')],
    ['Dir::State::Lists', join(home, 'apt/lists')],
    ['Dir::Cache', join(home, 'apt/cache')],
    // The folder need not be open to the user that apt would download as.
    ['APT::Sandbox::User', ''],
  ];
  return ['apt-get', ...settings.flatMap(([name, value]) => ['-o', `${name}=${value}`]), ...words];
}

function must(command, options = {}) {
  if (!runShown(command, {stdio: ['ignore', 2, 2], timeout: 600_000, ...options}))
    throw new SetupError(`This failed: ${command.join(' ')}`, undefined);
}

function unpack({package: name, release}, into) {
  const dir = join(home, 'apt/packages', `${name}-${release}`);
  mkdirSync(dir, {recursive: true});
  mkdirSync(into, {recursive: true});
  must(apt('download', '-qq', `${name}/${release}`), {cwd: dir});
  for (const file of readdirSync(dir)) must(['dpkg-deb', '-x', join(dir, file), into]);
}

/** Started by the loader of its own C library; this system's may be too old for it. */
function writeLauncher({name, program, runsAs}) {
  const loader = join(home, 'libraries/usr/lib64/ld-linux-x86-64.so.2');
  const path = readdirSync(join(home, 'libraries/usr/lib'))
    .filter((dir) => dir.endsWith('-linux-gnu'))
    .map((dir) => join(home, 'libraries/usr/lib', dir));
  const found = [loader, ...path.flatMap((dir) => loaders(dir))].find((file) => existsSync(file));
  const launcher = join(home, name, 'server');
  const words = [found, '--argv0', runsAs, '--library-path', path.join(':'), join(home, name, 'usr/bin', program)];
  writeFileSync(launcher, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(launcher, 0o755);
}

function loaders(dir) {
  return readdirSync(dir)
    .filter((name) => /^ld-linux/.test(basename(name)))
    .map((name) => join(dir, name));
}
