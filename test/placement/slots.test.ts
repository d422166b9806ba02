import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {crc16} from '../../src/placement/hash/crc16.js';
import type {Placement} from '../../src/placement/placement.js';
import {ownerName, placed, refusalOf} from './topologies.js';
import {vectorCases} from './vectors.js';

type Config = {kind: 'slot'} | {kind: 'ranges'; ranges: [name: string, first: number, last: number][]};

const test = suite('placement/slots');

for (const {name, config, keys, owners} of vectorCases<Config>('redis-cluster'))
  test(`redis-cluster ${name}: ${keys.length} keys`, () => {
    if (config.kind === 'slot') {
      const placement = placed({scheme: 'slots'}, ['a']);
      for (const [i, key] of keys.entries())
        assert.is(placement.explain(key).facts[1]!.value, owners[i], key.toString('base64'));
    } else {
      const slots = Object.fromEntries(config.ranges.map(([shard, first, last]) => [shard, `${first}-${last}`]));
      const placement = placed({scheme: 'slots', slots}, Object.keys(slots));
      for (const [i, key] of keys.entries()) assert.is(ownerName(placement, key), owners[i], key.toString('base64'));
    }
  });

/** What the explanation says of the range around a slot. */
function rangeOf(placement: Placement, slot: number): string {
  for (let i = 0; ; i++) {
    const key = Buffer.from(`k${i}`);
    if ((crc16(key, 0, key.length) & 16383) === slot) return placement.explain(key).facts[2]!.value;
  }
}

/** All ranges, found from slot to slot through explanations. */
function ranges(placement: Placement): string[] {
  const found: string[] = [];
  for (let slot = 0; slot < 16384; slot = Number(/-(\d+) /.exec(found.at(-1)!)![1]) + 1)
    found.push(rangeOf(placement, slot));
  return found;
}

test('an even split of three is the one of Redis Cluster', () => {
  const usual = ['0-5460 of "a"', '5461-10922 of "b"', '10923-16383 of "c"'];
  assert.equal(ranges(placed({scheme: 'slots'}, ['a', 'b', 'c'])), usual);
});

test('an even split follows the order of the file and the weights, fractions and 0 included', () => {
  const placement = placed({scheme: 'slots'}, [
    {name: 'z', weight: 0.5},
    'a',
    {name: 'm', weight: 0},
    {name: 'k', weight: 2.5},
  ]);
  assert.equal(ranges(placement), ['0-2047 of "z"', '2048-6143 of "a"', '6144-16383 of "k"']);
  assert.equal(placement.warnings, ['Shard "m" owns no slot, so it owns no key.']);
});

test('a last shard of weight 0 still owns nothing', () => {
  const placement = placed({scheme: 'slots'}, ['a', {name: 'b', weight: 0}]);
  assert.equal(ranges(placement), ['0-16383 of "a"']);
});

test('assigned slots: single slots, spaces, numbers, and a shard without any', () => {
  const slots = {a: ' 0-5460 , 9000', b: '5461-8999,9001-16382', c: 16383, d: ''};
  const placement = placed({scheme: 'slots', slots}, [{name: 'a', weight: 2}, 'b', 'c', 'd', 'e']);
  assert.equal(placement.traits, {identity: 'name', assignedBy: 'slots', movement: 'assigned'});
  assert.equal(placement.warnings, [
    'The weight 2 of shard "a" has no effect: option slots assigns the slots.',
    'Shard "d" owns no slot, so it owns no key.',
    'Shard "e" owns no slot, so it owns no key.',
  ]);
  assert.is(rangeOf(placement, 9000), '9000 of "a"');
  assert.is(rangeOf(placement, 9001), '9001-16382 of "b"');
  assert.is(rangeOf(placement, 16383), '16383 of "c"');
});

test('keys with one tag are on one shard unless the tag rule is switched off', () => {
  const keys = Array.from({length: 50}, (_, i) => `${i}{tag}`);
  const owners = (hashTag: object) =>
    new Set(keys.map((key) => ownerName(placed({scheme: 'slots', ...hashTag}, ['a', 'b', 'c']), key)));
  assert.is(owners({}).size, 1);
  assert.is(owners({hashTag: 'none'}).size, 3);
});

test('every problem of assigned slots is told, with its path', () => {
  const {message, problems} = refusalOf(
    {scheme: 'slots', slots: {alpha: '0-5000,20000,9-3,x', beta: '5000-9000', gama: '9001-9100'}},
    ['alpha', 'beta', 'gamma'],
  );
  assert.equal(
    problems.map(({path}) => path.join('.')),
    [
      'placement.slots.alpha',
      'placement.slots.alpha',
      'placement.slots.alpha',
      'placement.slots.beta',
      'placement.slots.gama',
      'placement.slots',
    ],
  );
  assert.match(message, /"20000" of shard "alpha" is neither a slot from 0 to 16383 nor a range such as "0-5460"\./);
  assert.match(message, /Slot 5000 is given to "beta" and already to "alpha"\./);
  assert.match(message, /names "gama", which is no shard\. Did you mean "gamma"\?/);
  assert.match(message, /No shard owns the slots 5001-9000 and 9101-16383\./);
});

test('slots must be a mapping to text', () => {
  assert.equal(refusalOf({scheme: 'slots', slots: '0-16383'}, ['a']).paths, ['placement.slots']);
  assert.equal(refusalOf({scheme: 'slots', slots: {a: [0, 16383]}}, ['a']).paths, ['placement.slots.a']);
});

test('weights that split nothing are refused', () => {
  assert.match(refusalOf({scheme: 'slots'}, [{name: 'a', weight: 0}]).message, /No shard has a weight above 0/);
  assert.equal(refusalOf({scheme: 'slots'}, ['b', {name: 'a', weight: -1}]).paths, ['shards.1.weight']);
});

test.run();
