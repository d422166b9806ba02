/** A file is replaced whole or not at all, with the mode that was asked for, and nothing is left beside it. */
import {execFileSync} from 'node:child_process';
import {lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {writeAtomically} from '../../src/cli/atomic-file.js';
import {RtopoError} from '../../src/errors.js';
import {makeDir, removeDir} from '../rig/processes.js';

const test = suite('cli/atomic-file');

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = makeDir();
  try {
    await body(dir);
  } finally {
    removeDir(dir);
  }
}

async function refused(file: Parameters<typeof writeAtomically>[0]): Promise<RtopoError> {
  try {
    await writeAtomically(file);
  } catch (error) {
    assert.instance(error, RtopoError);
    return error as RtopoError;
  }
  throw new Error('it was written');
}

test('new, then replaced: whole, with its mode whatever the umask, nothing beside it', () =>
  inFolder(async (dir) => {
    const path = join(dir, 'x.prom');
    const before = process.umask(0o077);
    try {
      await writeAtomically({path, text: 'one', mode: 0o644, overwrite: true});
      const {ino} = statSync(path);
      await writeAtomically({path, text: 'two', mode: 0o644, overwrite: true});
      assert.is.not(statSync(path).ino, ino, 'another file took its name: who reads the old one reads it to its end');
    } finally {
      process.umask(before);
    }
    assert.is(readFileSync(path, 'utf8'), 'two');
    assert.is(statSync(path).mode & 0o777, 0o644);
    assert.equal(readdirSync(dir), ['x.prom']);
  }));

test('a symbolic link stays one', () =>
  inFolder(async (dir) => {
    const [path, real] = [join(dir, 'link'), join(dir, 'real')];
    writeFileSync(real, 'old');
    symlinkSync('real', path);
    await writeAtomically({path, text: 'new', mode: 0o644, overwrite: true});
    assert.ok(lstatSync(path).isSymbolicLink());
    assert.is(readFileSync(real, 'utf8'), 'new');
  }));

test('a folder, a pipe and a place that is not there are refused, and nothing is left', () =>
  inFolder(async (dir) => {
    mkdirSync(join(dir, 'folder'));
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    for (const name of ['folder', 'pipe', 'none/x.prom']) {
      const error = await refused({path: join(dir, name), text: 'x', mode: 0o644, overwrite: true});
      assert.equal([error.code, error.exit], ['FILE_NOT_WRITTEN', 1], name);
    }
    assert.equal(readdirSync(dir).sort(), ['folder', 'pipe']);
    assert.ok(lstatSync(join(dir, 'pipe')).isFIFO());
  }));

test('without consent nothing is overwritten, also not what a link leads to', () =>
  inFolder(async (dir) => {
    const path = join(dir, 'rtopo.yml');
    await writeAtomically({path, text: 'first', mode: 0o644, overwrite: false});
    symlinkSync('rtopo.yml', join(dir, 'link'));
    for (const at of [path, join(dir, 'link')]) {
      const error = await refused({path: at, text: 'second', mode: 0o644, overwrite: false, consent: 'say so'});
      assert.equal([error.code, error.exit, error.remedy], ['FILE_EXISTS', 3, 'say so']);
    }
    assert.is(readFileSync(path, 'utf8'), 'first');
    assert.equal(readdirSync(dir).sort(), ['link', 'rtopo.yml']);
  }));

test.run();
