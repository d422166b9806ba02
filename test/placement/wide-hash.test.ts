import {createHash} from 'node:crypto';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {digests} from '../../src/placement/digests.js';
import {fnv1a64, fnv164} from '../../src/placement/hash/fnv64.js';
import type {HashFunction, WideHash} from '../../src/placement/hash/hash.js';
import {md5, md5Wide} from '../../src/placement/hash/md5.js';
import {murmur64a, murmur64aWith} from '../../src/placement/hash/murmur64a.js';
import {phpHashes} from '../../src/placement/hash/php.js';
import {xxh64, xxh64With} from '../../src/placement/hash/xxh64.js';
import {rawHashes} from './vectors.js';

const test = suite('placement/wide-hash');

/** All words of a hash as one number. */
function numberFrom(hash: WideHash, key: Uint8Array, words = 2): bigint {
  const around = Buffer.concat([Buffer.from('xyz'), key, Buffer.from('xyz')]);
  const into = new Uint32Array(words + 1);
  hash(around, 3, 3 + key.length, into);
  return into.subarray(0, words).reduce((sum, word) => (sum << 32n) | BigInt(word), 0n);
}

test('check values of "123456789"', () => {
  const values = [murmur64aWith(0), fnv164, fnv1a64, xxh64].map((hash) => numberFrom(hash, Buffer.from('123456789')));
  assert.equal(values, [0x4977490251674330n, 0xa72ffc362bf916d6n, 0x06d5573923c6cdfcn, 0x8cb841db40e6ae83n]);
});

/** A hash of 32 bits as one of 64. */
function narrow(hash: HashFunction): WideHash {
  return (bytes, start, end, into) => {
    into[0] = 0;
    into[1] = hash(bytes, start, end);
  };
}

const raw = rawHashes();
const php = Object.entries(phpHashes).map(([name, hash]) => [`php/${name}/ret`, narrow(hash)] as const);
const real: Readonly<Record<string, WideHash>> = {
  'jedis/murmur64A_seed_0x1234ABCD': murmur64a,
  'envoy/murmurhash2_64_seed_0xc70f6907': murmur64aWith(0xc70f6907),
  'go/fnv1_64': fnv164,
  'go/fnv1a64': fnv1a64,
  'go/xxh64': xxh64,
  'go/crc64_ecma': digests.crc64_ecma,
  'go/crc64_iso': digests.crc64_iso,
  'go/crc32_ieee': digests.crc32,
  'guava/crc32/padToLong': digests.crc32,
  'guava/md5/padToLong': digests.md5,
  'guava/sha256/padToLong': digests.sha256,
  'guava/murmur3_32_fixed/padToLong': digests.murmur3_32,
  'guava/sipHash24/padToLong': digests.siphash24,
  'jedis/md5_le32': narrow(md5),
  ...Object.fromEntries(php.filter(([name]) => raw.hashes.some(({hash}) => hash === name))),
};
for (const [name, hash] of Object.entries(real))
  test(`${name}: 402 values of the real implementation`, () => {
    const {values} = raw.hashes.find((one) => one.hash === name)!;
    assert.is(values.length, 402);
    for (const [i, key] of raw.keys.entries())
      assert.is(numberFrom(hash, key), BigInt.asUintN(64, BigInt(values[i]!)), key.toString('base64'));
  });

test('no recorded hash is left out but those that are not computed here', () => {
  const others = ['guava/murmur3_128/padToLong', 'guava/farmHashFingerprint64/padToLong', 'redis/cluster_keyslot'];
  const named = [...Object.keys(real), ...others];
  const missing = raw.hashes.map(({hash}) => hash).filter((hash) => !named.includes(hash));
  assert.ok(
    missing.every((hash) => hash.startsWith('twemproxy/')),
    missing.join(),
  );
  assert.is(Object.keys(real).length, 26);
});

test('XXH64 with a seed: values of the specification', () => {
  // The sanity buffer of xxHash's own self-test (xxhsum.c), with its PRIME32_1 as seed.
  let generator = 2654435761n;
  const buffer = Buffer.alloc(222);
  for (let i = 0; i < buffer.length; i++) {
    buffer[i] = Number(generator >> 56n);
    generator = (generator * 11400714785074694797n) & 0xffff_ffff_ffff_ffffn;
  }
  const seed = 2654435761;
  for (const [length, plain, seeded] of [
    [0, 0xef46db3751d8e999n, 0xac75fda2929b17efn],
    [1, 0xe934a84adb052768n, 0x5014607643a9b4c3n],
    [14, 0x8282dcc4994e35c8n, 0xc3bd6bf63deb6df0n],
    [222, 0xb641ae8cb691c174n, 0x20cb8ab7ae10c14an],
  ] as const) {
    const key = buffer.subarray(0, length);
    assert.is(numberFrom(xxh64, key), plain, `${length}`);
    assert.is(numberFrom(xxh64With(seed), key), seeded, `${length}, seeded`);
  }
});

test('MD5 is what OpenSSL computes, for every length around the ends of blocks and a megabyte', () => {
  const lengths = [...Array.from({length: 300}, (_, i) => i), 4095, 4096, 1 << 20];
  for (const length of lengths) {
    const key = Buffer.alloc(length, 0xb7).map((byte, i) => (byte * i + (i >>> 8)) & 0xff) as Buffer;
    const expected = createHash('md5').update(key).digest();
    assert.is(numberFrom(md5Wide, key, 4), BigInt(`0x${expected.toString('hex')}`), `${length}`);
    assert.is(md5(key, 0, length), expected.readUInt32LE(0), `${length}`);
  }
});

test.run();
