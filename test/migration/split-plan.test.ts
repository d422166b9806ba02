/** Which way joining shards come by their keys: who can have one parent, and what either way would cost. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Asked, chooseWay, parentage} from '../../src/migration/split.js';
import {instance} from '../replication/worlds.js';

const test = suite('migration/split-plan');

const node = (name: string, inFrom = false, inTo = true) => ({
  ...{name, inFrom, inTo},
  instance: instance(`10.0.0.${name.charCodeAt(0)}:6379`),
});
const cell = (from: string, to: string, keys = 100, bytes = keys * 100) => ({from, to, keys, bytes});

const families: readonly [string, ReturnType<typeof node>[], ReturnType<typeof cell>[], string | string[]][] = [
  ['1 → 2', [node('a', true), node('b')], [cell('a', 'b')], ['b of a']],
  ['1 → 3', [node('a', true), node('b'), node('c')], [cell('a', 'b'), cell('a', 'c')], ['b of a', 'c of a']],
  [
    'each its own parent',
    [node('a', true), node('b', true), node('c'), node('d')],
    [cell('a', 'c'), cell('b', 'd')],
    ['c of a', 'd of b'],
  ],
  [
    'two parents',
    [node('a', true), node('b', true), node('c')],
    [cell('a', 'c'), cell('b', 'c')],
    'shard c gets keys from a and b',
  ],
  ['nobody joins', [node('a', true), node('b', true)], [cell('a', 'b')], 'no joining shard gets keys'],
  ['joins and gets nothing', [node('a', true), node('b')], [], 'no joining shard gets keys'],
  ['a leaving parent', [node('a', true, false), node('b')], [cell('a', 'b')], ['b of a']],
];
for (const [what, nodes, matrix, expected] of families) {
  test(`parents: ${what}`, () => {
    const {children, why} = parentage({nodes}, matrix);
    const found = children.map(({child, parent}) => `${nodes[child]!.name} of ${nodes[parent]!.name}`);
    assert.equal(why ?? found, expected);
  });
}

const gigabytes = (count: number) => count * 1e9;

function asked(over: Partial<Asked> & {keys?: number; bytes?: number}): Asked {
  const {keys = 100_000, bytes = gigabytes(10), ...rest} = over;
  return {
    change: {nodes: [node('a', true), node('b')]},
    census: {
      matrix: [cell('a', 'b', keys / 2, bytes / 2)],
      loads: [{name: 'a', at: '', keys, keysAfter: keys / 2, bytesIn: 0}],
    },
    ...{wanted: 'auto', linkBytesPerSecond: null},
    ...rest,
  };
}

test('on a good line keys are copied, whatever they are; over a thin one replication wins, and the reason is said', () => {
  for (const size of [
    {keys: 1e7, bytes: gigabytes(1)},
    {keys: 1e6, bytes: gigabytes(2)},
    {keys: 1e5, bytes: gigabytes(50)},
  ]) {
    assert.is(chooseWay(asked(size)).via, 'copy');
  }
  const {via, why, copySeconds, replicateSeconds} = chooseWay(asked({linkBytesPerSecond: 12e6}));
  assert.is(via, 'replicate');
  assert.ok(copySeconds > 1200 && replicateSeconds! < 200);
  assert.is(
    why,
    'New shards are filled as replicas: copying the keys that move would take about 21 min over a line of 12 MB/s, ' +
      'replicating everything and dropping the rest about 3 min.',
  );
  // A small move is not worth the wait for a snapshot, on any line.
  assert.is(chooseWay(asked({keys: 1000, bytes: 1e6, linkBytesPerSecond: 12e6})).via, 'copy');
});

test('what was asked for is done where it can be, and said where it cannot', () => {
  assert.match(chooseWay(asked({wanted: 'replicate'})).why, /^New shards are filled as replicas, as asked for: /);
  assert.match(chooseWay(asked({wanted: 'copy', linkBytesPerSecond: 1e6})).why, /^Keys are copied, as asked for: /);
  const two = asked({wanted: 'replicate', change: {nodes: [node('a', true), node('b', true)]}});
  assert.equal(
    [chooseWay(two).via, chooseWay(two).replicateSeconds, chooseWay(two).why],
    ['copy', null, 'Keys are copied: no joining shard gets keys.'],
  );
});

test.run();
