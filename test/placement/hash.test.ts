import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {crc16} from '../../src/placement/hash/crc16.js';
import type {HashFunction} from '../../src/placement/hash/hash.js';
import {plainHashes, twemproxyHashes} from '../../src/placement/hash/hashes.js';
import {redisClusterTag} from '../../src/placement/tag.js';
import {randomKeys} from './random.js';
import {rawHashes} from './vectors.js';

const test = suite('placement/hash');
const of = (hash: HashFunction, key: Uint8Array): number => hash(key, 0, key.length);

/** Check values of "123456789", as the header of each file tells them. */
const plain = {
  crc32: 0xcbf43926,
  crc16: 0x31c3,
  fnv1a_64: 0x23c6cdfc,
  fnv1a_32: 0xbb86b11c,
  fnv1_64: 0x2bf916d6,
  fnv1_32: 0x24148816,
  md5: 0x94e7f925,
  murmur2: 0xb7760690,
  one_at_a_time: 0xc66b58c5,
  jenkins: 0x19777af6,
  hsieh: 0xe4fc1670,
};
const {murmur2: murmur, ...shared} = plain;
const twemproxy = {...shared, murmur, crc16: 0x869031c3, crc32: 0x4bf4, crc32a: 0xcbf43926};

for (const [registry, hashes, checks] of [
  ['plain', plainHashes, plain],
  ['twemproxy', twemproxyHashes, twemproxy],
] as const) {
  test(`every ${registry} hash gives its check value, whatever lies around the key`, () => {
    assert.equal(Object.keys(hashes).sort(), Object.keys(checks).sort());
    const around = Buffer.from('xx123456789yy');
    for (const [name, {signed, unsigned}] of Object.entries(hashes)) {
      const expected = (checks as Record<string, number>)[name];
      assert.is(signed(around, 2, 11), expected, name);
      assert.is(unsigned(around, 2, 11), expected, name);
    }
  });
}

test('published values: CRC-32 of nothing, one_at_a_time of the quick brown fox, the slots of the Redis Cluster specification', () => {
  assert.is(of(plainHashes.crc32.signed, Buffer.alloc(0)), 0);
  assert.is(
    of(plainHashes.one_at_a_time.signed, Buffer.from('The quick brown fox jumps over the lazy dog')),
    0x519e91f5,
  );
  assert.is(of(plainHashes.crc16.signed, Buffer.from('foo')) & 16383, 12182);
});

test('every hash is an unsigned 32-bit number for any bytes, the empty key included', () => {
  const keys = [Buffer.alloc(0), ...randomKeys(500, 1)];
  for (const {signed, unsigned} of [...Object.values(plainHashes), ...Object.values(twemproxyHashes)])
    for (const hash of [signed, unsigned])
      for (const key of keys) {
        const value = of(hash, key);
        assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffffffff);
      }
});

const raw = rawHashes();
for (const {hash, values} of raw.hashes) {
  const [, name, unsigned] = /^twemproxy\/([^/]+)(\/unsigned-char)?$/.exec(hash) ?? [];
  if (name === undefined) continue;
  test(`${hash}: ${values.length} values of the C code`, () => {
    const fn = twemproxyHashes[name as keyof typeof twemproxyHashes][unsigned === undefined ? 'signed' : 'unsigned'];
    for (const [i, key] of raw.keys.entries()) assert.is(of(fn, key), Number(values[i]), key.toString('base64'));
  });
}

for (const [hash, name] of [
  ['go/crc32_ieee', 'crc32'],
  ['jedis/md5_le32', 'md5'],
] as const)
  test(`${hash}: ${name} of another author`, () => {
    const {values} = raw.hashes.find((candidate) => candidate.hash === hash)!;
    for (const [i, key] of raw.keys.entries()) assert.is(of(plainHashes[name].signed, key), Number(values[i]));
  });

test('redis/cluster_keyslot: the tag rule and CRC16 of a real server', () => {
  const {values} = raw.hashes.find((candidate) => candidate.hash === 'redis/cluster_keyslot')!;
  const slot = redisClusterTag.over((bytes, start, end) => crc16(bytes, start, end) & 16383);
  for (const [i, key] of raw.keys.entries()) assert.is(of(slot, key), Number(values[i]), key.toString('base64'));
});

test('fnv1a_32 and fnv1_32 read as unsigned are the standard ones of Go, PHP and everybody', () => {
  for (const [hash, name] of [
    ['php/fnv1a32/ret', 'fnv1a_32'],
    ['php/fnv132/ret', 'fnv1_32'],
  ] as const) {
    const {values} = raw.hashes.find((candidate) => candidate.hash === hash)!;
    const swapped = Buffer.alloc(4);
    raw.keys.forEach((key, i) => {
      // PHP prints the digest big-endian and the recording read it little-endian.
      swapped.writeUInt32LE(Number(values[i]));
      assert.is(of(plainHashes[name].unsigned, key), swapped.readUInt32BE());
    });
  }
});

test.run();
