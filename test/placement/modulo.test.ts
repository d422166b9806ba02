import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {ownerName, placed, refusalOf} from './topologies.js';
import {type TwemproxyConfig, twemproxyPool} from './twemproxy-pool.js';
import {vectorCases} from './vectors.js';

const test = suite('placement/modulo');

/** twemproxy's name of a hash → ours. Its crc16 and crc32 are variants of its own, which modulo does not have. */
const ourName: Readonly<Record<string, string | null>> = {murmur: 'murmur2', crc32a: 'crc32', crc32: null, crc16: null};

let compared = 0;
for (const {name, config, keys, owners} of vectorCases<TwemproxyConfig>('twemproxy')) {
  const hash = ourName[config.hash] === undefined ? config.hash : ourName[config.hash];
  if (config.distribution !== 'modula' || hash === null) continue;
  compared += keys.length;
  test(`twemproxy ${name}: ${keys.length} owners`, () => {
    const {shards, ownersByName, hashTag} = twemproxyPool(config);
    const placement = placed({scheme: 'modulo', hash, ...hashTag}, shards);
    for (const [i, key] of keys.entries())
      assert.is(ownersByName.get(ownerName(placement, key)), owners[i], key.toString('base64'));
  });
}
test('no other vector was left out', () => assert.is(compared, 20_904));

test('crc32 unless another hash is named, in the order of the file', () => {
  const placement = placed({scheme: 'modulo'}, ['z', 'a', 'm']);
  // CRC-32 of "123456789" is 3421780262 = 3 * 1140593420 + 2.
  assert.is(ownerName(placement, '123456789'), 'm');
  assert.equal(placement.explain(Buffer.from('123456789')).facts, [
    {label: 'hash', value: 'crc32 = 0xcbf43926'},
    {label: 'remainder', value: '3421780262 % 3 = 2, the place of "m"'},
  ]);
});

test('a shard takes as many places in a row as its weight', () => {
  const placement = placed({scheme: 'modulo', hash: 'crc16'}, [{name: 'a', weight: 3}, 'b', {name: 'c', weight: 2}]);
  // CRC16 of "123456789" is 0x31c3 = 12739 = 6 * 2123 + 1.
  assert.is(ownerName(placement, '123456789'), 'a');
  const places = new Map<string, string>();
  for (let i = 0; i < 500; i++) {
    const key = Buffer.from(`k${i}`);
    const remainder = / = (\d)/.exec(placement.explain(key).facts[1]!.value)![1]!;
    places.set(remainder, ownerName(placement, key));
  }
  assert.equal(Object.fromEntries(places), {0: 'a', 1: 'a', 2: 'a', 3: 'b', 4: 'c', 5: 'c'});
});

test('refuses weights that are not whole, too many places, and twemproxy names with the name that is meant', () => {
  assert.equal(refusalOf({scheme: 'modulo'}, ['a', {name: 'b', weight: 0.5}]).paths, ['shards.1.weight']);
  assert.match(refusalOf({scheme: 'modulo'}, ['a', {name: 'b', weight: 2e6}]).message, /add up to 2000001/);
  const {message, paths} = refusalOf({scheme: 'modulo', hash: 'murmur'}, ['a', 'b']);
  assert.equal(paths, ['placement.hash']);
  assert.match(message, /^Hash "murmur" is unknown\. Did you mean "murmur2"\? Known are crc32, /);
});

test.run();
