/** The checker is what every claim about keys rests on, so each thing it must notice is shown to it. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {diffSnapshots, snapshot, union} from './checker.js';
import {fill, generate} from './data.js';
import {kinds} from './kinds.js';
import type {Arg, Raw} from './raw.js';
import {withServers} from './servers.js';

const test = suite('rig/checker');

const group = ['XGROUP', 'CREATE', 'k', 'g', '0'];
const three = [
  ['XADD', 'k', '1-1', 'a', '1'],
  ['XADD', 'k', '2-1', 'a', '2'],
  ['XADD', 'k', '3-1', 'a', '3'],
];
const stream = [...three, group, ['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '2', 'STREAMS', 'k', '>']];

/** What is written, what is changed, what the checker must call it. */
const changes: readonly [string, readonly Arg[][], readonly Arg[][], string][] = [
  ['a string', [['SET', 'k', 'a']], [['SET', 'k', 'b']], 'value'],
  ['a missing key', [['SET', 'k', 'a']], [['DEL', 'k']], 'missing'],
  ['a new key', [], [['SET', 'k', 'a']], 'extra'],
  [
    'the type',
    [['SET', 'k', 'a']],
    [
      ['DEL', 'k'],
      ['RPUSH', 'k', 'a'],
    ],
    'type',
  ],
  ['a TTL gained', [['SET', 'k', 'a']], [['PEXPIRE', 'k', '100000']], 'ttl'],
  ['a TTL lost', [['SET', 'k', 'a', 'PX', '100000']], [['PERSIST', 'k']], 'ttl'],
  [
    'a TTL by one millisecond',
    [['SET', 'k', 'a', 'PXAT', '4000000000000']],
    [['PEXPIREAT', 'k', '4000000000001']],
    'ttl',
  ],
  ['the order of a list', [['RPUSH', 'k', 'a', 'b']], [['RPOPLPUSH', 'k', 'k']], 'value'],
  [
    'the bounds of list elements',
    [['RPUSH', 'k', 'ab', 'c']],
    [
      ['DEL', 'k'],
      ['RPUSH', 'k', 'a', 'bc'],
    ],
    'value',
  ],
  ['a set member', [['SADD', 'k', 'a']], [['SADD', 'k', 'b']], 'value'],
  ['a hash value', [['HSET', 'k', 'f', '1']], [['HSET', 'k', 'f', '2']], 'value'],
  ['hash values swapped', [['HSET', 'k', 'f', '1', 'g', '2']], [['HSET', 'k', 'f', '2', 'g', '1']], 'value'],
  ['a score', [['ZADD', 'k', '1', 'm']], [['ZADD', 'k', '1.0000000000000002', 'm']], 'value'],
  ['a stream entry', stream, [['XDEL', 'k', '3-1']], 'value'],
  ['a field of a stream entry', three, [['DEL', 'k'], ...three.slice(0, 2), ['XADD', 'k', '3-1', 'a', '4']], 'value'],
  ['an acknowledged entry', stream, [['XACK', 'k', 'g', '1-1']], 'value'],
  ['a delivery', stream, [['XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', '1', 'STREAMS', 'k', '>']], 'value'],
  ['an entry claimed by another', stream, [['XCLAIM', 'k', 'g', 'd', '0', '1-1', 'JUSTID']], 'value'],
  ['a consumer without entries', stream, [['XGROUP', 'CREATECONSUMER', 'k', 'g', 'idle']], 'value'],
  [
    'the name of an idle consumer',
    [...stream, ['XGROUP', 'CREATECONSUMER', 'k', 'g', 'x']],
    [
      ['XGROUP', 'DELCONSUMER', 'k', 'g', 'x'],
      ['XGROUP', 'CREATECONSUMER', 'k', 'g', 'y'],
    ],
    'value',
  ],
  ['the position of a group', stream, [['XGROUP', 'SETID', 'k', 'g', '3-1']], 'value'],
  ['a lost group', stream, [['XGROUP', 'DESTROY', 'k', 'g']], 'value'],
  ['the last id of a stream', three, [['XSETID', 'k', '9-9']], 'value'],
];

async function run(raw: Raw, commands: readonly Arg[][]): Promise<void> {
  for (const command of commands) await raw.cmd(...command);
}

test('it notices every kind of change, and calls it by its name', async () => {
  await withServers(1, async ([server]) => {
    for (const [name, before, change, what] of changes) {
      await server!.raw.cmd('FLUSHALL');
      await run(server!.raw, [['SET', 'bystander', 'x'], ...before]);
      const was = await snapshot(server!);
      await run(server!.raw, change);
      const found = diffSnapshots(was, await snapshot(server!));
      assert.equal(
        found.map((difference) => [difference.key, difference.what]),
        [['"k"', what]],
        name,
      );
    }
  });
});

test('equal content is equal: other order, other encoding, read twice', async () => {
  await withServers(2, async ([a, b]) => {
    await b!.raw.cmd('CONFIG', 'SET', 'hash-max-listpack-entries', '0');
    await run(a!.raw, [['HSET', 'h', 'f', '1', 'g', '2'], ['SADD', 's', 'x', 'y'], ...stream]);
    await run(b!.raw, [['HSET', 'h', 'g', '2', 'f', '1'], ['SADD', 's', 'y', 'x'], ...three, group]);
    await a!.raw.cmd('XGROUP', 'DESTROY', 'k', 'g');
    await run(a!.raw, [group]);
    assert.is.not(await a!.raw.text('OBJECT', 'ENCODING', 'h'), await b!.raw.text('OBJECT', 'ENCODING', 'h'));
    const first = await snapshot(a!);
    assert.is(first.size, 3);
    assert.equal(diffSnapshots(first, await snapshot(b!)), []);
    assert.equal(diffSnapshots(first, await snapshot(a!)), []);
  });
});

test('keys that expired meanwhile may be missing; keys that had to stay may not', async () => {
  await withServers(1, async ([server], rig) => {
    await run(server!.raw, [
      ['SET', 'short', '1', 'PX', '60'],
      ['SET', 'long', '1', 'PX', '600000'],
    ]);
    const before = await snapshot(server!);
    await server!.raw.cmd('DEL', 'long');
    await rig.until('expiry', async () => (await server!.raw.cmd('EXISTS', 'short')) === 0);
    const found = diffSnapshots(before, await snapshot(server!), {nowMs: Date.now()});
    assert.equal(
      found.map((difference) => difference.key),
      ['"long"'],
    );
  });
});

test('the same key on two servers is a duplicate, in the same database only; the keys of rtopo do not count', async () => {
  await withServers(3, async ([a, b, c]) => {
    for (const server of [a!, b!])
      await run(server.raw, [
        ['SET', 'both', 'x'],
        ['SET', '__rtopo:lock', '1'],
      ]);
    await run(b!.raw, [
      ['SELECT', '4'],
      ['SET', 'elsewhere', 'x'],
      ['SELECT', '0'],
    ]);
    await run(c!.raw, [['SET', 'elsewhere', 'x']]);
    const {all, duplicates, holders} = await union([a!, b!, c!]);
    assert.equal([...all.keys()].sort(), ['0:626f7468', '0:656c73657768657265', '4:656c73657768657265']);
    assert.equal(duplicates, [{id: '0:626f7468', key: '"both"', servers: [0, 1]}]);
    assert.equal(holders.get('4:656c73657768657265'), [1]);
  });
});

test('idle time is read before the value is', async () => {
  await withServers(1, async ([server], rig) => {
    await server!.raw.cmd('SET', 'k', 'v');
    await rig.until('a second of idleness', async () => Number(await server!.raw.cmd('OBJECT', 'IDLETIME', 'k')) >= 1);
    const seen = await snapshot(server!, {idle: true});
    assert.ok(seen.get('0:6b')!.idle! >= 1);
    assert.is((await snapshot(server!)).get('0:6b')!.idle, undefined);
  });
});

test('generated data is the same for the same seed, and has every kind and awkward name', () => {
  const options = {seed: 42, keys: 80, dbs: [0, 5]};
  const first = generate(options, 1_000_000);
  assert.equal(first, generate(options, 1_000_000));
  assert.not.equal(first, generate({...options, seed: 43}, 1_000_000));
  assert.is(new Set(first.map((entry) => entry.kind)).size, kinds.length);
  assert.is(new Set(first.map((entry) => `${entry.db}:${entry.key.toString('hex')}`)).size, 80);
  const names = first.map((entry) => entry.key.toString('latin1'));
  for (const pattern of [/^$/, /\x00/, /\r\n/, /\x1b/, /\xff/, /^long:[\s\S]{4000}/, /\{\d\}/]) {
    assert.ok(
      names.some((name) => pattern.test(name)),
      `no name matches ${pattern}`,
    );
  }
  assert.ok(first.some((entry) => entry.expireAtMs !== null) && first.some((entry) => entry.expireAtMs === null));
});

test('what fill wrote is what is there, on the server that place chose, in the encodings it means', async () => {
  await withServers(2, async (servers) => {
    const written = await fill(servers, {seed: 7, keys: 500, dbs: [0, 3], place: (key) => key.length % 2});
    const {all, duplicates, holders} = await union(servers);
    assert.equal(duplicates, []);
    assert.is(all.size, 500);
    const encodings = new Set<string>();
    for (const entry of written) {
      const id = `${entry.db}:${entry.key.toString('hex')}`;
      assert.is(all.get(id)?.type, entry.type);
      assert.is(all.get(id)?.expireAtMs, entry.expireAtMs);
      assert.equal(holders.get(id), [entry.server]);
      const {raw} = servers[entry.server]!;
      await raw.select(entry.db);
      encodings.add(await raw.text('OBJECT', 'ENCODING', entry.key));
    }
    for (const encoding of ['int', 'embstr', 'raw', 'quicklist', 'intset', 'hashtable', 'skiplist', 'stream']) {
      assert.ok(encodings.has(encoding), `nothing is encoded as ${encoding}`);
    }
  });
});

test.run();
