import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Ring} from '../../src/placement/ring.js';
import {randomFrom} from './random.js';

const test = suite('placement/ring');

test('the first point at or after the hash, and the first one past the last', () => {
  const ring = new Ring([
    {point: 0x80000000, owner: 1},
    {point: 10, owner: 0},
    {point: 0xfffffff0, owner: 2},
  ]);
  const owners = [0, 9, 10, 11, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffff0, 0xfffffff1, 0xffffffff].map((h) =>
    ring.owner(h),
  );
  assert.equal(owners, [0, 0, 0, 1, 1, 1, 2, 2, 0, 0]);
});

test('equal points: the one given first wins', () => {
  const ring = new Ring([5, 7, 7, 7].map((point, owner) => ({point, owner})));
  assert.is(ring.owner(6), 1);
  assert.is(ring.owner(7), 1);
  assert.is(ring.owner(8), 0);
});

test('one point owns everything, wherever it is', () => {
  for (const point of [0, 1, 0x7fffffff, 0xffffffff]) {
    const ring = new Ring([{point, owner: 3}]);
    for (const hash of [0, 1, 0x80000000, 0xffffffff]) assert.is(ring.owner(hash), 3);
  }
  assert.throws(() => new Ring([]), /at least one point/);
});

test('agrees with a linear search, for spread and for crowded points', () => {
  const next = randomFrom(3);
  for (const [count, mask] of [
    [2, 0xffffffff],
    [480, 0xffffffff],
    [3000, 0xffffffff],
    [500, 0xff],
    [500, 0xff0000ff],
  ] as const) {
    const entries = Array.from({length: count}, (_, owner) => ({point: (next() & mask) >>> 0, owner}));
    const ring = new Ring(entries);
    const sorted = entries.toSorted((a, b) => a.point - b.point || a.owner - b.owner);
    const linear = (hash: number): number => (sorted.find((entry) => entry.point >= hash) ?? sorted[0]!).owner;
    const hashes = [
      0,
      0xffffffff,
      ...entries.slice(0, 40).map((entry) => entry.point),
      ...Array.from({length: 100}, next),
    ];
    for (const hash of hashes) assert.is(ring.owner(hash), linear(hash));
  }
});

test.run();
