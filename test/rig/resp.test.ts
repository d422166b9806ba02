/** The bytes of the independent client. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Decoder, encode, RawError} from './resp.js';

const test = suite('rig/resp');

test('the decoder gives the same replies whatever the chunks', () => {
  const bytes = Buffer.from(
    '+OK\r\n:-7\r\n$-1\r\n*2\r\n$3\r\na\r\n\r\n*2\r\n$0\r\n\r\n-ERR no\r\n*0\r\n*-1\r\n$1\r\nz\r\n',
  );
  const want = ['OK', -7, null, [Buffer.from('a\r\n'), [Buffer.alloc(0), new RawError('ERR no')]], [], null];
  for (let size = 1; size <= bytes.length; size += 1) {
    const decoder = new Decoder();
    const got = [];
    for (let at = 0; at < bytes.length; at += size) got.push(...decoder.push(bytes.subarray(at, at + size)));
    assert.equal(got, [...want, Buffer.from('z')], `chunks of ${size}`);
  }
  assert.throws(() => new Decoder().push(Buffer.from('HTTP/1.1 400\r\n')), /not RESP2/);
});

test('commands are encoded as bytes', () => {
  const bytes = encode(['SET', Buffer.from([0xff, 0x0d, 0x0a]), 'é', 7]);
  assert.is(bytes.toString('latin1'), '*4\r\n$3\r\nSET\r\n$3\r\n\xff\r\n\r\n$2\r\n\xc3\xa9\r\n$1\r\n7\r\n');
});

test.run();
