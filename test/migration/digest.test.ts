/** One digest per value: equal whatever the order of a hash table, different for every difference. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {canonicalDigest, dumpBody, readCommand} from '../../src/migration/digest.js';
import {ReplyError, type RespReply} from '../../src/redis/resp/decode.js';

const test = suite('migration/digest');

const b = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));

test('sets and hashes are compared without order, everything else with it', () => {
  const equal: [string, RespReply, RespReply][] = [
    ['set', b('a', 'b', 'c'), b('c', 'a', 'b')],
    ['set', b('ab', 'a'), b('a', 'ab')],
    ['hash', b('a', '1', 'b', '2'), b('b', '2', 'a', '1')],
    ['list', b('a', 'b'), b('a', 'b')],
    ['string', Buffer.from('x'), Buffer.from('x')],
  ];
  for (const [type, one, other] of equal) assert.is(canonicalDigest(type, one), canonicalDigest(type, other), type);
  const different: [string, RespReply, RespReply][] = [
    ['set', b('a', 'b'), b('a', 'c')],
    ['set', b('ab'), b('a', 'b')],
    ['set', b('a', 'bc'), b('ab', 'c')],
    ['hash', b('a', '1', 'b', '2'), b('a', '2', 'b', '1')],
    ['hash', b('a', 'b'), b('b', 'a')],
    ['hash', b('a', '1b', 'c', '2'), b('a', '1', 'bc', '2')],
    ['list', b('a', 'b'), b('b', 'a')],
    ['list', b('ab'), b('a', 'b')],
    ['zset', b('a', '1', 'b', '2'), b('b', '2', 'a', '1')],
    ['string', Buffer.from([0xff]), Buffer.from([0xfe])],
    ['string', Buffer.from(''), Buffer.from('\0')],
    ['stream', b('length', '1'), b('length', '2')],
    [
      'stream',
      [...b('groups'), [[...b('name', 'a', 'pel-count'), 1]]],
      [...b('groups'), [[...b('name', 'a', 'pel-count'), 2]]],
    ],
  ];
  for (const [type, one, other] of different)
    assert.is.not(canonicalDigest(type, one), canonicalDigest(type, other), `${type} ${one} ${other}`);
  assert.is.not(canonicalDigest('list', b('a')), canonicalDigest('set', b('a')), 'the type counts');
});

test('how the tree of a stream is cut does not count', () => {
  const stream = (keys: number, nodes: number, length: number): RespReply => [
    ...b('length'),
    length,
    ...b('radix-tree-keys'),
    keys,
    ...b('radix-tree-nodes'),
    nodes,
    ...b('entries'),
    [[Buffer.from('1-1'), b('f', 'v')]],
  ];
  assert.is(canonicalDigest('stream', stream(1, 2, 3)), canonicalDigest('stream', stream(4, 5, 3)));
  assert.is.not(canonicalDigest('stream', stream(1, 2, 3)), canonicalDigest('stream', stream(1, 2, 4)));
});

test('what cannot be read cannot be equal', () => {
  assert.is(canonicalDigest('string', null), null);
  assert.is(canonicalDigest('hash', new ReplyError('WRONGTYPE')), null);
  assert.is(canonicalDigest('set', 'x'), null);
  assert.is(readCommand('module-type', Buffer.from('k')), null);
});

test('the footer of a payload is not its value', () => {
  const footer = Buffer.alloc(10, 1);
  assert.equal(dumpBody(Buffer.concat([Buffer.from('value'), footer])), Buffer.from('value'));
  assert.is(dumpBody(Buffer.alloc(3)).length, 0);
});

test.run();
