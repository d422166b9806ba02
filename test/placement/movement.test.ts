import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {theoreticalMinimumShare} from '../../src/placement/movement.js';
import {weightShares} from '../../src/placement/weights.js';

const test = suite('placement/movement');
const shards = (weights: Record<string, number>) =>
  Object.entries(weights).map(([name, weight]) => ({name, node: name, weight}));

const cases: readonly (readonly [
  title: string,
  from: Record<string, number>,
  to: Record<string, number>,
  share: number,
])[] = [
  ['nothing changes', {a: 1, b: 1}, {a: 1, b: 1}, 0],
  ['the order changes', {a: 1, b: 3}, {b: 3, a: 1}, 0],
  ['all weights grow alike', {a: 1, b: 3}, {a: 2, b: 6}, 0],
  ['two become three', {a: 1, b: 1}, {a: 1, b: 1, c: 1}, 1 / 3],
  ['three become two', {a: 1, b: 1, c: 1}, {a: 1, b: 1}, 1 / 3],
  ['a shard is replaced', {a: 1, b: 1}, {a: 1, c: 1}, 1 / 2],
  ['a weight doubles', {a: 1, b: 1}, {a: 1, b: 2}, 2 / 3 - 1 / 2],
  ['none stays', {a: 1}, {b: 1}, 1],
  ['a shard is drained', {a: 1, b: 1}, {a: 1, b: 0}, 1 / 2],
];
for (const [title, from, to, share] of cases)
  test(`${title}: ${share}`, () =>
    assert.ok(Math.abs(theoreticalMinimumShare(shards(from), shards(to)) - share) < 1e-12));

test('shares by weight, and none without any weight', () => {
  assert.equal(
    [...weightShares(shards({a: 1, b: 3}))],
    [
      ['a', 0.25],
      ['b', 0.75],
    ],
  );
  assert.equal([...weightShares(shards({a: 0}))], [['a', 0]]);
});

test.run();
