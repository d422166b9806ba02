/** Replies from bytes, in any pieces; what a hostile server sends ends in a ProtocolError and not in memory or a wrong value. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Decoder, ProtocolError, ReplyError, type RespReply} from '../../src/redis/resp/decode.js';
import {encodeCommands} from '../../src/redis/resp/encode.js';
import {prng, type Random, seedOfRun} from '../rig/data.js';

const test = suite('resp/decode');

const b = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Reply and its bytes. */
const known: readonly [RespReply, string][] = [
  ['OK', '+OK\r\n'],
  ['', '+\r\n'],
  [new ReplyError('BUSYKEY Target key name already exists.'), '-BUSYKEY Target key name already exists.\r\n'],
  [0, ':0\r\n'],
  [-2, ':-2\r\n'],
  [9_007_199_254_740_991, ':9007199254740991\r\n'],
  [9_223_372_036_854_775_807n, ':9223372036854775807\r\n'],
  [-9_223_372_036_854_775_808n, ':-9223372036854775808\r\n'],
  [b(''), '$0\r\n\r\n'],
  [b('a\r\nb'), '$4\r\na\r\nb\r\n'],
  [b('\x00\xff$5\r\n'), '$6\r\n\x00\xff$5\r\n\r\n'],
  [null, '$-1\r\n'],
  [null, '*-1\r\n'],
  [[], '*0\r\n'],
  [[1, [b('x'), null, []], 'OK'], '*3\r\n:1\r\n*3\r\n$1\r\nx\r\n$-1\r\n*0\r\n+OK\r\n'],
  [[[[[[]]]]], '*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n'],
  [[new ReplyError('ERR x'), 2], '*2\r\n-ERR x\r\n:2\r\n'],
];

function decode(chunks: readonly Buffer[], decoder = new Decoder()): RespReply[] {
  const replies: RespReply[] = [];
  for (const chunk of chunks) decoder.push(chunk, (reply) => replies.push(reply));
  return replies;
}

/** Cuts at random places, most often into very small pieces. */
function pieces(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.int(4) === 0 ? 1 + random.int(2000) : 1 + random.int(5);
    // A copy each, as from a socket: nothing may lean on the bytes behind.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

test('every kind of reply, whole and byte by byte', () => {
  for (const [reply, bytes] of known) {
    assert.equal(decode([b(bytes)]), [reply], bytes);
    assert.equal(decode([...b(bytes)].map((byte) => Buffer.from([byte]))), [reply], bytes);
  }
});

test('the same replies whatever the pieces', () => {
  const seed = seedOfRun();
  const random = prng(seed);
  for (let round = 0; round < 300; round++) {
    const chosen = Array.from({length: 1 + random.int(30)}, () => random.pick(known));
    const large = random.bytes(random.int(5000));
    const bytes = Buffer.concat([
      ...chosen.map(([, text]) => b(text)),
      b(`*2\r\n$${large.length}\r\n`),
      large,
      b('\r\n:7\r\n'),
    ]);
    const wanted = [...chosen.map(([reply]) => reply), [large, 7]];
    assert.equal(decode(pieces(bytes, random)), wanted, `RTOPO_SEED=${seed}, round ${round}`);
  }
});

test('a bulk reply of many megabytes in small pieces is put together once', () => {
  const large = Buffer.alloc(24 * 1024 * 1024, 'x');
  const bytes = Buffer.concat([b(`$${large.length}\r\n`), large, b('\r\n')]);
  const chunks = Array.from({length: Math.ceil(bytes.length / 4096)}, (_, i) =>
    bytes.subarray(i * 4096, (i + 1) * 4096),
  );
  const began = performance.now();
  const [reply] = decode(chunks);
  assert.is(large.equals(reply as Buffer), true);
  assert.ok(performance.now() - began < 3000, 'each piece was looked at again and again');
});

test('what is not RESP2, or out of bounds, is refused', () => {
  const hostile = [
    'HTTP/1.1 400 Bad Request\r\n',
    '\r\n',
    '_\r\n',
    '%1\r\n',
    ':\r\n',
    ':1.5\r\n',
    ':0x10\r\n',
    ':1e3\r\n',
    ': 1\r\n',
    ':999999999999999999999\r\n',
    '$\r\n',
    '$-2\r\n',
    '$abc\r\n',
    '$1073741825\r\n',
    '$99999999999999\r\n',
    '$1 \r\nx\r\n',
    '$3\r\nabcd\r\n',
    '$3\r\nabc\n\n',
    '*-2\r\n',
    '*134217729\r\n',
    '*99999999999\r\n',
    '*1\r\n'.repeat(17),
    `+${'x'.repeat(70_000)}`,
    `+${'x'.repeat(70_000)}\r\n`,
  ];
  for (const text of hostile) {
    assert.throws(
      () => decode([b(text)]),
      (error: unknown) => error instanceof ProtocolError,
      JSON.stringify(text.slice(0, 40)),
    );
    assert.throws(
      () => decode([...b(text.slice(0, 100_000))].map((byte) => Buffer.from([byte]))),
      (error: unknown) => error instanceof ProtocolError,
      `in pieces: ${JSON.stringify(text.slice(0, 40))}`,
    );
  }
});

test('random bytes never give anything but replies or a ProtocolError', () => {
  const seed = seedOfRun();
  const random = prng(seed);
  const alphabet = b('+-:$*0123456789\r\n\r\n\r\nab\xff');
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(Array.from({length: random.int(60)}, () => random.pick([...alphabet])));
    try {
      decode(pieces(bytes, random), new Decoder(1000));
    } catch (error) {
      assert.instance(error, ProtocolError, `RTOPO_SEED=${seed}: ${JSON.stringify(bytes.toString('latin1'))}`);
    }
  }
});

test('the word of an error is what decides', () => {
  assert.is(new ReplyError('BUSYKEY Target').word, 'BUSYKEY');
  assert.is(new ReplyError("ERR unknown command 'X'").word, 'ERR');
  assert.is(new ReplyError('nothing').word, '');
});

test('commands as bytes: binary arguments untouched, lengths in bytes', () => {
  const bytes = encodeCommands([
    ['SET', Buffer.from([0xff, 0x0d, 0x0a, 0x00]), 'ключ', 12.5],
    ['PING'],
    ['ECHO', ''],
    ['ECHO', Buffer.alloc(0)],
  ]);
  const wanted = '*4\r\n$3\r\nSET\r\n$4\r\n\xff\r\n\x00\r\n$8\r\n\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87\r\n$4\r\n12.5\r\n';
  const rest = '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n';
  assert.is(bytes.toString('latin1'), wanted + rest);
  assert.is(encodeCommands([]).length, 0);
});

test('what is encoded is what a decoder reads', () => {
  const random = prng(5);
  for (let round = 0; round < 100; round++) {
    const commands = Array.from({length: 1 + random.int(5)}, () =>
      Array.from({length: 1 + random.int(5)}, () => random.bytes(random.int(80))),
    );
    assert.equal(decode(pieces(encodeCommands(commands), random)), commands);
  }
});

test.run();
