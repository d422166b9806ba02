/** The formulas of history and partial resync, as a table. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {predictResync, relate} from '../../src/replication/lineage.js';
import {backlog, history, lineage} from './worlds.js';

const test = suite('replication/lineage');
const [a, b, c] = [history('a'), history('b'), history('c')];

const relations: readonly [string, ReturnType<typeof lineage>, ReturnType<typeof lineage>, object][] = [
  ['one history, behind', lineage(a, 90), lineage(a, 100), {kind: 'same'}],
  ['one history, level', lineage(a, 100), lineage(a, 100), {kind: 'same'}],
  ['one history, ahead', lineage(a, 103), lineage(a, 100), {kind: 'diverged', bytes: 3}],
  ['root promoted at 99, node at the fork', lineage(a, 99), lineage(b, 150, [a, 100]), {kind: 'same'}],
  ['root promoted at 99, node one byte on', lineage(a, 100), lineage(b, 150, [a, 100]), {kind: 'diverged', bytes: 1}],
  ['node promoted, wrote nothing', lineage(b, 99, [a, 100]), lineage(a, 120), {kind: 'same'}],
  ['node promoted, wrote 50', lineage(b, 149, [a, 100]), lineage(a, 120), {kind: 'diverged', bytes: 50}],
  ['node promoted beyond what root has', lineage(b, 99, [a, 100]), lineage(a, 80), {kind: 'diverged', bytes: 19}],
  ['no common id', lineage(a, 1), lineage(b, 1), {kind: 'foreign'}],
  ['both promoted out of a third', lineage(a, 9, [c, 9]), lineage(b, 9, [c, 9]), {kind: 'foreign'}],
  ['an empty id proves nothing', lineage('', 0), lineage('', 0), {kind: 'foreign'}],
  ['second id without an offset', lineage(a, 1), {...lineage(b, 9), replid2: a}, {kind: 'foreign'}],
];
for (const [what, node, root, expected] of relations) {
  test(`relate: ${what}`, () => assert.equal(relate(node, root), expected));
}

const resyncs: readonly [string, Parameters<typeof predictResync>, 'partial' | 'full'][] = [
  ['first byte wanted is the first kept', [lineage(a, 49), lineage(a, 100), backlog(50, 51)], 'partial'],
  ['one byte before the backlog', [lineage(a, 48), lineage(a, 100), backlog(50, 51)], 'full'],
  ['nothing missing', [lineage(a, 100), lineage(a, 100), backlog(50, 51)], 'partial'],
  ['ahead of the master', [lineage(a, 101), lineage(a, 100), backlog(50, 51)], 'full'],
  ['no backlog', [lineage(a, 100), lineage(a, 100), null], 'full'],
  ['second id, at the fork', [lineage(a, 99), lineage(b, 150, [a, 100]), backlog(50, 101)], 'partial'],
  ['second id, beyond the fork', [lineage(a, 100), lineage(b, 150, [a, 100]), backlog(50, 101)], 'full'],
  ['own second id is never offered', [lineage(b, 99, [a, 100]), lineage(a, 150), backlog(50, 101)], 'full'],
  ['foreign', [lineage(a, 60), lineage(b, 100), backlog(50, 51)], 'full'],
  ['no id', [lineage('', 60), lineage('', 100), backlog(50, 51)], 'full'],
];
for (const [what, args, expected] of resyncs) {
  test(`predict: ${what}`, () => assert.is(predictResync(...args), expected));
}

test.run();
