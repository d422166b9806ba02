/** Values carried element by element, between servers of one version and of different ones. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {diffSnapshots, snapshot} from '../rig/checker.js';
import {fill} from '../rig/data.js';
import {kinds} from '../rig/kinds.js';
import type {Arg, Raw} from '../rig/raw.js';
import type {Server, ServerSpec} from '../rig/servers.js';
import {moreServers, needingValkey, valkey} from '../rig/valkey.js';
import {assertTidy, changesOf, failure, makeLarge, openSocket, run, tenThousand, withPair} from './pair.js';
import {streams} from './streams.js';

const test = suite('migration/elements');
const withValkey = needingValkey(test);

const here: ServerSpec = {};
const pairs: [string, [ServerSpec, ServerSpec], typeof withValkey][] = [
  ['redis to redis', [here, here], test],
  ['redis to valkey', [here, valkey], withValkey],
  ['valkey to redis', [valkey, here], withValkey],
];
for (const other of moreServers) {
  pairs.push([`redis to ${other.name}`, [here, other], test], [`${other.name} to redis`, [other, here], test]);
  pairs.push([`valkey to ${other.name}`, [valkey, other], withValkey]);
  pairs.push([`${other.name} to valkey`, [other, valkey], withValkey]);
}

for (const [name, specs, register] of pairs) {
  register(`every type, encoding, name and expiry, ${name}`, async () => {
    await withPair(specs, async ({from, to, carry}) => {
      const written = await fill(from, {seed: 5, keys: 100, ttlShare: 0.4});
      assert.is(new Set(written.map(({kind}) => kind)).size, kinds.length);
      const before = await snapshot(from);
      const changes = await changesOf(to);
      let writes = 0;
      for (const {key, expireAtMs, kind} of written) {
        const carried = await carry(key, {chunkBytes: 2000});
        assert.is(carried.outcome, 'created', `${kind} ${key.toString('latin1')}: ${carried.notes}`);
        assert.is(carried.expireAtMs, expireAtMs ?? -1);
        writes += carried.writes;
      }
      assert.is((await changesOf(to)) - changes, writes, 'changes as the server counts them');
      assert.equal(diffSnapshots(before, await snapshot(to)), []);
      assert.equal(diffSnapshots(before, await snapshot(from)), []);
      await assertTidy(to);
      for (const {key, kind} of written) assert.is((await carry(key)).outcome, 'equal', kind);
    });
  });

  register(`streams that only the commands of the servers can make, ${name}`, async () => {
    await withPair(specs, async ({from, to, carry}) => {
      for (const [what, commands] of streams) {
        for (const {raw} of [from, to]) await raw.cmd('FLUSHALL');
        await run(from.raw, commands);
        const before = await snapshot(from);
        const changes = await changesOf(to);
        const carried = await carry('k', {chunkBytes: 4000});
        assert.is(carried.outcome, 'created', `${what}: ${carried.notes}`);
        assert.is((await changesOf(to)) - changes, carried.writes, `changes: ${what}`);
        assert.equal(diffSnapshots(before, await snapshot(to)), [], what);
        assert.is((await carry('k')).outcome, 'equal', what);
        await assertTidy(to);
      }
    });
  });
}

test('scores arrive to the last digit, also minus zero where a server can keep it', async () => {
  await withPair([here, here], async ({from, to, carry}) => {
    const scores = [
      'inf',
      '-inf',
      '0.1',
      '-3.0000000000000004',
      '5e-324',
      '1.7976931348623157e308',
      '9007199254740993',
      '-0',
    ];
    const members = scores.flatMap((score, i) => [score, `m${i}`]);
    await run(from.raw, [
      ['ZADD', 'small', ...members],
      ['ZADD', 'large', ...Array.from({length: 300}, (_, i) => [i - 150, `n${i}`]).flat()],
      ['ZADD', 'large', ...members],
    ]);
    for (const key of ['small', 'large']) {
      assert.is((await carry(key)).outcome, 'created');
      const read = ({raw}: Server) => raw.cmd('ZRANGE', key, 0, -1, 'WITHSCORES');
      assert.equal(await read(to), await read(from), key);
    }
    assert.is(String(await to.raw.cmd('ZSCORE', 'large', 'm7')), '-0');
  });
});

test('a conflict is left as it is, whichever difference makes it', async () => {
  await withPair([here, here], async ({from, to, carry}) => {
    const differences: [string, Arg[][], Arg[][]][] = [
      ['value', [['RPUSH', 'k', 'a', 'b']], [['RPUSH', 'k', 'b', 'a']]],
      ['type', [['RPUSH', 'k', 'a']], [['SADD', 'k', 'a']]],
      ['expiry', [['SET', 'k', 'v', 'PXAT', 4e12]], [['SET', 'k', 'v']]],
      ['length', [['SET', 'k', 'v']], [['SET', 'k', '']]],
    ];
    for (const [what, left, right] of differences) {
      for (const {raw} of [from, to]) await raw.cmd('FLUSHALL');
      await run(from.raw, left);
      await run(to.raw, right);
      const before = await snapshot(to);
      const carried = await carry('k');
      assert.is(carried.outcome, 'conflict', what);
      assert.is(carried.writes, 0);
      assert.equal(diffSnapshots(before, await snapshot(to)), [], what);
    }
    assert.is((await carry('nobody')).outcome, 'gone');
  });
});

test('a hash of 200,000 fields and a list of 100 MB go in parts, each of them small', async () => {
  await withPair(
    [here, here],
    async ({from, to, carry}) => {
      for (let i = 0; i < 20; i++) {
        const fields = Array.from({length: 10_000}, (_, j) => [`field ${i * 10_000 + j}`, `value ${j * i}`]);
        await from.raw.cmd('HSET', 'hash', ...fields.flat());
        await from.raw.cmd('RPUSH', 'list', ...Array.from({length: 1000}, (_, j) => Buffer.alloc(5000, i * 7 + j)));
      }
      for (const {raw} of [from, to]) {
        for (const [name, value] of [
          ['slowlog-log-slower-than', 0],
          ['slowlog-max-len', 50_000],
        ]) {
          await raw.cmd('CONFIG', 'SET', name!, value!);
        }
      }
      for (const key of ['hash', 'list']) {
        for (const {raw} of [from, to]) await raw.cmd('SLOWLOG', 'RESET');
        let largest = 0;
        const carried = await carry(key, {
          onChunk: (bytes) => {
            largest = Math.max(largest, bytes);
          },
        });
        assert.is(carried.outcome, 'created');
        assert.ok(largest <= 300_000, `${key}: ${largest} bytes in one part`);
        for (const server of [from, to]) {
          const {args, name} = await largestCommand(server.raw);
          assert.ok(args <= 20_100, `${key}: ${name} with ${args} arguments`);
        }
      }
      assert.equal(diffSnapshots(await snapshot(from), await snapshot(to)), []);
    },
    180_000,
  );
});

/** The log tells 31 arguments of a command, and in the last place how many more there were. */
async function largestCommand(raw: Raw): Promise<{args: number; name: string}> {
  let [args, name] = [0, ''];
  for (const entry of (await raw.cmd('SLOWLOG', 'GET', 50_000)) as [number, number, number, Buffer[]][]) {
    const words = entry[3].map(String);
    const hidden = Number(/\((\d+) more arguments\)/.exec(words.at(-1)!)?.[1] ?? 0);
    if (words.length + hidden > args) [args, name] = [words.length + hidden, words[0]!];
  }
  return {args, name};
}

test('a target that is full refuses, and keeps nothing', async () => {
  await withPair([here, {args: ['--maxmemory-policy', 'noeviction']}], async ({from, to, carry}) => {
    await makeLarge(from.raw, 'hash');
    const used = Number((await to.raw.info('memory')).used_memory);
    await to.raw.cmd('CONFIG', 'SET', 'maxmemory', used + 200_000);
    assert.is((await failure(carry('k'))).code, 'OOM');
    await to.raw.cmd('CONFIG', 'SET', 'maxmemory', 0);
    await assertTidy(to);
    assert.is(await to.raw.cmd('DBSIZE'), 0);
  });
});

test('a string longer than the target takes is refused in words; other values go below its limit', async () => {
  await withPair([here, {args: ['--proto-max-bulk-len', '1mb']}], async ({from, to, carry}) => {
    await from.raw.cmd('SET', 'string', Buffer.alloc(3_000_000, 1));
    await from.raw.cmd('RPUSH', 'list', ...Array.from({length: 100}, (_, i) => Buffer.alloc(50_000, i)));
    const {code, message, remedy} = await failure(carry('string'));
    assert.is(code, 'VALUE_TOO_LONG', message);
    assert.match(remedy!, /CONFIG SET proto-max-bulk-len/);
    assert.is((await carry('list')).outcome, 'created');
    await assertTidy(to);
  });
});

test('databases are kept apart, and an age that cannot be kept is told', async () => {
  await withPair([here, here], async ({from, to, carry}) => {
    await from.raw.select(3);
    await from.raw.cmd('SET', 'k', 'three');
    const carried = await carry('k', {db: 3, targetAge: 'idle'});
    assert.is(carried.outcome, 'created');
    assert.match(carried.notes.join(), /idle time is not kept/);
    assert.equal(diffSnapshots(await snapshot(from), await snapshot(to)), []);
    assert.is((await carry('k', {db: 0})).outcome, 'gone');
  });
});

for (const [left, right] of moreServers.flatMap((one) => moreServers.map((other) => [one, other] as const))) {
  test(`fields that expire, ${left.name} to ${right.name}, and to a server that knows none`, async () => {
    await withPair([left, right], async ({from, to, carry, rig}) => {
      for (const {raw} of [from, to]) {
        if (((await raw.cmd('COMMAND', 'INFO', 'HPEXPIREAT')) as unknown[])[0] !== null) continue;
        console.log(`skipped: ${left.name} to ${right.name}: one of them has no fields that expire`);
        return;
      }
      await from.raw.cmd('HSET', 'k', ...tenThousand);
      await from.raw.cmd('HPEXPIREAT', 'k', 4e12 + 7, 'FIELDS', 2, 'element 0', 'element 10');
      await from.raw.cmd('HPEXPIREAT', 'k', 4e12 + 8, 'FIELDS', 1, 'element 5000');
      await run(from.raw, [
        ['HSET', 'small', 'a', '1', 'b', '2'],
        ['HPEXPIREAT', 'small', 4e12, 'FIELDS', 1, 'b'],
      ]);
      for (const key of ['k', 'small']) {
        const changes = await changesOf(to);
        const carried = await carry(key);
        assert.is(carried.outcome, 'created', String(carried.notes));
        assert.is((await changesOf(to)) - changes, carried.writes);
        assert.is((await carry(key)).outcome, 'equal');
      }
      const ask = ['HPEXPIRETIME', 'k', 'FIELDS', 4, 'element 0', 'element 10', 'element 5000', 'element 2'];
      assert.equal(await to.raw.cmd(...ask), [4e12 + 7, 4e12 + 7, 4e12 + 8, -1]);
      await to.raw.cmd('HPEXPIREAT', 'k', 4e12 + 9, 'FIELDS', 1, 'element 0');
      assert.is((await carry('k')).outcome, 'conflict');
      const old = await rig.start();
      const target = await openSocket(old);
      try {
        for (const knowsFieldTtl of [{knowsFieldTtl: {source: true, target: false}}, {}]) {
          assert.is((await failure(carry('k', {target, ...knowsFieldTtl}))).code, 'FIELD_TTL_UNKNOWN');
          assert.is(await old.raw.cmd('DBSIZE'), 0);
        }
      } finally {
        target.close();
      }
    });
  });
}

test.run();
