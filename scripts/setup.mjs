/**
 * Gets a bare machine ready for `npm test` and `npm run demo`: packages, build, a server to talk to.
 * It runs before anything is installed, so it uses Node alone. It says what it does before it does it.
 */
import {spawnSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {delimiter, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Ends the script with a sentence and, when there is one, the command that mends it. */
export class SetupError extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Runs `main`; a SetupError becomes its message and exit code 1. */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`error: ${error.message}${error.remedy === undefined ? '' : `\n  ${error.remedy}`}`);
    process.exitCode = 1;
  }
}

/** Runs a command with the terminal of this script; true when it ended with 0. */
export function runShown(command, options = {}) {
  const {error, status} = spawnSync(command[0], command.slice(1), {cwd: root, stdio: 'inherit', ...options});
  return error === undefined && status === 0;
}

export function checkNode(version = process.versions.node) {
  const wanted = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  const number = (text) => text.split('.').reduce((sum, part) => sum * 1000 + Number.parseInt(part, 10), 0);
  if (number(version) >= number(wanted)) return;
  throw new SetupError(
    `rtopo needs Node.js ${wanted} or newer; this is ${version}.`,
    'See https://nodejs.org/en/download',
  );
}

/** Whether every package of the lock file that is not optional is installed in that version, and nothing in another. */
export function packagesAreCurrent(dir = root) {
  const marker = join(dir, 'node_modules/.package-lock.json');
  if (!existsSync(marker)) return false;
  const installed = JSON.parse(readFileSync(marker, 'utf8')).packages;
  const locked = JSON.parse(readFileSync(join(dir, 'package-lock.json'), 'utf8')).packages;
  return Object.entries(locked).every(([path, {version, optional, devOptional, peer}]) => {
    if (path === '') return true;
    const there = installed[path]?.version;
    return there === undefined ? optional === true || devOptional === true || peer === true : there === version;
  });
}

export function installPackages(dir = root) {
  if (packagesAreCurrent(dir)) return;
  const script = process.env.npm_execpath;
  const npm = script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund'];
  say('Installing packages: npm ci --ignore-scripts (node_modules does not match package-lock.json)');
  if (runShown([...npm, 'ci', ...quiet], {cwd: dir})) return;
  // A registry that lacks the packages of other platforms makes `ci` refuse; `install` does without them.
  say('npm ci failed. Trying: npm install --no-save --ignore-scripts');
  if (runShown([...npm, 'install', '--no-save', ...quiet], {cwd: dir})) return;
  throw new SetupError('The packages could not be installed; the messages are above.', 'npm ci --ignore-scripts');
}

/** Remembers what the last build was made of. Outside `dist`, which is published. */
const stampFile = join(root, 'node_modules/.cache/rtopo/build');

export function sourceDigest() {
  const sources = readdirSync(join(root, 'src'), {recursive: true}).map((name) => join('src', name));
  const hash = createHash('sha256');
  for (const name of [...sources, 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs'].sort()) {
    if (statSync(join(root, name)).isFile()) hash.update(`${name}\0`).update(readFileSync(join(root, name)));
  }
  return hash.digest('hex');
}

export function rememberBuild(digest) {
  mkdirSync(dirname(stampFile), {recursive: true});
  writeFileSync(stampFile, digest);
}

export function buildIsCurrent() {
  if (!existsSync(join(root, 'dist')) || !existsSync(stampFile)) return false;
  return readFileSync(stampFile, 'utf8') === sourceDigest();
}

export function buildIfStale() {
  if (buildIsCurrent()) return;
  say('Building: src/ has changed since dist/ was made');
  if (!runShown([process.execPath, join(root, 'scripts/build.mjs')])) {
    throw new SetupError('The build failed; the messages are above.', 'npm run build');
  }
}

/** The file that a shell would run for this name, or null. */
export function findProgram(name, path = process.env.PATH ?? '') {
  for (const dir of path.split(delimiter)) {
    const file = join(dir, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) return file;
    } catch {} // Not in this directory.
  }
  return null;
}

/** Per package manager: how to fetch its index, how to install, and what to put before it when we are not root. */
const managers = [
  {program: 'apt-get', refresh: ['update', '-qq'], install: ['install', '-y', '-qq', '--no-install-recommends']},
  {program: 'dnf', install: ['install', '-y', '-q']},
  {program: 'yum', install: ['install', '-y', '-q']},
  {program: 'apk', install: ['add', '--no-cache']},
  {program: 'pacman', install: ['-Sy', '--noconfirm', '--needed']},
  {program: 'brew', install: ['install'], asUser: true},
];
/** Debian starts a server on installation unless it believes that the machine is in single-user mode. */
const aptSettings = ['env', 'RUNLEVEL=1', 'DEBIAN_FRONTEND=noninteractive'];

/** An apt-get command that asks nothing and starts no server. */
export function apt(...words) {
  return [...aptSettings, 'apt-get', ...words];
}

/** What may be missing, by package manager: the first package that installs is enough. */
const wanted = {
  server: {
    title: 'redis-server (or valkey-server)',
    programs: ['redis-server', 'valkey-server'],
    packages: {
      'apt-get': ['redis-server', 'valkey-server'],
      dnf: ['redis', 'valkey'],
      yum: ['redis', 'valkey'],
      apk: ['redis', 'valkey'],
      pacman: ['valkey', 'redis'],
      brew: ['redis', 'valkey'],
    },
  },
  openssl: {
    title: 'openssl (it makes certificates for the TLS tests)',
    programs: ['openssl'],
    packages: {
      'apt-get': ['openssl'],
      dnf: ['openssl'],
      yum: ['openssl'],
      apk: ['openssl'],
      pacman: ['openssl'],
      brew: ['openssl'],
    },
  },
  strace: {
    title: 'strace (it breaks system calls in the reliability tests)',
    programs: ['strace'],
    packages: {'apt-get': ['strace'], dnf: ['strace'], yum: ['strace'], apk: ['strace'], pacman: ['strace']},
  },
  gcc: {
    title: 'gcc (it gives a server of the reliability tests a clock of its own)',
    programs: ['gcc'],
    packages: {
      'apt-get': ['gcc libc6-dev'],
      dnf: ['gcc'],
      yum: ['gcc'],
      apk: ['gcc musl-dev'],
      pacman: ['gcc'],
    },
  },
  script: {
    title: 'script (it gives the tests a terminal)',
    programs: ['script'],
    packages: {
      'apt-get': ['bsdutils'],
      dnf: ['util-linux-script', 'util-linux'],
      yum: ['util-linux'],
      apk: ['util-linux-misc'],
      pacman: ['util-linux'],
    },
  },
};

/** The commands that would install one of `packages`, or null when this system has no package manager we know. */
export function installPlan({packages, has, isRoot}) {
  const manager = managers.find(({program}) => has(program) && packages[program] !== undefined);
  if (manager === undefined) return null;
  const sudo = isRoot || manager.asUser ? [] : ['sudo', '-n'];
  const before = [...sudo, ...(manager.program === 'apt-get' ? aptSettings : [])];
  const command = (args) => [...before, manager.program, ...args];
  return {
    possible: sudo.length === 0 || has('sudo'),
    refresh: manager.refresh === undefined ? null : command(manager.refresh),
    attempts: packages[manager.program].map((names) => command([...manager.install, ...names.split(' ')])),
    /** What a person would type. */
    byHand: `${sudo.length > 0 ? 'sudo ' : ''}${manager.program} ${manager.install[0]} ${packages[manager.program][0]}`,
  };
}

/** Makes sure that one of the programs is there, through the system's package manager when it is not. */
export function ensureProgram(what) {
  const {title, programs, packages} = wanted[what];
  const find = () => programs.map((name) => findProgram(name)).find((file) => file !== null);
  const found = find();
  if (found !== undefined) return found;
  const has = (name) => findProgram(name) !== null;
  const plan = installPlan({packages, has, isRoot: process.getuid?.() === 0});
  if (plan === null) {
    throw new SetupError(`${title} is not installed, and no package manager was found to install it.`, manual(what));
  }
  if (plan.possible) {
    say(`${title} is not installed. Installing it:`);
    const steps = plan.refresh === null ? plan.attempts : [plan.refresh, ...plan.attempts];
    for (const command of steps) {
      say(`  ${command.join(' ')}`);
      // A failed refresh is no reason to give up: the index may be good enough.
      if (runShown(command, {stdio: ['ignore', 2, 2], timeout: 600_000}) && find() !== undefined) {
        if (what === 'server' && existsSync('/run/systemd/system')) {
          say(
            '  If the package has started its service and you do not want it: sudo systemctl disable --now redis-server',
          );
        }
        return find();
      }
    }
  }
  throw new SetupError(`${title} is not installed and could not be installed from here.`, plan.byHand);
}

/** The programs that placement schemes are held against: what shows that one is there, and Debian's package for it. */
const clients = [
  {title: "twemproxy's nutcracker", probe: ['nutcracker', '-V'], package: 'nutcracker'},
  {title: 'PHP', probe: ['php', '-v'], package: 'php-cli'},
  {title: 'phpredis', probe: ['php', '-r', 'exit(class_exists("RedisArray") ? 0 : 1);'], package: 'php-redis'},
  {title: 'Predis', probe: ['php', '-r', 'exit((@include "Predis/autoload.php") ? 0 : 1);'], package: 'php-predis'},
  {title: 'redis-rb', probe: ['ruby', '-e', 'require "redis/distributed"'], package: 'ruby-redis'},
];

/**
 * Makes sure that the clients are there. Elsewhere than on Debian nobody packages all of them: then the tests that need them are
 * left out, and this says so. Returns whether all are there.
 */
export function ensureClients() {
  const missing = () =>
    clients.filter(({probe}) => spawnSync(probe[0], probe.slice(1), {stdio: 'ignore', timeout: 30_000}).status !== 0);
  const wantedNow = missing();
  if (wantedNow.length === 0) return true;
  const titles = (list) => list.map(({title}) => title).join(', ');
  if (findProgram('apt-get') === null) {
    say(`Left out: the tests against ${titles(wantedNow)}, which are installed on Debian and Ubuntu only.`);
    return false;
  }
  const packages = wantedNow.map((one) => one.package);
  say(`Not installed: ${titles(wantedNow)}. The placement tests need them. Installing:`);
  const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  for (const words of [managers[0].refresh, [...managers[0].install, ...packages]]) {
    const command = [...sudo, ...aptSettings, 'apt-get', ...words];
    say(`  ${command.join(' ')}`);
    runShown(command, {stdio: ['ignore', 2, 2], timeout: 600_000});
  }
  const still = missing();
  if (still.length === 0) return true;
  throw new SetupError(
    `${titles(still)} could not be installed from here.`,
    `sudo apt-get install ${still.map((one) => one.package).join(' ')}`,
  );
}

function manual(what) {
  if (what === 'server')
    return 'Install it from https://redis.io/docs/latest/operate/oss_and_stack/install/ and have it on PATH';
  return 'Install the package util-linux';
}

/** A server named by `RTOPO_TEST_SERVER`, else one on PATH, installed when there is none. */
export function ensureServer() {
  const named = process.env.RTOPO_TEST_SERVER;
  if (named === undefined) return ensureProgram('server');
  if (findProgram(named) !== null || existsSync(named)) return named;
  throw new SetupError(`RTOPO_TEST_SERVER names ${named}, which is not there.`, 'unset RTOPO_TEST_SERVER');
}

/** Everything that the demo needs, in order. Nothing is done, and nothing said, when all is there. */
export function prepare() {
  checkNode();
  installPackages();
  ensureServer();
  buildIfStale();
}
