/** DUMP payloads as bytes: checksum, footer, and what of it another server takes. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {
  crc64,
  footerFor,
  isIntact,
  type PayloadSupport,
  payloadOf,
  readPayload,
  refoot,
  wayFor,
} from '../../src/migration/payload.js';
import {probePayloads} from '../../src/migration/probe.js';
import {diffSnapshots, snapshot} from '../rig/checker.js';
import {fill, prng} from '../rig/data.js';
import {kinds} from '../rig/kinds.js';
import {withServers} from '../rig/servers.js';
import {needingValkey, valkey} from '../rig/valkey.js';
import {withPair} from './pair.js';

const test = suite('migration/payload');
const withValkey = needingValkey(test);

const hex = (bytes: Buffer) => {
  const {high, low} = crc64(bytes);
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
};

test('CRC-64 Jones: check values, and every length against a bit-by-bit computation', () => {
  assert.is(hex(Buffer.from('123456789')), 'e9c6d914c4b8d9ca');
  assert.is(hex(Buffer.alloc(0)), '0000000000000000');
  // The second one of crc64.c, with the final NUL of C.
  const lorem =
    'Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. Ut enim ' +
    'ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure dolor in ' +
    'reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat non proident, sunt ' +
    'in culpa qui officia deserunt mollit anim id est laborum.\0';
  assert.is(hex(Buffer.from(lorem)), 'c7794709e69683b3');
  const random = prng(1);
  for (let length = 0; length < 100; length++) {
    const bytes = random.bytes(length);
    assert.is(hex(bytes), slowCrc(bytes), `${length} bytes`);
  }
});

/** By the definition: reflected polynomial 0x95ac9329ac4bc9b5, one bit at a time. */
function slowCrc(bytes: Buffer): string {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc.toString(16).padStart(16, '0');
}

const old = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15];
const to = (family: PayloadSupport['family'], maxFooter: number, ...types: number[]): PayloadSupport => ({
  family,
  maxFooter,
  types: new Set([...old, ...types]),
});
const redis62 = to('common', 9);
const redis70 = to('common', 10, 16, 17, 18, 19);
const valkey8 = to('common', 11, 16, 17, 18, 19, 20, 21);
const redis8 = to('redis', 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25);
const redis86 = to('redis', 13, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25);
const valkey9 = to('valkey', 80, 16, 17, 18, 19, 20, 21, 22);

/** Type byte, footer, target, way, footer written. */
const ways: readonly (readonly [string, number, number, PayloadSupport, string, number?])[] = [
  ['a string to the same version', 0, 10, redis70, 'as-is'],
  ['a string to an older one', 0, 11, redis70, 'refoot', 10],
  ['a string of Redis 8 to an older one', 0, 12, redis70, 'refoot', 10],
  ['a string of Valkey 9 to an older one', 0, 80, valkey8, 'refoot', 11],
  ['a string of Valkey 9 to Redis 8', 0, 80, redis8, 'refoot', 11],
  ['a string of Redis 8 to Valkey 9', 0, 12, valkey9, 'refoot', 11],
  ['a string of Redis 7.0 to Valkey 9', 0, 10, valkey9, 'as-is'],
  ['a set in a listpack to a server that knows none', 20, 11, redis70, 'elements'],
  ['a stream of 7.2 to 7.0', 21, 11, redis70, 'elements'],
  ['a stream of 7.2 to Redis 8', 21, 11, redis8, 'as-is'],
  ['a stream of Redis 8 to Valkey 9', 21, 12, valkey9, 'refoot', 11],
  ['a listpack to 6.2', 16, 10, redis62, 'elements'],
  ['a hash table to 6.2', 4, 10, redis62, 'refoot', 9],
  ['fields that expire, Redis 8 to Redis 8', 24, 12, redis8, 'as-is'],
  ['fields that expire, Redis 8.6 to Redis 8', 24, 13, redis8, 'refoot', 12],
  ['fields that expire, Redis 8 to Redis 8.6', 25, 12, redis86, 'as-is'],
  ['fields that expire, Redis 8 to Valkey 9', 24, 12, valkey9, 'elements'],
  ['type 22 of Redis to Valkey 9, where it is something else', 22, 12, valkey9, 'elements'],
  ['type 22 of Valkey 9 to Redis 8, where it is something else', 22, 80, redis8, 'elements'],
  ['type 22 of Valkey 9 to Valkey 9', 22, 80, valkey9, 'as-is'],
  ['type 22 with a footer of nobody', 22, 11, redis8, 'elements'],
  ['a type that nobody knows yet', 60, 12, redis8, 'elements'],
  ['a module, same footer', 7, 10, redis70, 'as-is'],
  ['a module to an older version: only RESTORE can tell', 7, 11, redis70, 'refoot', 10],
];

test('the way of a payload follows from its type byte, its footer and the target', () => {
  for (const [name, type, footer, target, way, written] of ways) {
    const payload = payloadOf(type, Buffer.from('value'), footer);
    assert.is(wayFor(payload, target), way, name);
    if (written !== undefined) assert.is(footerFor(payload, target), written, name);
  }
  assert.is(wayFor(Buffer.from('short'), redis70), 'as-is');
});

test('another footer keeps the value, and the checksum is right', () => {
  const payload = payloadOf(18, Buffer.from('some value'), 11);
  assert.ok(isIntact(payload));
  const other = refoot(payload, 80);
  assert.ok(isIntact(other));
  assert.equal(readPayload(other), {type: 18, footer: 80, family: 'valkey'});
  assert.ok(other.subarray(0, -10).equals(payload.subarray(0, -10)));
  assert.is(readPayload(payload)!.footer, 11, 'the original is as it was');
  assert.equal(refoot(other, 11), payload);
  other[3]! ^= 1;
  assert.not.ok(isIntact(other));
  assert.not.ok(isIntact(Buffer.from('short')));
});

test('what a server dumps is intact, and comes back from any footer it accepts', async () => {
  await withServers(1, async ([server]) => {
    const written = await fill(server!, {seed: 9, keys: 60, ttlShare: 0});
    assert.is(new Set(written.map(({kind}) => kind)).size, kinds.length);
    const before = await snapshot(server!);
    for (const {key} of written) {
      const payload = (await server!.raw.cmd('DUMP', key)) as Buffer;
      assert.ok(isIntact(payload));
      await server!.raw.cmd('RESTORE', key, 0, refoot(payload, 6), 'REPLACE');
      assert.ok(
        (await refusalOf(server!.raw.cmd('RESTORE', key, 0, refoot(payload, 99), 'REPLACE'))).includes('version'),
      );
    }
    assert.equal(diffSnapshots(before, await snapshot(server!)), []);
  });
});

async function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error: Error) => error.message,
  );
}

for (const [name, specs] of [
  ['redis to valkey', [{}, valkey]],
  ['valkey to redis', [valkey, {}]],
] as const) {
  withValkey(`every payload that may travel arrives, and no other is tried, ${name}`, async () => {
    await withPair(specs, async ({from, to: target, target: socket}) => {
      const {support} = await probePayloads(socket);
      const written = await fill(from, {seed: 11, keys: 80, ttlShare: 0});
      const taken = new Map<string, number>();
      for (const {key} of written) {
        const payload = (await from.raw.cmd('DUMP', key)) as Buffer;
        const way = wayFor(payload, support);
        taken.set(way, (taken.get(way) ?? 0) + 1);
        if (way === 'elements') {
          const refoots = refoot(payload, support.maxFooter);
          assert.ok((await refusalOf(target.raw.cmd('RESTORE', key, 0, refoots))).includes('Bad data format'));
          await from.raw.cmd('DEL', key);
        } else {
          const sent = way === 'as-is' ? payload : refoot(payload, footerFor(payload, support));
          await target.raw.cmd('RESTORE', key, 0, sent);
        }
      }
      assert.equal(diffSnapshots(await snapshot(from), await snapshot(target)), []);
      assert.equal([...taken.keys()].sort(), name === 'redis to valkey' ? ['as-is'] : ['elements', 'refoot']);
    });
  });
}

test.run();
