/** Deletes at the source what was compared part by part, and nothing that has changed meanwhile. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {digestByElements} from '../../src/migration/elements/compare.js';
import {type Deleted, type Deletion, deleteIfEqual} from '../../src/migration/elements/delete.js';
import type {Arg} from '../rig/raw.js';
import {makeLarge, type Pair, run, withPair} from './pair.js';

const test = suite('migration/elements delete');
const k = Buffer.from('k');
const token = '{"op":"one","nonce":"01"}';

type More = Partial<Deletion>;

/** Both servers hold the same; the lock is ours. `act` is done when a part was read. */
async function deletion(
  type: string,
  act: (pair: Pair) => Promise<unknown>,
  check: (pair: Pair, remove: (more?: More) => Promise<Deleted>) => Promise<void>,
): Promise<void> {
  await withPair([{}, {}], async (pair) => {
    const {from, to, source, target} = pair;
    await makeLarge(from.raw, type);
    await to.raw.cmd('RESTORE', 'k', 0, (await from.raw.cmd('DUMP', 'k')) as Buffer);
    await from.raw.cmd('SET', '__rtopo:lock', token);
    let parts = 0;
    const onChunk = async () => {
      parts += 1;
      if (parts === 2) await act(pair);
    };
    await check(pair, (more = {}) =>
      deleteIfEqual({
        holder: source,
        reference: target,
        db: 0,
        key: k,
        lockKey: '__rtopo:lock',
        token,
        onChunk,
        ...more,
      }),
    );
  });
}

const nothing = async () => undefined;

for (const type of ['hash', 'list', 'set', 'zset', 'string', 'stream']) {
  test(`an equal ${type} is deleted at the holder, and only there`, async () => {
    await deletion(type, nothing, async ({from, to}, remove) => {
      assert.is(await remove(), 'deleted');
      assert.is(await from.raw.cmd('EXISTS', 'k'), 0);
      assert.is(await to.raw.cmd('EXISTS', 'k'), 1);
      assert.is(await remove(), 'gone');
      assert.is(await from.raw.cmd('EXISTS', '__rtopo:lock'), 1);
    });
  });
}

test('a different value, a missing copy and a lock of somebody else keep the value', async () => {
  await deletion('list', nothing, async ({from, to}, remove) => {
    await to.raw.cmd('LSET', 'k', 5000, 'other');
    assert.is(await remove(), 'changed');
    await to.raw.cmd('DEL', 'k');
    assert.is(await remove(), 'no-reference');
    await from.raw.cmd('SET', '__rtopo:lock', 'another');
    assert.is(await remove(), 'lock-lost');
    await from.raw.cmd('DEL', '__rtopo:lock');
    assert.is(await remove(), 'lock-lost');
    assert.is(await from.raw.cmd('LLEN', 'k'), 10_000);
  });
});

test('held against what was copied, the copy may have changed since: it belongs to the applications', async () => {
  await deletion('zset', nothing, async ({from, to, source}, remove) => {
    const copied = (await digestByElements(source, k))!;
    await to.raw.cmd('ZADD', 'k', 7, 'theirs');
    assert.is(await remove({copied: {...copied, expireAtMs: 4e12}}), 'changed');
    assert.is(await remove({copied: {...copied, digest: 'another'}}), 'changed');
    await to.raw.cmd('RENAME', 'k', 'away');
    assert.is(await remove({copied}), 'no-reference');
    await to.raw.cmd('RENAME', 'away', 'k');
    assert.is(await from.raw.cmd('EXISTS', 'k'), 1);
    assert.is(await remove({copied}), 'deleted');
    assert.is(await remove({copied}), 'gone');
  });
});

/** Done at the holder during the comparison; the value is in the end what it was, or differs where WATCH does not look. */
const acts: readonly (readonly [string, readonly Arg[][], string])[] = [
  ['hash', [['HSET', 'k', 'element 0', 'element 1']], 'changed'],
  [
    'hash',
    [
      ['HDEL', 'k', 'element 0'],
      ['HSET', 'k', 'element 0', 'element 1'],
    ],
    'changed',
  ],
  [
    'list',
    [
      ['PEXPIRE', 'k', '100000'],
      ['PERSIST', 'k'],
    ],
    'changed',
  ],
  [
    'set',
    [
      ['RENAME', 'k', 'other'],
      ['RENAME', 'other', 'k'],
    ],
    'changed',
  ],
  ['zset', [['DEL', 'k']], 'gone changed'],
  ['string', [['SETRANGE', 'k', '0', 'e']], 'changed'],
  ['string', [['SET', '__rtopo:lock', 'another']], 'lock-lost'],
  ['hash', [['PEXPIRE', '__rtopo:lock', '60000']], 'deleted'],
  ['stream', [['PEXPIRE', '__rtopo:lock', '60000']], 'deleted'],
  ['stream', [['XADD', 'k', '*', 'a', 'b']], 'changed'],
  ['stream', [['XACK', 'k', 'g', '1-0']], 'changed'],
  ['stream', [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '>']], 'changed'],
  ['stream', [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '0']], 'changed'],
  ['stream', [['XCLAIM', 'k', 'g', 'd', '0', '1-0']], 'changed'],
  ['stream', [['XCLAIM', 'k', 'g', 'c', '0', '1-0', 'JUSTID']], 'changed'],
  ['stream', [['XCLAIM', 'k', 'g', 'c', '0', '1-0', 'TIME', '1', 'JUSTID']], 'changed'],
  ['stream', [['XAUTOCLAIM', 'k', 'g', 'd', '0', '0', 'COUNT', '1']], 'changed'],
  ['stream', [['XGROUP', 'CREATE', 'k', 'another', '0']], 'changed'],
  ['stream', [['XGROUP', 'DESTROY', 'k', 'g']], 'changed'],
  ['stream', [['XGROUP', 'SETID', 'k', 'g', '3-0']], 'changed'],
  ['stream', [['XGROUP', 'CREATECONSUMER', 'k', 'g', 'e']], 'changed'],
  ['stream', [['XGROUP', 'DELCONSUMER', 'k', 'g', 'c']], 'changed'],
  ['stream', [['XSETID', 'k', '5000-0']], 'changed'],
];

for (const [type, commands, expected] of acts) {
  test(`during the comparison of a ${type}: ${commands.map((command) => command.join(' ')).join(', ')}`, async () => {
    const act = ({from}: Pair) => run(from.raw, commands);
    await deletion(type, act, async ({from, source}, remove) => {
      // Against the digest of the copy: whatever the act does to the value, the comparison itself may have been before it.
      const copied = (await digestByElements(source, k))!;
      const outcome = await remove({copied});
      assert.ok(expected.split(' ').includes(outcome), outcome);
      assert.is(await from.raw.cmd('EXISTS', 'k'), /deleted|gone/.test(expected) ? 0 : 1);
    });
  });
}

test('in another database, with the lock in the first', async () => {
  await withPair([{}, {}], async ({from, to, source, target}) => {
    for (const {raw} of [from, to]) {
      await raw.select(5);
      await raw.cmd('SET', 'k', 'v');
    }
    await from.raw.select(0);
    await run(from.raw, [
      ['SET', '__rtopo:lock', token],
      ['SET', 'k', 'v'],
    ]);
    const one = {holder: source, reference: target, key: k, lockKey: '__rtopo:lock', token};
    assert.is(await deleteIfEqual({...one, db: 5}), 'deleted');
    assert.is(await from.raw.cmd('EXISTS', 'k'), 1);
    assert.is(await deleteIfEqual({...one, db: 0}), 'no-reference');
    await from.raw.select(5);
    assert.is(await from.raw.cmd('EXISTS', 'k'), 0);
  });
});

test.run();
