import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {replaceFile, textSha256} from '../../src/topology/save.js';
import {rejectionOf} from './failure.js';

const test = suite<{folder: string; path: string}>('topology/save');

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'rtopo-save-'));
  context.path = join(context.folder, 'rtopo.yml');
  writeFileSync(context.path, 'old\n');
});
test.after.each((context) => {
  rmSync(context.folder, {recursive: true, force: true});
});

const options = (path: string) => ({path, expectedSha256: textSha256('old\n'), text: 'new\n', backupSuffix: '01J.bak'});

test('writes the new text and keeps the old one as a backup', async ({folder, path}) => {
  assert.is(await replaceFile(options(path)), 'written');
  assert.is(readFileSync(path, 'utf8'), 'new\n');
  assert.is(readFileSync(`${path}.01J.bak`, 'utf8'), 'old\n');
  assert.equal(readdirSync(folder).sort(), ['rtopo.yml', 'rtopo.yml.01J.bak']);
});

test('a second time there is nothing to do', async ({folder, path}) => {
  await replaceFile(options(path));
  assert.is(await replaceFile(options(path)), 'already');
  assert.is(readdirSync(folder).length, 2);
});

test('somebody else edited the file: nothing is written, not even a backup', async ({folder, path}) => {
  writeFileSync(path, 'edited\n');
  assert.is(await replaceFile(options(path)), 'changed');
  assert.is(readFileSync(path, 'utf8'), 'edited\n');
  assert.equal(readdirSync(folder), ['rtopo.yml']);
});

test('file and backup keep the mode of the original', async ({path}) => {
  for (const mode of [0o600, 0o640, 0o644]) {
    writeFileSync(path, 'old\n');
    chmodSync(path, mode);
    assert.is(await replaceFile({...options(path), backupSuffix: `m${mode}`}), 'written');
    assert.is(statSync(path).mode & 0o777, mode);
    assert.is(statSync(`${path}.m${mode}`).mode & 0o777, mode);
  }
});

test('a symbolic link stays one, and the backup is beside it', async ({folder, path}) => {
  const link = join(folder, 'link.yml');
  symlinkSync('rtopo.yml', link);
  assert.is(await replaceFile(options(link)), 'written');
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.is(readFileSync(path, 'utf8'), 'new\n');
  assert.is(readFileSync(`${link}.01J.bak`, 'utf8'), 'old\n');
});

test('a backup is never overwritten; one of an interrupted attempt is used', async ({folder, path}) => {
  writeFileSync(`${path}.01J.bak`, 'something else\n');
  const error = await rejectionOf(replaceFile(options(path)));
  assert.is(error.code, 'BACKUP_EXISTS');
  assert.is(readFileSync(path, 'utf8'), 'old\n');
  assert.is(readFileSync(`${path}.01J.bak`, 'utf8'), 'something else\n');
  writeFileSync(`${path}.01J.bak`, 'old\n');
  assert.is(await replaceFile(options(path)), 'written');
  assert.is(readdirSync(folder).length, 2);
});

test('a failure leaves the old file and no debris', async ({folder, path}) => {
  const gone = await rejectionOf(replaceFile(options(join(folder, 'none.yml'))));
  assert.is(gone.code, 'TOPOLOGY_NOT_SAVED');
  assert.is(gone.exit, 1);
  const impossible = await rejectionOf(replaceFile({...options(path), backupSuffix: 'no/such/folder'}));
  assert.is(impossible.message, `${path} could not be written (ENOENT); it still has its old content.`);
  assert.is(readFileSync(path, 'utf8'), 'old\n');
  assert.equal(readdirSync(folder), ['rtopo.yml']);
  assert.not.ok(existsSync(join(folder, 'none.yml')));
});

test.run();
