/** Where secrets come from, and that they are known to the redaction from that moment. */
import {chmodSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {redact} from '../../src/errors.js';
import {resolveCredentials} from '../../src/redis/credentials.js';
import type {SecretSource} from '../../src/topology/types.js';
import {makeDir, removeDir} from '../rig/processes.js';
import {rejectionOf} from '../topology/failure.js';

const test = suite('redis/credentials');
const auth = (password: SecretSource, username: string | null = null) => ({username, password});

async function inDirectory(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = makeDir();
  try {
    await body(dir);
  } finally {
    removeDir(dir);
  }
}

test('from the environment, as it stands; redacted plain, as base64 and URL-encoded', async () => {
  process.env.RTOPO_TEST_ENV = 'päss word/1 ';
  const got = await resolveCredentials(auth({from: 'env', name: 'RTOPO_TEST_ENV'}, 'ops'));
  assert.equal(got, {username: 'ops', password: 'päss word/1 '});
  const forms = ['päss word/1 ', Buffer.from('päss word/1 ').toString('base64'), encodeURIComponent('päss word/1 ')];
  for (const form of forms) assert.is(redact(`x ${form} y`), 'x [secret] y');
});

test('from a file and from a command, without the end of the line', () =>
  inDirectory(async (dir) => {
    const path = join(dir, 'secret');
    writeFileSync(path, 'from file\r\n', {mode: 0o600});
    assert.is((await resolveCredentials(auth({from: 'file', path}))).password, 'from file');
    const command = `printf 'from command\\n' # ${dir}`;
    assert.is((await resolveCredentials(auth({from: 'command', command}))).password, 'from command');
  }));

test('a command is run once, however many instances use it', () =>
  inDirectory(async (dir) => {
    const command = `echo x >> ${dir}/ran; wc -l < ${dir}/ran; echo -secret`;
    const all = await Promise.all([1, 2, 3].map(() => resolveCredentials(auth({from: 'command', command}))));
    assert.is(new Set(all.map(({password}) => password)).size, 1);
    assert.match(all[0]!.password, /^\s*1\n/);
  }));

test('none: exit 78, the reason, and what to look at; never what a command printed', () =>
  inDirectory(async (dir) => {
    const open = join(dir, 'open');
    writeFileSync(open, 'x');
    chmodSync(open, 0o666);
    const blank = join(dir, 'blank');
    writeFileSync(blank, '\n', {mode: 0o600});
    const cases: readonly [SecretSource, RegExp, RegExp][] = [
      [{from: 'env', name: 'RTOPO_TEST_NOT_SET'}, /RTOPO_TEST_NOT_SET is not set/, /^export RTOPO_TEST_NOT_SET=/],
      [{from: 'file', path: join(dir, 'none')}, /cannot be read \(ENOENT\)/, /^ls -l /],
      [{from: 'file', path: dir}, /cannot be read \(EISDIR\)/, /^ls -l /],
      [{from: 'file', path: open}, /can be written by everybody/, /^chmod 600 /],
      [{from: 'file', path: blank}, /is empty/, /^ls -l /],
      [{from: 'command', command: 'echo leaked-out; echo leaked-err >&2; exit 3'}, /failed with status 3/, /by hand/],
      [{from: 'command', command: 'true'}, /is empty/, /by hand/],
    ];
    for (const [source, says, remedy] of cases) {
      const error = await rejectionOf(resolveCredentials(auth(source)));
      assert.equal([error.code, error.exit], ['SECRET_UNAVAILABLE', 78]);
      assert.match(error.message, says);
      assert.match(error.remedy!, remedy);
      assert.not.match(`${error.message} ${error.remedy}`, 'leaked');
    }
  }));

test.run();
