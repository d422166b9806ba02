import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {twemproxyHashes} from '../../src/placement/hash/hashes.js';
import {labelCount} from '../../src/placement/ketama-ring.js';
import {ownerName, placed, refusalOf} from './topologies.js';
import {type TwemproxyConfig, twemproxyPool} from './twemproxy-pool.js';
import {vectorCases} from './vectors.js';

const test = suite('placement/ketama');

let compared = 0;
for (const {name, config, keys, owners} of vectorCases<TwemproxyConfig>('twemproxy')) {
  if (config.distribution !== 'ketama') continue;
  compared += keys.length;
  test(`twemproxy ${name}: ${keys.length} owners`, () => {
    const {shards, ownersByName, hashTag} = twemproxyPool(config);
    // In an order that twemproxy would not keep: sorting is the scheme's task.
    const placement = placed({scheme: 'ketama', hash: config.hash, ...hashTag}, shards.toReversed());
    for (const [i, key] of keys.entries())
      assert.is(ownersByName.get(ownerName(placement, key)), owners[i], key.toString('base64'));
  });
}
test('no vector was left out', () => assert.is(compared, 28_602));

test('without options: fnv1a_64 and no hash tag', () => {
  const shards = ['a', 'b', 'c'];
  const explained = placed({scheme: 'ketama'}, shards).explain(Buffer.from('user:{42}'));
  assert.is(explained.hashed.toString(), 'user:{42}');
  assert.is(explained.tagRule, 'none');
  assert.match(explained.facts[0]!.value, /^fnv1a_64 = 0x[0-9a-f]{8}$/);
});

test('explains hash, point and owner, also where the ring wraps and for the empty key', () => {
  const placement = placed({scheme: 'ketama', hash: 'crc32a'}, [{name: 'a', node: '10.0.0.1:6379'}, 'b']);
  const {facts} = placement.explain(Buffer.alloc(0));
  assert.is(facts[0]!.value, 'crc32a = 0x00000000 (empty key)');
  const wrapped = Array.from({length: 5000}, (_, i) => placement.explain(Buffer.from(`k${i}`))).find(({facts}) =>
    facts[1]!.value.endsWith(', the first one, since none follows'),
  );
  assert.ok(wrapped, 'some key lies past the last point');
  const owners = new Set(
    Array.from({length: 50}, (_, i) => placement.explain(Buffer.from(`k${i}`)).facts[1]!.value.slice(10)),
  );
  assert.ok(owners.has(' of "10.0.0.1:6379"') && owners.has(' of "b"'));
});

test('an empty key hashes to 0, whatever the hash', () => {
  for (const hash of Object.keys(twemproxyHashes)) {
    const placement = placed({scheme: 'ketama', hash}, ['a', 'b', 'c']);
    const [fact, point] = placement.explain(Buffer.alloc(0)).facts;
    assert.is(fact!.value, `${hash} = 0x00000000 (empty key)`);
    // The least of the 480 points, computed elsewhere: bytes 8 to 11 of MD5("c-9").
    assert.is(point!.value, '0x0007a352 of "c"');
    assert.is(ownerName(placement, ''), 'c');
  }
});

test('labels are counted in single precision', () => {
  assert.is(labelCount(1, 3, 3), 40);
  for (const n of [25, 47, 50, 55]) assert.is(labelCount(1, n, n), 39);
  assert.is(labelCount(1, 25, 5), 7);
  assert.is(labelCount(1, 201, 2), 0);
});

test('bytes from 0x80 depend on how char is read, others do not', () => {
  const signed = placed({scheme: 'ketama'}, ['a', 'b', 'c']);
  const unsigned = placed({scheme: 'ketama', char: 'unsigned'}, ['a', 'b', 'c']);
  const keys = Array.from({length: 200}, (_, i) => `clé:${i}`);
  assert.ok(keys.some((key) => ownerName(signed, key) !== ownerName(unsigned, key)));
  for (const key of keys.map((key) => key.replace('é', 'e')))
    assert.is(ownerName(signed, key), ownerName(unsigned, key));
});

test('warns of crc32, of a shard without points and of long labels', () => {
  const [crc32] = placed({scheme: 'ketama', hash: 'crc32'}, ['a', 'b']).warnings;
  assert.match(crc32!, /15 bits.*shard "[ab]"; crc32a has 32 bits/);
  const [small] = placed({scheme: 'ketama'}, ['small', {name: 'big', weight: 200}]).warnings;
  assert.match(small!, /"small" has too little weight/);
  const [long] = placed({scheme: 'ketama'}, ['a', {name: 'b', node: 'x'.repeat(81)}]).warnings;
  assert.match(long!, /"b" is longer than 80 bytes/);
  assert.equal(placed({scheme: 'ketama'}, ['a', 'b']).warnings, []);
});

test('refuses weights that are not whole and nodes that are not unique', () => {
  const {paths} = refusalOf({scheme: 'ketama'}, [
    {name: 'a', weight: 1.5},
    {name: 'b', weight: 0},
    {name: 'c', node: 'a'},
  ]);
  assert.equal(paths, ['shards.0.weight', 'shards.1.weight', 'shards.2.node']);
});

test.run();
