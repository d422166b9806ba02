/** A pid alone is nobody: the moment of the start makes it a process. */
import {spawn} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {startMark} from '../../src/sandbox/identity.js';
import {sleep, until} from '../rig/wait.js';

const test = suite('sandbox/identity');

test('a mark stays while the process lives, differs between processes, and ends with it', async () => {
  const first = spawn('sleep', ['30'], {stdio: 'ignore'});
  await sleep(30);
  const second = spawn('sleep', ['30'], {stdio: 'ignore'});
  try {
    const mark = startMark(first.pid!);
    assert.ok(mark);
    await sleep(30);
    assert.is(startMark(first.pid!), mark);
    assert.is.not(startMark(second.pid!), mark);
  } finally {
    first.kill('SIGKILL');
    second.kill('SIGKILL');
  }
  await until('its end', () => startMark(first.pid!) === null);
  assert.is(startMark(2 ** 22 + 1), null);
});

test('a process that has ended and waits for its parent has no mark', async () => {
  // The shell becomes a program that never asks after the child it has inherited.
  const parent = spawn('sh', ['-c', 'sleep 0.05 & exec sleep 30'], {stdio: 'ignore'});
  try {
    const zombie = await until('a zombie', () => childrenOf(parent.pid!).find(({state}) => state === 'Z'));
    assert.is(startMark(zombie.pid), null);
  } finally {
    parent.kill('SIGKILL');
  }
});

function childrenOf(parent: number): {pid: number; state: string}[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(ppid) === parent ? [{pid: Number(name), state: state!}] : [];
    } catch {
      return [];
    }
  });
}

test.run();
