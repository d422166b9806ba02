/** Two readings and what the backlog tells, as values: which of the methods answers, and what it says. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {judgeEvidence, type WritersEvidence} from '../../src/migration/judge-writers.js';
import {type Reading, readingOf, unknownCommands} from '../../src/migration/readings.js';
import {parseInfo} from '../../src/redis/info.js';
import type {BacklogReplay} from '../../src/redis/resp/tap.js';

const test = suite('migration/judge-writers');

const own = {session: 'one', sure: 3, perhaps: 0, calls: 3};

const first: Reading = {
  node: '10.0.0.1:6379',
  isForged: false,
  isMaster: true,
  runId: 'r',
  replid: 'h',
  offset: 100,
  backlogFirst: 1,
  offsetAlwaysMoves: false,
  changes: 10,
  lastSave: 1000,
  saves: 2,
  isSaving: false,
  calls: {set: 5, pexpire: 2},
  resets: 0,
  commands: 50,
  own,
};

type Change = Partial<Reading>;
const renewed: Change = {
  offset: 150,
  changes: 11,
  calls: {set: 5, pexpire: 3},
  commands: 80,
  own: {...own, sure: 4, calls: 4},
};

function judge(before: Change, after: Change, evidence: Partial<WritersEvidence> = {}): string {
  const {verdict, method} = judgeEvidence({
    before: [{...first, ...before}],
    after: [{...first, ...renewed, ...after}],
    replays: new Map(),
    hasExpired: null,
    ...evidence,
  });
  return `${verdict} by ${method}`;
}

const replayed = {
  kind: 'replayed',
  bytes: 50,
  commands: 3,
  written: [],
  deleted: [],
  wholesale: [],
  others: 0,
  overflow: false,
} as const;
const key = {db: 0, key: Buffer.from('k')};
const tells = (change: Partial<BacklogReplay & {kind: 'replayed'}>) => ({
  replays: new Map([[first.node, {...replayed, ...change}]]),
});

/** What is different before and after, beyond a renewal of the lock. */
const cases: readonly [string, Change, Change, string][] = [
  ['an offset that has not moved', {}, {offset: 100, changes: 99}, 'none-seen by offset'],
  [
    'where the offset does not move without a backlog',
    {backlogFirst: null},
    {offset: 100, backlogFirst: null},
    'none-seen by changes',
  ],
  [
    'and where it does',
    {backlogFirst: null, offsetAlwaysMoves: true},
    {offset: 100, backlogFirst: null, offsetAlwaysMoves: true},
    'none-seen by offset',
  ],
  ['a backlog that was freed', {}, {offset: 100, backlogFirst: null}, 'none-seen by changes'],
  ['an offset that is not known', {offset: null}, {offset: null}, 'none-seen by changes'],
  ['the lock alone', {}, {}, 'none-seen by changes'],
  ['one change more', {}, {changes: 12}, 'seen by changes'],
  ['copies that land here', {}, {changes: 16, own: {...own, sure: 9, calls: null}}, 'none-seen by changes'],
  [
    'copies that may have landed here',
    {},
    {changes: 15, own: {...own, sure: 6, perhaps: 2, calls: null}},
    'none-seen by changes',
  ],
  ['and one more', {}, {changes: 16, own: {...own, sure: 6, perhaps: 2, calls: null}}, 'seen by changes'],
  ['fewer changes than ours', {}, {changes: 10}, 'none-seen by commandstats'],
  ['a snapshot', {}, {changes: 0, saves: 3}, 'none-seen by commandstats'],
  ['a snapshot within the second, by its count', {saves: 2}, {saves: 3}, 'none-seen by commandstats'],
  ['a snapshot of an old server', {saves: null}, {saves: null, lastSave: 1001}, 'none-seen by commandstats'],
  ['a snapshot under way before', {isSaving: true}, {}, 'none-seen by commandstats'],
  ['a snapshot, and a write', {}, {saves: 3, calls: {set: 6, pexpire: 3}}, 'seen by commandstats'],
  [
    'a snapshot, and a command never seen before',
    {},
    {saves: 3, calls: {set: 5, pexpire: 3, del: 1}},
    'seen by commandstats',
  ],
  ['a snapshot and a reset of the statistics', {}, {saves: 3, calls: {}, commands: 4, resets: 1}, 'unknown by none'],
  ['a reset that left no count', {}, {saves: 3, calls: {set: 5}, commands: 90}, 'unknown by none'],
  ['fewer commands than before', {}, {saves: 3, commands: 40}, 'unknown by none'],
  ['a snapshot, and copies whose calls nobody counts', {}, {saves: 3, own: {...own, calls: null}}, 'unknown by none'],
  ['another process of ours', {}, {own: {...own, session: 'two', sure: 1, calls: 1}}, 'unknown by none'],
  [
    'another process, and nothing changed at all',
    {},
    {changes: 10, own: {...own, session: 'two'}},
    'none-seen by changes',
  ],
  [
    'another process, and no call at all',
    {},
    {saves: 3, calls: first.calls, own: {...own, session: 'two'}},
    'none-seen by commandstats',
  ],
  [
    'the same on a server that hides a reset',
    {saves: null},
    {saves: null, changes: 10, own: {...own, session: 'two'}},
    'unknown by none',
  ],
  ['a restart', {}, {runId: 's', offset: 100}, 'unknown by none'],
  ['another history', {}, {replid: 'i', offset: 100}, 'unknown by none'],
  ['no master any more', {}, {isMaster: false}, 'unknown by none'],
  ['no run id', {runId: null}, {runId: null}, 'unknown by none'],
  ['injected lines', {}, {isForged: true, offset: 100}, 'unknown by none'],
];

for (const [what, before, after, verdict] of cases) test(what, () => assert.is(judge(before, after), verdict));

test('the backlog comes before every counter', () => {
  const counted = {changes: 99};
  const write = (replay: Partial<BacklogReplay & {kind: 'replayed'}>, more: Partial<WritersEvidence> = {}) =>
    judge({}, counted, {...tells(replay), ...more});
  assert.is(write({}), 'none-seen by backlog');
  assert.is(write({others: 88}), 'none-seen by backlog', 'keys that stay');
  assert.is(write({written: [key]}), 'seen by backlog');
  assert.is(write({overflow: true}), 'seen by backlog');
  assert.is(write({wholesale: [{db: null, command: 'FLUSHALL', data: true}]}), 'seen by backlog');
  assert.is(write({wholesale: [{db: null, command: 'FUNCTION', data: false}]}), 'none-seen by backlog');
  assert.is(write({deleted: [key]}), 'unknown by backlog');
  assert.is(write({deleted: [key]}, {hasExpired: () => true}), 'none-seen by backlog');
  assert.is(write({deleted: [key]}, {hasExpired: () => false}), 'seen by backlog');
  const unavailable = new Map([[first.node, {kind: 'unavailable', why: 'it keeps none'} as const]]);
  assert.is(judge({}, {}, {replays: unavailable}), 'none-seen by changes');
  const nothing = judgeEvidence({
    ...{before: [first], after: [{...first, runId: 'r', offset: 150, changes: null, commands: 1}]},
    ...{replays: unavailable, hasExpired: null},
  });
  assert.match(nothing.nodes[0]!.why!, /^it keeps none; and its counters/);
});

test('of several sources the worst decides, and names are given with their server', () => {
  const on = (node: string, change: Change = {}): Reading => ({...first, node, ...change});
  const before = [on('a'), on('b'), on('c')];
  const judged = (after: Reading[], replays: [string, BacklogReplay][] = []) =>
    judgeEvidence({before, after, replays: new Map(replays), hasExpired: null});
  const quiet = judged([on('a'), on('b', renewed), on('c')], [['b', {...replayed, others: 2}]]);
  assert.equal([quiet.verdict, quiet.method, quiet.touchedMoving, quiet.touchedOther], ['none-seen', 'backlog', 0, 2]);
  const counted = judged([on('a'), on('b', renewed), on('c')]);
  assert.equal(
    [counted.verdict, counted.method, counted.touchedMoving, counted.touchedOther],
    ['none-seen', 'changes', null, null],
  );
  const missing = judged([on('a'), on('c')]);
  assert.equal([missing.verdict, missing.method], ['unknown', 'none']);
  const mixed = judged([on('a'), on('b', renewed)], [['b', {...replayed, written: [key], overflow: true}]]);
  assert.equal([mixed.verdict, mixed.method, mixed.more], ['seen', 'backlog', true]);
  assert.equal(mixed.written, [{node: 'b', ...key}]);
  assert.equal(
    mixed.nodes.map(({verdict}) => verdict),
    ['none-seen', 'seen', 'unknown'],
  );
  const none = judgeEvidence({before: [], after: [], replays: new Map(), hasExpired: null});
  assert.equal([none.verdict, none.method], ['none-seen', 'none'], 'nobody gives keys away');
});

test('a reading is plain JSON, and made of what INFO says', () => {
  const text = [
    ...['run_id:r', 'role:master', 'redis_version:7.2.4', 'master_replid:h', 'master_repl_offset:5'],
    ...['repl_backlog_active:0', 'repl_backlog_first_byte_offset:0', 'rdb_changes_since_last_save:7'],
    ...[
      'cmdstat_set:calls=4,usec=1,usec_per_call=1.00',
      'cmdstat_get:calls=9,usec=1',
      'cmdstat_config|resetstat:calls=1,usec=1',
    ],
    ...[
      'cmdstat_xgroup|create:calls=2,usec=1',
      'cmdstat_del:calls=0,usec=0,rejected_calls=3',
      'cmdstat_json.set:calls=1,usec=1',
    ],
    'total_commands_processed:77',
  ].join('\r\n');
  assert.equal(unknownCommands(parseInfo(text)), ['get', 'config', 'json.set']);
  const commands = new Map([['json.set', {writes: true, written: null}]]);
  const reading = readingOf('a', parseInfo(text), {commands, own});
  assert.equal(JSON.parse(JSON.stringify(reading)), reading);
  assert.equal(reading.calls, {set: 4, 'xgroup|create': 2, 'json.set': 1});
  assert.equal([reading.backlogFirst, reading.offsetAlwaysMoves, reading.changes, reading.resets], [null, true, 7, 1]);
  assert.equal(readingOf('a', parseInfo(`${text}\r\nrun_id:x`), {commands, own}).isForged, true);
  assert.equal(readingOf('a', parseInfo('redis_version:6.2.9'), {commands: null, own}).offsetAlwaysMoves, false);
  assert.equal(readingOf('a', parseInfo('redis_version:10.0.1'), {commands: null, own}).offsetAlwaysMoves, true);
});

test.run();
