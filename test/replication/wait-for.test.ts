/** What a wait still lacks, report by report, and the exit code when the time is over. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {type Goal, Wait} from '../../src/replication/wait-for.js';
import type {InstanceStatus, StatusReport} from '../../src/report/status.js';
import {finding, master, replica, report, shard, silent} from '../render/status-reports.js';

const test = suite('replication/wait-for');
const [M, R, S] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'];

const scene = (root: Partial<InstanceStatus>, child: Partial<InstanceStatus>): StatusReport =>
  report([shard('alpha', [master(M, root), replica(R, M, child)])]);

/** `what` and the exit code that a deadline would give. */
function lacks(one: StatusReport, goal: Goal = 'in-sync', wait = new Wait(goal, 'again')): string {
  const missing = wait.look(one);
  return missing.length === 0 ? 'reached' : `${missing[0]!.what} → ${wait.failure(missing, 1000).exit}`;
}

const cases: readonly [string, Partial<InstanceStatus>, string][] = [
  ['all there', {}, 'reached'],
  ['ahead of the sample of its master', {offset: 1005}, 'reached'],
  ['late', {offset: 400, lagBytes: 600}, 'lacks 600 bytes → 4'],
  [
    'being filled',
    {link: 'syncing', sync: {phase: 'transfer', percent: 42.6, etaSeconds: null}, offset: 2000},
    'is being filled (transfer 43 %) → 4',
  ],
  ['connecting', {link: 'connecting', lagBytes: null}, 'is still connecting → 4'],
  ['down, though it has the bytes', {link: 'down', lagBytes: null, offset: 5000}, 'has no link → 2'],
  [
    'another history, though it has the bytes',
    {lagBytes: null, offset: 5000},
    'has another history than its master → 2',
  ],
  ['by the finding', {problems: ['LINEAGE_MISMATCH']}, 'has another history than its master → 2'],
  ['a master itself', {role: 'master'}, 'is not a replica → 2'],
  ['another parent', {of: 'x:1'}, 'follows x:1, not 10.0.0.1:6379 → 2'],
  ['an offset that nobody knows', {offset: null}, 'does not say how far it is → 2'],
];
for (const [what, over, expected] of cases) test(`in-sync: ${what}`, () => assert.is(lacks(scene({}, over)), expected));

test('in-sync: who does not answer is not in sync, replica or master; a lone master is', () => {
  assert.is(lacks(report([shard('alpha', [master(M), silent(R, M)])])), 'does not answer → 5');
  assert.is(lacks(report([shard('alpha', [silent(M), replica(R, M)])])), 'does not answer → 5');
  assert.is(lacks(report([shard('alpha', [silent(M)])])), 'does not answer → 5');
  assert.is(lacks(report([shard('alpha', [master(M)])])), 'reached');
  assert.is(lacks(scene({role: 'replica', of: 'x:1'}, {})), 'is not the master → 2');
});

test('in-sync: the mark is where the master stood at the beginning, so that a busy master is no endless wait', () => {
  const wait = new Wait('in-sync', 'again');
  assert.is(lacks(scene({offset: 1000}, {offset: 500}), 'in-sync', wait), 'lacks 500 bytes → 4');
  assert.is(lacks(scene({offset: 9000}, {offset: 999}), 'in-sync', wait), 'lacks 1 bytes → 4');
  assert.is(lacks(scene({offset: 19_000}, {offset: 1000}), 'in-sync', wait), 'reached');
  // All of them at the same moment.
  const three = (down: boolean) =>
    report([shard('alpha', [master(M), replica(R, M), replica(S, R, down ? {link: 'down'} : {})])]);
  assert.is(lacks(three(true), 'in-sync', wait), 'has no link → 2');
  assert.is(lacks(three(false), 'in-sync', wait), 'reached');
});

test('in-sync: a master that began a new history has a new mark', () => {
  const wait = new Wait('in-sync', 'again');
  lacks(scene({offset: 9000}, {offset: 1}), 'in-sync', wait);
  assert.is(lacks(scene({offset: 50, runId: 'another'}, {offset: 50}), 'in-sync', wait), 'reached');
  const lower = new Wait('in-sync', 'again');
  lacks(scene({offset: 100}, {offset: 1}), 'in-sync', lower);
  assert.is(lacks(scene({offset: 9000, runId: 'another'}, {offset: 200}), 'in-sync', lower), 'lacks 8,800 bytes → 4');
  const back = new Wait('in-sync', 'again');
  lacks(scene({offset: 9000}, {offset: 1}), 'in-sync', back);
  assert.is(lacks(scene({offset: 70}, {offset: 70}), 'in-sync', back), 'reached');
});

test('in-sync: limits that were named must hold too', () => {
  const one = report([shard('alpha', [master(M), replica(R, M)])], [finding('ACK_ABOVE_LIMIT', R)]);
  assert.is(lacks(one), 'has ACK_ABOVE_LIMIT → 4');
});

test('healthy: no critical finding; warnings do not matter; what may mend itself is exit 4', () => {
  const instances = [shard('alpha', [master(M), replica(R, M, {link: 'syncing'}), replica(S, M)])];
  const of = (code: string, at: string, severity: 'critical' | 'warning' = 'critical'): string =>
    lacks(report(instances, [finding(code, at, {severity})]), 'healthy');
  assert.is(of('X', S, 'warning'), 'reached');
  assert.is(of('SYNCING', R), 'has SYNCING → 4');
  assert.is(of('LAG_ABOVE_LIMIT', S), 'has LAG_ABOVE_LIMIT → 4');
  assert.is(of('LINK_AUTH', S), 'has LINK_AUTH → 2');
  const dead = report([shard('alpha', [master(M), silent(R, M)])], [finding('TIMEOUT', R)]);
  assert.is(lacks(dead, 'healthy'), 'does not answer (TIMEOUT) → 5');
});

test('the end names what was missing, each instance once, and how to go on', () => {
  const wait = new Wait('in-sync', 'rtopo status --wait-for in-sync');
  const late = Array.from({length: 7}, (_, i) => replica(`r${i}:1`, M, {offset: 1}));
  const missing = wait.look(report([shard('alpha', [master(M), ...late])]));
  const {message, remedy, details} = wait.failure(missing, 60_000);
  assert.match(message, /^Not in-sync after 60 s: r0:1 lacks 999 bytes; r1:1 .*; and 2 more\.$/);
  assert.is(remedy, 'rtopo status --wait-for in-sync');
  assert.is((details!.missing as unknown[]).length, 7);
  assert.match(wait.text(missing), /^waiting for in-sync: r0:1 lacks/);
});

test.run();
