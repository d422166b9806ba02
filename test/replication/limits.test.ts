/** Limits of the operator: above is critical, at the limit is not, unknown is. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {withLimits} from '../../src/replication/limits.js';
import {NO_LIMITS} from '../../src/report/limits.js';
import type {InstanceStatus} from '../../src/report/status.js';
import {finding, master, replica, report, shard, silent} from '../render/status-reports.js';

const test = suite('replication/limits');
const [M, R] = ['10.0.0.1:6379', '10.0.0.2:6379'];

function judged(over: Partial<InstanceStatus>, limits: Partial<typeof NO_LIMITS>) {
  const before = report([shard('alpha', [master(M), replica(R, M, over)]), shard('beta', [master('b:1')])]);
  const after = withLimits(before, {...NO_LIMITS, ...limits});
  return {after, codes: after.problems.map(({code}) => code), text: after.problems[0]?.message ?? ''};
}

const cases: readonly [string, Partial<InstanceStatus>, Partial<typeof NO_LIMITS>, string | null][] = [
  ['bytes above', {lagBytes: 1025}, {maxLagBytes: 1024}, 'LAG_ABOVE_LIMIT'],
  ['bytes at the limit', {lagBytes: 1024}, {maxLagBytes: 1024}, null],
  ['bytes unknown', {lagBytes: null}, {maxLagBytes: 1024}, 'LAG_ABOVE_LIMIT'],
  ['bytes not told at all', {link: 'down', lagBytes: null}, {maxLagBytes: 1}, 'LAG_ABOVE_LIMIT'],
  ['no limit', {lagBytes: null, ackSeconds: null}, {}, null],
  ['seconds above', {lagBytes: 9, lagSeconds: 5.1}, {maxLagSeconds: 5}, 'LAG_SECONDS_ABOVE_LIMIT'],
  ['seconds below', {lagBytes: 9, lagSeconds: 4.9}, {maxLagSeconds: 5}, null],
  ['seconds unknown', {lagBytes: 9, lagSeconds: null}, {maxLagSeconds: 5}, 'LAG_SECONDS_ABOVE_LIMIT'],
  ['no byte is no second, whatever the rate', {lagBytes: 0, lagSeconds: null}, {maxLagSeconds: 5}, null],
  ['acknowledgement too old', {ackSeconds: 11}, {maxAckSeconds: 10}, 'ACK_ABOVE_LIMIT'],
  ['acknowledgement unknown', {ackSeconds: null}, {maxAckSeconds: 10}, 'ACK_ABOVE_LIMIT'],
  ['acknowledged', {ackSeconds: 10}, {maxAckSeconds: 10}, null],
];
for (const [what, over, limits, code] of cases) {
  test(what, () => {
    const {after, codes} = judged(over, limits);
    assert.equal(codes, code === null ? [] : [code]);
    assert.is(after.healthy, code === null);
    assert.is(after.shards[0]!.healthy, code === null);
    assert.ok(after.shards[1]!.healthy, 'the other shard is as it was');
    assert.equal(
      after.shards[0]!.instances.map(({problems}) => [...problems]),
      [[], code === null ? [] : [code]],
    );
  });
}

test('the sentence says how much, or that nobody knows', () => {
  assert.match(
    judged({lagBytes: 5_000_000}, {maxLagBytes: 1_048_576}).text,
    'is 5,000,000 bytes; the limit is 1,048,576',
  );
  const down = judged({link: 'down', lagBytes: null}, {maxLagBytes: 1024}).text;
  assert.match(down, 'is unknown (its link is down), which counts as above the limit');
});

test('what does not answer has its own code; a master has no lag; findings are added to those there are', () => {
  const limits = {maxLagBytes: 1, maxLagSeconds: 1, maxAckSeconds: 1};
  const before = report([shard('alpha', [master(M), silent(R, M)])], [finding('TIMEOUT', R)]);
  assert.is(withLimits(before, limits), before);
  const late = report([shard('alpha', [master(M), replica(R, M, {lagBytes: 9})])], [finding('X', R)]);
  const codes = withLimits(late, limits).problems.map(({code}) => code);
  assert.equal(codes, ['X', 'LAG_ABOVE_LIMIT', 'LAG_SECONDS_ABOVE_LIMIT']);
});

test.run();
