/** Replies as ranges of bytes: the same as the decoder makes of them, in any pieces; what a hostile server sends ends in a ProtocolError. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Decoder, ProtocolError, type RespReply} from '../../src/redis/resp/decode.js';
import {FlatReplies} from '../../src/redis/resp/flat.js';
import {RespSocket} from '../../src/redis/resp/socket.js';
import {prng, seedOfRun} from '../rig/data.js';
import {withServers} from '../rig/servers.js';

const test = suite('resp/flat');

const b = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What the ranges say, as the decoder would say it: elements of arrays stand behind their array. */
function told(replies: FlatReplies): unknown[] {
  return Array.from({length: replies.count}, (_, i) => {
    const refusal = replies.refusal(i);
    if (refusal !== null) return `-${refusal.text}`;
    if (replies.isBulk(i)) return replies.bytes.toString('latin1', replies.start(i), replies.end(i));
    if (replies.isArray(i)) return 'array';
    if (replies.isOk(i)) return '+OK';
    const number = replies.number(i);
    return Number.isNaN(number) ? null : number;
  });
}

function flattened(reply: RespReply): unknown[] {
  if (Array.isArray(reply)) return ['array', ...reply.flatMap(flattened)];
  if (Buffer.isBuffer(reply)) return [reply.toString('latin1')];
  if (reply === 'OK') return ['+OK'];
  if (reply !== null && typeof reply === 'object') return [`-${reply.text}`];
  return [reply];
}

test('the same as the decoder, whatever the pieces, and again in the same buffers', () => {
  const seed = seedOfRun();
  const random = prng(seed);
  const replies = new FlatReplies();
  for (let round = 0; round < 60; round++) {
    const some = Array.from({length: 1 + random.int(40)}, () => {
      const text = String.fromCharCode(...Array.from({length: random.int(300)}, () => random.int(256)));
      const bulk = `$${text.length}\r\n${text}\r\n`;
      const kinds = [
        '+OK\r\n',
        `:${random.int(1e9)}\r\n`,
        ':-2\r\n',
        '$-1\r\n',
        '*-1\r\n',
        '*0\r\n',
        bulk,
        '-ERR x\r\n',
      ];
      const one = kinds[random.int(kinds.length)]!;
      return random.int(5) === 0 ? `*3\r\n${bulk}$-1\r\n${one}` : one;
    });
    const all = b(some.join(''));
    const wanted: unknown[] = [];
    new Decoder().push(all, (reply) => wanted.push(...flattened(reply)));
    replies.reset(some.length);
    const rest = b('+rest');
    const sent = Buffer.concat([all, rest]);
    let used = -1;
    for (let at = 0; used === -1; ) {
      const piece = Buffer.from(sent.subarray(at, at + (random.int(3) === 0 ? 2000 : 1 + random.int(7))));
      used = replies.push(piece);
      at += used === -1 ? piece.length : used;
      if (used !== -1) assert.is(at, all.length, `seed ${seed}: what follows is not ours`);
    }
    assert.equal(told(replies), wanted, `seed ${seed}`);
  }
});

test('a bulk reply is an argument as it stands', () => {
  const replies = new FlatReplies();
  replies.reset(2);
  assert.is(replies.push(b('$3\r\nabc\r\n:1\r\n')), 13);
  assert.is(replies.bytes.toString('latin1', replies.head(0), replies.tail(0)), '$3\r\nabc\r\n');
  assert.is(replies.size(0), 3);
});

test('what is no RESP2 ends in a ProtocolError', () => {
  for (const bytes of [
    'x\r\n',
    '$3\r\nabcd\r\n',
    '$-2\r\n',
    '$99999999999\r\n',
    '*99999999\r\n',
    ':1a\r\n',
    '$\r\n',
    '+a\rb',
    '$3\n',
  ]) {
    const replies = new FlatReplies();
    replies.reset(1);
    assert.throws(
      () => replies.push(b(bytes)),
      (error: unknown) => error instanceof ProtocolError,
      JSON.stringify(bytes),
    );
  }
});

test('between other requests of the same connection each gets its own replies', () =>
  withServers(1, async ([server]) => {
    const {host, port} = server!;
    const socket = await RespSocket.open({address: {host, port}, tls: null, auth: null}, 5000);
    try {
      const big = Buffer.alloc(300_000, 'x');
      await server!.raw.cmd('SET', 'big', big);
      const [before, flat, page, after] = await Promise.all([
        socket.batch([['GET', 'big'], ['PING']]),
        socket.flat((request) => request.add(['GET', 'big']).add(['MGET', 'big', 'none']).add(['LPUSH', 'big', 1])),
        socket.scan('0', 10),
        socket.batch([['ECHO', 'after']]),
      ]);
      assert.equal(before, [big, 'PONG']);
      assert.is(flat.count, 5);
      assert.ok(flat.isBulk(2) && flat.size(2) === big.length && !flat.isBulk(3) && flat.isArray(1));
      assert.is(flat.refusal(4)?.word, 'WRONGTYPE');
      assert.is(page.ranges.length, 2);
      assert.equal(after, [Buffer.from('after')]);
      await server!.raw.cmd('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      let code = '';
      await socket
        .flat((request) => request.add(['PING']))
        .catch((error) => {
          code = error.code;
        });
      assert.is(code, 'CONNECTION_LOST');
    } finally {
      socket.close();
    }
  }));

test.run();
