/** Whose lock counts: the one on the master, and no copy that outlived it. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {staleCopies} from '../../src/replication/lock-copies.js';
import {addressText} from '../../src/topology/types.js';
import {attached, facts, fault, instance, leading, observed, shard} from './worlds.js';

const test = suite('replication/lock-copies');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];
const chain = shard(M, [instance(R, M), instance(S, R)]);
const healthy = {[M]: leading([R]), [R]: attached(M), [S]: attached(R)};

function stale(world: Parameters<typeof observed>[0], locks: Record<string, string | null>): string[] {
  return [...staleCopies([chain], observed(world), ({address}) => locks[addressText(address)])];
}

test('what the master does not hold any more, down the whole chain', () => {
  assert.equal(stale(healthy, {[M]: null, [R]: 'old', [S]: 'old'}), [R, S]);
  assert.equal(stale(healthy, {[M]: 'new', [R]: 'old', [S]: 'new'}), [R]);
});

test('what the master holds is no stale copy, and its own lock never is one', () => {
  assert.equal(stale(healthy, {[M]: 'now', [R]: 'now', [S]: null}), []);
});

const unknown: readonly [string, Parameters<typeof observed>[0], Record<string, string | null>][] = [
  ['the master was not asked', healthy, {[R]: 'old'}],
  ['the master does not answer', {...healthy, [M]: fault()}, {[R]: 'old'}],
  ['it leads itself', {...healthy, [R]: facts()}, {[M]: null, [R]: 'old'}],
  ['it follows a stranger', {...healthy, [M]: leading([]), [R]: attached('10.9.9.9:1')}, {[M]: null, [R]: 'old'}],
  ['a ring', {...healthy, [M]: attached(S)}, {[M]: null, [R]: 'old', [S]: null}],
];
for (const [what, world, locks] of unknown) {
  test(`stands: ${what}`, () => assert.equal(stale(world, locks), []));
}

test.run();
