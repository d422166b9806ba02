/** The digest of a value read part by part: the same for the same value, another for every other. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {compareByElements, digestByElements} from '../../src/migration/elements/compare.js';
import {compareIds} from '../../src/migration/elements/ids.js';
import {fill} from '../rig/data.js';
import type {Arg} from '../rig/raw.js';
import {needingValkey, valkey} from '../rig/valkey.js';
import {failure, run, withPair} from './pair.js';

const test = suite('migration/elements digest');
const withValkey = needingValkey(test);
const k = Buffer.from('k');

const stream = [
  ...['1-1', '2-1', '3-1', '4-1'].map((id) => ['XADD', 'k', id, 'a', id]),
  ['XGROUP', 'CREATE', 'k', 'g', '0'],
  ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '2', 'STREAMS', 'k', '>'],
];
const again = (...commands: Arg[][]): Arg[][] => [['DEL', 'k'], ...commands];

/** What is written, and a change that must show. */
const changes: readonly (readonly [string, readonly Arg[][], readonly Arg[][]])[] = [
  ['a byte of a string', [['SET', 'k', 'abc']], [['SET', 'k', 'abd']]],
  ['the length of a string', [['SET', 'k', 'abc']], [['APPEND', 'k', '\0']]],
  ['the type, with the same content', [['RPUSH', 'k', 'a']], again(['SADD', 'k', 'a'])],
  ['the order of a list', [['RPUSH', 'k', 'a', 'b', 'c']], [['RPOPLPUSH', 'k', 'k']]],
  ['the bounds of elements', [['RPUSH', 'k', 'ab', 'c']], again(['RPUSH', 'k', 'a', 'bc'])],
  ['an empty element', [['RPUSH', 'k', 'a']], [['RPUSH', 'k', '']]],
  ['a member', [['SADD', 'k', 'a', 'b']], again(['SADD', 'k', 'a', 'c'])],
  ['a member more', [['SADD', 'k', 'a', 'b']], [['SADD', 'k', '']]],
  ['values of two fields swapped', [['HSET', 'k', 'f', '1', 'g', '2']], [['HSET', 'k', 'f', '2', 'g', '1']]],
  ['field and value swapped', [['HSET', 'k', 'f', 'v']], again(['HSET', 'k', 'v', 'f'])],
  ['the last bit of a score', [['ZADD', 'k', '1', 'm']], [['ZADD', 'k', '1.0000000000000002', 'm']]],
  ['scores of two members swapped', [['ZADD', 'k', '1', 'a', '2', 'b']], [['ZADD', 'k', '2', 'a', '1', 'b']]],
  ['an infinite score', [['ZADD', 'k', 'inf', 'm']], [['ZADD', 'k', '-inf', 'm']]],
  ['an entry', stream, [['XDEL', 'k', '3-1']]],
  ['an entry that was pending', stream, [['XDEL', 'k', '1-1']]],
  ['a field of an entry', [['XADD', 'k', '1-1', 'a', 'b']], again(['XADD', 'k', '1-1', 'a', 'c'])],
  ['the bounds of entries', [['XADD', 'k', '1-1', 'a', 'b', 'c', 'd']], again(['XADD', 'k', '1-1', 'a', 'b'])],
  ['an acknowledgement', stream, [['XACK', 'k', 'g', '1-1']]],
  ['a delivery', stream, [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '>']]],
  ['a repeated delivery', stream, [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '0']]],
  [
    'the owner of a pending entry',
    stream,
    [['XCLAIM', 'k', 'g', 'd', '0', '1-1', 'TIME', '1', 'RETRYCOUNT', '1', 'JUSTID']],
  ],
  ['the time of a delivery', stream, [['XCLAIM', 'k', 'g', 'c', '0', '1-1', 'TIME', '1000', 'JUSTID']]],
  ['the count of deliveries', stream, [['XCLAIM', 'k', 'g', 'c', '0', '1-1', 'RETRYCOUNT', '9', 'JUSTID']]],
  ['a consumer without entries', stream, [['XGROUP', 'CREATECONSUMER', 'k', 'g', 'idle']]],
  ['the position of a group', stream, [['XGROUP', 'SETID', 'k', 'g', '4-1']]],
  ['what a group has read', stream, [['XGROUP', 'SETID', 'k', 'g', '2-1', 'ENTRIESREAD', '1']]],
  ['a group', stream, [['XGROUP', 'CREATE', 'k', 'h', '0']]],
  ['the last id', stream, [['XSETID', 'k', '9-9']]],
  ['entries added', stream, [['XSETID', 'k', '4-1', 'ENTRIESADDED', '50']]],
  ['the highest deleted id', stream, [['XSETID', 'k', '4-1', 'MAXDELETEDID', '3-3']]],
];

test('every change of a value shows, and nothing but a change', async () => {
  await withPair([{}, {}], async ({from, to, source, target}) => {
    for (const [what, make, change] of changes) {
      await Promise.all([from, to].map(({raw}) => raw.cmd('FLUSHALL')));
      await run(from.raw, make);
      await to.raw.cmd('RESTORE', 'k', 0, (await from.raw.cmd('DUMP', 'k')) as Buffer);
      assert.is(await compareByElements(source, target, k), 'equal', what);
      await run(to.raw, change);
      assert.is(await compareByElements(source, target, k), 'different', what);
    }
    await from.raw.cmd('DEL', 'k');
    assert.is(await compareByElements(source, target, k), 'no-source');
    await run(from.raw, [['SET', 'k', 'v', 'PXAT', 4e12]]);
    await run(to.raw, again(['SET', 'k', 'v', 'PXAT', 4e12 + 1]));
    assert.is(await compareByElements(source, target, k), 'different', 'expiry');
    await to.raw.cmd('PEXPIREAT', 'k', 4e12);
    assert.is(await compareByElements(source, target, k), 'equal');
    await to.raw.cmd('DEL', 'k');
    assert.is(await compareByElements(source, target, k), 'no-target');
  });
});

test('neither the size of the parts nor the encoding changes the digest', async () => {
  await withPair([{}, {}], async ({from, to, source, target}) => {
    for (const type of ['hash', 'set', 'zset'])
      await to.raw.cmd('CONFIG', 'SET', `${type}-max-listpack-entries`, 0).catch(() => 0);
    await to.raw.cmd('CONFIG', 'SET', 'set-max-intset-entries', 0);
    await to.raw.cmd('CONFIG', 'SET', 'list-max-listpack-size', 2);
    const written = await fill(from, {seed: 21, keys: 60, ttlShare: 0});
    for (const {key, kind} of written) {
      await to.raw.cmd('RESTORE', key, 0, (await from.raw.cmd('DUMP', key)) as Buffer);
      const [small, large] = [
        await digestByElements(source, key, {chunkBytes: 500, maxLatencyMs: 0}),
        await digestByElements(target, key, {chunkBytes: 10_000_000, maxLatencyMs: 1000}),
      ];
      assert.is(small!.digest, large!.digest, kind);
      assert.match(small!.digest, /^[0-9a-f]{64}$/);
      assert.is(small!.expireAtMs, -1);
    }
    assert.is(await digestByElements(source, Buffer.from('nobody')), null);
  });
});

withValkey('versions agree: what was restored from another version has the same digest', async () => {
  await withPair([{}, valkey], async ({from, to, source, target}) => {
    for (const {key, kind} of await fill(from, {seed: 22, keys: 60, ttlShare: 0.3})) {
      const at = Number(await from.raw.cmd('PEXPIRETIME', key));
      const expiry = at < 0 ? [0] : [at];
      const payload = (await from.raw.cmd('DUMP', key)) as Buffer;
      await to.raw.cmd('RESTORE', key, ...expiry, payload, ...(at < 0 ? [] : ['ABSTTL']));
      assert.is(await compareByElements(source, target, key), 'equal', kind);
    }
  });
});

test('reading ends no WATCH, and changes nothing', async () => {
  await withPair([{}, {}], async ({from, source}) => {
    await run(from.raw, stream);
    await source.call(['WATCH', 'k']);
    await digestByElements(source, k);
    await from.raw.cmd('XADD', 'k', '*', 'a', 'b');
    const replies = await source.batch([['MULTI'], ['PING'], ['EXEC']]);
    assert.is(replies[2], null, 'the write was seen');
  });
});

test('a value that changes whenever it is read is a failure, not a digest', async () => {
  const members = Array.from({length: 20_000}, (_, i) => `element ${i}`);
  await withPair([{}, {}], async ({from, source}) => {
    let added = 0;
    const writers: [Arg[], () => Arg[]][] = [
      [['RPUSH', 'k', ...members], () => ['LPOP', 'k']],
      // Whether a scan returns what was added meanwhile is open; of so many it returns some.
      [
        ['SADD', 'k', ...members],
        () => {
          added += 3000;
          return ['SADD', 'k', ...Array.from({length: 3000}, (_, i) => `new ${added + i}`)];
        },
      ],
    ];
    for (const [make, write] of writers) {
      await run(from.raw, again(make));
      const onChunk = async () => void (await from.raw.cmd(...write()));
      assert.is((await failure(digestByElements(source, k, {onChunk}))).code, 'VALUE_CHANGING', String(make[0]));
    }
  });
});

test('ids in order', () => {
  const ids = [
    '0-0',
    '0-1',
    '1-0',
    '9-9',
    '9-10',
    '10-0',
    '18446744073709551614-0',
    '18446744073709551615-18446744073709551615',
  ];
  for (const [i, a] of ids.entries()) {
    for (const [j, b] of ids.entries()) assert.is(Math.sign(compareIds(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
});

test.run();
