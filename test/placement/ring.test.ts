import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Ring, type RingRule, WideRing} from '../../src/placement/ring.js';
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

test('every rule agrees with a linear search, on narrow and wide rings', () => {
  const next = randomFrom(4);
  const rules: RingRule[] = (['at-or-after', 'after', 'at-or-before'] as const).flatMap((search) =>
    (['earlier', 'later'] as const).flatMap((ties) => [
      {search, ties},
      {search, ties, beyond: 'last' as const},
    ]),
  );
  for (const rule of rules)
    for (const mask of [0xffffffff, 0xff, 0xff0000ff]) {
      const entries = Array.from({length: 300}, (_, owner) => ({point: (next() & mask) >>> 0, owner}));
      const ring = new Ring(entries, rule);
      // The second word repeats the first one, so that both words decide and the order stays the same.
      const wide = new WideRing(
        entries.map(({point, owner}) => ({point: [point >>> 8, point], owner})),
        2,
        rule,
      );
      for (const hash of [0, 0xffffffff, ...entries.map(({point}) => point), ...Array.from({length: 100}, next)]) {
        const expected = linear(entries, hash, rule);
        assert.is(ring.owner(hash), expected, JSON.stringify(rule));
        assert.is(wide.owner(Uint32Array.of(hash >>> 8, hash)), expected, JSON.stringify(rule));
      }
    }
});

function linear(entries: readonly {point: number; owner: number}[], hash: number, rule: RingRule): number {
  const order = rule.ties === 'earlier' ? 1 : -1;
  const sorted = entries.toSorted((a, b) => a.point - b.point || order * (a.owner - b.owner));
  const firsts = sorted.filter(({point}, i) => i === 0 || sorted[i - 1]!.point !== point);
  if (rule.search === 'at-or-before') return (firsts.findLast(({point}) => point <= hash) ?? firsts.at(-1)!).owner;
  const found = firsts.find(({point}) => (rule.search === 'after' ? point > hash : point >= hash));
  return (found ?? (rule.beyond === 'last' ? firsts.at(-1)! : firsts[0]!)).owner;
}

test.run();
