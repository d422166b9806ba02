/**
 * Gets valkey-server, which the tests between versions hold against redis-server. Debian 12 has it in its backports, which are then
 * enabled from the mirror that the system already uses. It says what it does before it does it; where it cannot be had, the tests that
 * need it are skipped, and that is said too.
 */
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {apt, findProgram, runShown, say} from './setup.mjs';

const program = 'valkey-server';

/** Whether valkey-server is there, after having tried to install it. Never an error: only the tests between versions need it. */
export function ensureValkey() {
  const isThere = () => findProgram(program) !== null;
  if (isThere()) return true;
  if (findProgram('apt-get') === null) return leftOut('it is installed on Debian and Ubuntu only');
  if (process.getuid?.() !== 0 && findProgram('sudo') === null) return leftOut('that takes root or sudo');
  say(`${program} is not installed. The tests between versions need it. Installing it:`);
  const run = (words, timeoutMs = 600_000) => {
    const command = [...sudo(), ...words];
    say(`  ${command.join(' ')}`);
    return runShown(command, {stdio: ['ignore', 2, 2], timeout: timeoutMs});
  };
  const install = () => run(apt('install', '-y', '-qq', '--no-install-recommends', program)) && isThere();
  run(apt('update', '-qq'));
  if (install()) return true;
  const source = backportsSource(readText('/etc/os-release') ?? '', aptSources());
  if (source === null) return leftOut('this release of the system does not have it, and no Debian backports fit it');
  say(`  This release has it in its backports. Enabling them, from the mirror in use, in ${source.path}`);
  say('  (nothing else is taken from there; delete the file to disable them again)');
  const dir = mkdtempSync(join(tmpdir(), 'rtopo-setup-'));
  try {
    writeFileSync(join(dir, 'source'), source.text);
    if (run(['install', '-m', '644', join(dir, 'source'), source.path], 10_000) && run(apt('update', '-qq'))) install();
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
  return isThere() || leftOut('it could not be installed; the messages are above');
}

function leftOut(why) {
  say(`skipped: the tests between Redis and Valkey, because ${program} is not there: ${why}.`);
  return false;
}

function sudo() {
  return process.getuid?.() === 0 ? [] : ['sudo', '-n'];
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function aptSources(dir = '/etc/apt') {
  let names = [];
  try {
    names = readdirSync(join(dir, 'sources.list.d')).sort();
  } catch {} // A system may have the one file only.
  const paths = [...names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => `sources.list.d/${name}`)];
  return ['sources.list', ...paths].flatMap((name) => {
    const text = readText(join(dir, name));
    return text === null ? [] : [{name, text}];
  });
}

/**
 * The file that enables Debian's backports for this release, from the mirror and with the key that its sources already use; null when the
 * system is not a Debian release or its sources do not tell.
 */
export function backportsSource(osRelease, sources) {
  const release = releaseOf(osRelease);
  const main = release === null ? null : sourceOf(release, sources);
  if (main === null) return null;
  const fields = [
    '# Written by the test set-up of rtopo, for valkey-server. May be deleted.',
    'Types: deb',
    `URIs: ${main.uri}`,
    `Suites: ${release}-backports`,
    'Components: main',
    ...(main.signedBy === undefined ? [] : [`Signed-By: ${main.signedBy}`]),
  ];
  return {path: `/etc/apt/sources.list.d/rtopo-${release}-backports.sources`, text: `${fields.join('\n')}\n`};
}

/** Where this system gets Debian's packages from, and the key that signs them; null when it is not a Debian. */
export function debianMirror() {
  const release = releaseOf(readText('/etc/os-release') ?? '');
  return release === null ? null : sourceOf(release, aptSources());
}

function releaseOf(osRelease) {
  const fact = (name) => new RegExp(`^${name}="?([a-z0-9.-]+)"?$`, 'm').exec(osRelease)?.[1];
  return fact('ID') === 'debian' ? (fact('VERSION_CODENAME') ?? null) : null;
}

function sourceOf(release, sources) {
  const all = sources.flatMap(({name, text}) => (name.endsWith('.sources') ? stanzas(text) : lines(text)));
  return all.find(({types, suites}) => types.includes('deb') && suites.includes(release)) ?? null;
}

/** Sources in the form of paragraphs. Source: sources.list(5), "DEB822-STYLE FORMAT". */
function stanzas(text) {
  return text
    .replace(/^#.*\n?/gm, '')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const field = (name) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'im').exec(stanza)?.[1].trim();
      const [types, uris, suites] = [field('Types'), field('URIs'), field('Suites')];
      if (types === undefined || uris === undefined || suites === undefined || field('Enabled') === 'no') return [];
      const words = (value) => value.split(/\s+/);
      return [{types: words(types), uri: words(uris)[0], suites: words(suites), signedBy: field('Signed-By')}];
    });
}

/** Sources of one line each. Source: sources.list(5), "ONE-LINE-STYLE FORMAT". */
function lines(text) {
  return [...text.matchAll(/^\s*(deb)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/gm)].map(([, type, options, uri, suite]) => ({
    types: [type],
    uri,
    suites: [suite],
    signedBy: /(?:^|\s)signed-by=(\S+)/.exec(options ?? '')?.[1],
  }));
}
