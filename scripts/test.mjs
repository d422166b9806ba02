/**
 * `npm test`: gets the machine ready, checks style, types and schema, runs the tests.
 * `npm test -- rig placement/ketama` runs only the test files whose path contains one of these, and no checks.
 */
import {existsSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {ensureClients, ensureProgram, prepare, root, runScript, runShown, say} from './setup.mjs';
import {ensureValkey} from './valkey.mjs';

/** What differs most between the two: what a link looks like, what a login may do, how a master changes. The whole wing would double its minutes. */
const ONCE_MORE = ['auth', 'causes', 'persist', 'settings', 'switchover.test', 'switchover-tls', 'wipe'].map(
  (name) => `replication/${name}`,
);

await runScript(() => {
  prepare();
  ensureProgram('script');
  ensureProgram('openssl');
  // The reliability tests break system calls from outside, which only Linux lets them do.
  if (process.platform === 'linux') for (const program of ['strace', 'gcc']) ensureProgram(program);
  if (!ensureClients()) process.env.RTOPO_TEST_WITHOUT_CLIENTS = '1';
  const hasValkey = ensureValkey();
  if (!hasValkey) process.env.RTOPO_TEST_WITHOUT_VALKEY = '1';
  const filters = process.argv.slice(2);
  // As installed: with the manifest oclif need not load every command to learn its flags, and the tests start a thousand of them.
  runShown([process.execPath, join(root, 'scripts/manifest.mjs')]);
  const failed = filters.length > 0 ? [] : checks().flatMap(([name, command]) => (check(name, command) ? [] : [name]));
  const also = failed.flatMap((name) => ['--failed', name]);
  if (hasValkey && filters.length === 0) also.push('--again', `valkey-server=${ONCE_MORE.join(',')}`);
  try {
    return runShown([process.execPath, join(root, 'test/run.mjs'), ...filters, ...also]) ? 0 : 1;
  } finally {
    // In a work tree it would hide commands that are added later.
    rmSync(join(root, 'oclif.manifest.json'), {force: true});
  }
});

function checks() {
  const bin = join(root, 'node_modules/.bin');
  const schema = join(root, 'scripts/schema.mjs');
  return [
    ['biome check', [join(bin, 'biome'), 'check', '.']],
    ['type check', [join(bin, 'tsc'), '--noEmit', '-p', 'tsconfig.test.json']],
    ...(existsSync(schema) ? [['schema check', [process.execPath, schema, '--check']]] : []),
  ];
}

function check(name, command) {
  const ok = runShown(command);
  say(`${name}: ${ok ? 'ok' : 'FAILED'}`);
  return ok;
}
