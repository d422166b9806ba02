import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {schemes} from '../../src/placement/schemes.js';
import {placementBattery, samples} from './battery.js';
import {ownerName, placed, refusalOf} from './topologies.js';

const test = suite('placement/schemes');

for (const scheme of schemes)
  for (const sample of samples[scheme.name] ?? [{title: scheme.name, placement: () => ({})}])
    placementBattery(test, scheme, sample);

test('the registry: names are unique, and every scheme says in a line what it is', () => {
  const names = schemes.map((scheme) => scheme.name);
  assert.equal(names.slice(0, 3), ['range', 'modulo', 'ketama']);
  assert.is(names.length, 23);
  assert.is(new Set(names).size, names.length);
  for (const {summary, movement} of schemes) {
    assert.match(summary, /^[^\n]{10,100}[^.]$/);
    assert.match(movement, /^[A-Z].*\.$/);
  }
});

test('one shard without a placement owns every key', () => {
  const placement = placed(null, ['only']);
  assert.is(placement.scheme, 'single');
  assert.is(ownerName(placement, ''), 'only');
  assert.is(ownerName(placement, '{a}b'), 'only');
  assert.is(placement.explain(Buffer.from('{a}b')).hashed.toString(), '{a}b');
  assert.equal(placement.warnings, []);
});

test('the node is the name unless the topology has one', () => {
  const {shards} = placed({scheme: 'ketama'}, [
    {name: 'a', weight: 2},
    {name: 'b', node: '10.0.0.2:6379'},
  ]);
  assert.equal(shards, [
    {name: 'a', node: 'a', weight: 2},
    {name: 'b', node: '10.0.0.2:6379', weight: 1},
  ]);
});

test('several shards need a placement', () => {
  const {message, paths, remedy} = refusalOf(null, ['a', 'b']);
  assert.equal(paths, ['placement']);
  assert.match(message, /2 shards and no placement/);
  assert.match(remedy!, /range, modulo, ketama, .* and credis/);
});

test('no shard, and two of one name', () => {
  assert.equal(refusalOf(null, []).paths, ['shards']);
  const {paths, message} = refusalOf({scheme: 'ketama'}, ['a', 'b', {name: 'a', node: 'c'}]);
  assert.equal(paths, ['shards.2.name']);
  assert.match(message, /two shards named "a"/);
});

test('an unknown scheme, with the one that is meant', () => {
  const {paths, message, remedy} = refusalOf({scheme: 'ketema'}, ['a', 'b']);
  assert.equal(paths, ['placement.scheme']);
  assert.is(message, 'Scheme "ketema" is unknown. Did you mean "ketama"?');
  assert.match(remedy!, /^Known schemes are range, /);
});

test('all problems of the options at once', () => {
  const {paths, message, remedy} = refusalOf({scheme: 'ketama', hashh: 'md5', hash: 'fnv1a64', replicas: 160}, [
    'a',
    'b',
  ]);
  assert.equal(paths, ['placement.hash', 'placement.hashh', 'placement.replicas']);
  assert.match(message, /Hash "fnv1a64" is unknown\. Did you mean "fnv1a_64"\?/);
  assert.match(message, /Scheme ketama has no option "hashh"\. Did you mean "hash"\?/);
  assert.is(remedy, 'Options of scheme ketama are hash, char and hashTag.');
});

test('an option of the wrong kind is a sentence', () => {
  assert.match(refusalOf({scheme: 'ketama', hash: 5}, ['a', 'b']).message, /^Hash must be one of fnv1a_64, crc32/);
  assert.match(refusalOf({scheme: 'range', ranges: 'a'}, ['a']).message, /^Option ranges must be a list/);
  assert.match(
    refusalOf({scheme: 'range', ranges: ['a']}, ['a']).message,
    /^A range must be a mapping of below and shard\.$/,
  );
});

test('what a file says is escaped before it is shown', () => {
  const {message} = refusalOf({scheme: 'ketama', '\x1b[31m': 1, hash: 'a\nb'}, ['a', 'b']);
  assert.match(message, /"\\x1b\[31m"/);
  assert.match(message, /"a\\x0ab"/);
});

test('a hash tag that is none', () => {
  const {paths, message} = refusalOf({scheme: 'ketama', hashTag: 'redis-clustr'}, ['a', 'b']);
  assert.equal(paths, ['placement.hashTag']);
  assert.match(message, /two characters such as "\{\}".*Did you mean "redis-cluster"\?/);
});

test.run();
