/** What people see of a rebalance, in 80 columns and without colours: the plan, the summary, the state, the progress. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {Pace} from '../../src/cli/pace.js';
import {DEFAULT_SETTINGS} from '../../src/migration/records.js';
import {renderPlan} from '../../src/render/plan.js';
import {type MoveProgress, progressLines, totalLine} from '../../src/render/progress.js';
import {renderRebalance} from '../../src/render/rebalance.js';
import {createStyle} from '../../src/render/style.js';
import {spell} from '../../src/render/units.js';
import type {OperationPart, PlanPart, RebalanceReport} from '../../src/report/rebalance.js';

const test = suite('render/rebalance');

const style = createStyle(false, 80);

const base: RebalanceReport = {
  ...{id: null, phase: 'planned', seconds: 0, writers: 'unknown', journal: null, topologyFile: 'rtopo.yml'},
  from: {scheme: 'modulo', shards: ['alpha', 'beta']},
  to: {scheme: 'modulo', shards: ['alpha', 'beta', 'delta']},
  keys: {scanned: 1_000_000, moving: 667_123, copied: 0, verified: 0, deleted: 0, expired: 0, conflicts: 0, strays: 12},
  bytes: 90_400_000,
  matrix: [
    {from: 'beta', to: 'alpha', keys: 166_002, bytes: 22_500_000},
    {from: 'beta', to: 'delta', keys: 166_880, bytes: 22_600_000},
    {from: 'alpha', to: 'delta', keys: 334_241, bytes: 45_300_000},
  ],
  movedShare: 0.667123,
  minimumShare: 1 / 3,
  loads: [
    {name: 'alpha', at: '10.0.0.1:6379', keys: 500_000, keysAfter: 331_761, bytesIn: 22_500_000},
    {name: 'beta', at: '10.0.0.4:6379', keys: 500_000, keysAfter: 167_118, bytesIn: 0},
    {name: 'delta', at: '10.0.0.9:6379', keys: 0, keysAfter: 501_121, bytesIn: 67_900_000},
  ],
  memory: [
    {name: 'alpha', usedBytes: 80_000_000, afterBytes: 105_875_000, maxBytes: 4 * 1024 ** 3},
    {name: 'delta', usedBytes: 1_000_000, afterBytes: 79_085_000, maxBytes: null},
  ],
  finalCheck: null,
  next: null,
};

const plan: PlanPart = {
  estimate: {method: 'exact', sampled: 1_000_000, movingPlusMinus: 0},
  duration: {seconds: 9, keysPerSecond: 75_000, bytesPerSecond: 60 * 1024 ** 2, isAssumed: true},
  settings: DEFAULT_SETTINGS,
  consents: {acceptVolatile: []},
  advice: [
    {
      code: 'MOVES_MORE',
      message: 'ketama would move about 35.1 % for this change, once the clients use it.',
      share: 0.351,
    },
  ],
  already: null,
  saved: null,
};

const lines = (text: string): string[] => text.split('\n');

test('a plan', () => {
  assert.equal(lines(renderPlan({...base, plan}, style)), [
    'Plan  alpha, beta (modulo)  →  alpha, beta, delta (modulo)',
    '',
    '  keys from          → alpha          → delta',
    '  alpha                    ·  334,241 (43 MB)',
    '  beta       166,002 (21 MB)  166,880 (22 MB)',
    '',
    '  shard  address           keys    after  memory after / limit',
    '  alpha  10.0.0.1:6379  500,000  331,761       101 MB / 4.0 GB',
    '  beta   10.0.0.4:6379  500,000  167,118                     -',
    '  delta  10.0.0.9:6379        0  501,121      75 MB / no limit',
    '',
    '  moving  667,123 of 1,000,000 keys (66.7 %), 86 MB in memory',
    '  least   33.3 % would have to move under any scheme: this is 2.0 times that',
    '  takes   about 9 s, at 75,000 keys/s and 60 MB/s (assumed)',
    '  strays  12 keys found where the present placement does not put them; they move',
    '          to their owner too',
    '',
    '! ketama would move about 35.1 % for this change, once the clients use it.',
    '',
  ]);
});

test('an estimated plan with settings, consents and a file', () => {
  const estimated: PlanPart = {
    ...plan,
    estimate: {method: 'sample', sampled: 20_000, movingPlusMinus: 6120},
    duration: {seconds: 4000, keysPerSecond: 167, bytesPerSecond: 10_000_000, isAssumed: false},
    settings: {
      ...DEFAULT_SETTINGS,
      ...{onConflict: 'replace', strays: 'keep', writers: 'recopy', fence: 'min-replicas', maxKeysPerSecond: 167},
      ...{
        maxBytesPerSecond: 10_000_000,
        maxLatencyMs: 2,
        bigKeyBytes: 1024 ** 3,
        readFrom: 'replica',
        functions: 'copy',
      },
    },
    consents: {acceptVolatile: ['10.0.0.9:6379'], replaceOn: ['10.0.0.1:6379']},
    advice: [],
    saved: {file: 'plan.json', hash: 'ab12', created: '2026-07-01T10:00:00.000Z', keysThen: 1_000_010},
  };
  const matrix = [{from: 'alpha', to: 'delta', keys: 334_241, bytes: 45_300_000, plusMinus: 4112}];
  const text = renderPlan({...base, matrix, plan: estimated}, style);
  assert.match(text, '  alpha      ~334,241 ±4,112 (43 MB)\n');
  assert.equal(lines(text).slice(-14), [
    '  moving    about 667,123 ± 6,120 of 1,000,000 keys (66.7 %), 86 MB in memory',
    '  least     33.3 % would have to move under any scheme: this is 2.0 times that',
    '  takes     about 1 h 6 min, at 167 keys/s and 9.5 MB/s (as limited)',
    '  estimate  from a sample of 20,000 keys, ± for 95 of 100 cases; conflicts were',
    '            not looked for: the copy finds them',
    '  strays    12 keys found where the present placement does not put them; they',
    '            stay there',
    '  with      --on-conflict replace, --strays keep, --writers recopy, --fence',
    '            min-replicas, --max-keys-per-second 167, --max-bytes-per-second 10m,',
    '            --max-latency 2ms, --big-key 1gb, --read-from replica, --functions',
    '            copy, --accept-volatile 10.0.0.9:6379, --replace-on 10.0.0.1:6379',
    '  plan      plan.json, made 2026-07-01T10:00:00.000Z, -10 keys since',
    '  hash      ab12',
    '',
  ]);
});

test('a plan with many targets is a list of pairs', () => {
  const names = Array.from({length: 7}, (_, i) => `shard-${i}`);
  const to = {scheme: 'ketama', shards: names};
  const matrix = names.slice(1).map((name) => ({from: 'shard-0', to: name, keys: 1_000_000, bytes: 1_000_000_000}));
  const text = renderPlan({...base, from: {...to, shards: ['shard-0']}, to, matrix, plan}, style);
  assert.match(text, '  shard-0  →  shard-1  1,000,000  954 MB\n');
  assert.equal(
    lines(text).filter((line) => line.length > 80),
    [],
  );
});

test('a plan of nothing', () => {
  const keys = {...base.keys, moving: 0, strays: 0};
  const same = {...base, to: base.from, matrix: [], keys, movedShare: 0};
  assert.match(renderPlan({...same, plan: {...plan, advice: []}}, style), /\n {2}Nothing to move\.\n/);
  assert.match(renderPlan({...same, to: base.to, plan}, style), /Nothing to move; rtopo\.yml gets its new text\.\n/);
  assert.is(renderPlan({...same, plan: {...plan, already: 'delta is there.'}}, style), '✓ delta is there.\n');
});

const operation: OperationPart = {
  settings: {...DEFAULT_SETTINGS, fence: 'pause'},
  fidelity: {asIs: 667_111, refooted: 10, elements: 2},
  writersMethod: 'replay of the backlog',
  durability: [
    {at: '10.0.0.1:6379', by: 'replica'},
    {at: '10.0.0.9:6379', by: 'aof'},
  ],
  notes: ['10.0.0.9:6379 has no LFU counters: idle times were set instead'],
  ...{back: 'rtopo rebalance --to rtopo.yml.before-01J', abort: null, whereabouts: 'Somewhere.', process: null},
};

const done: RebalanceReport = {
  ...base,
  ...{id: '01J', phase: 'done', seconds: 10.5, writers: 'none-seen', journal: '/state/01J.jsonl'},
  keys: {...base.keys, copied: 667_123, verified: 667_123, deleted: 667_111, expired: 12},
  finalCheck: {keys: 1_000_000, misplaced: 0, duplicates: 0},
  operation,
};

test('the summary of a run', () => {
  assert.equal(lines(renderRebalance(done, style)), [
    '✓ done  every key is on its owner, once  01J',
    '',
    '  keys from          → alpha          → delta',
    '  alpha                    ·  334,241 (43 MB)',
    '  beta       166,002 (21 MB)  166,880 (22 MB)',
    '',
    '  moved        667,111 keys of 1,000,000 (66.7 %) in 11 s, 86 MB of payload:',
    '               63,536 keys/s, 8.2 MB/s',
    '  copied       667,123, each read back and compared: 667,123 equal',
    '  fidelity     667,111 as they are, 10 as a DUMP for another version, 2 element',
    '               by element',
    '  expired      12 on their way, by their own expiry',
    '  note         10.0.0.9:6379 has no LFU counters: idle times were set instead',
    '  with         --fence pause',
    '  durable      10.0.0.1:6379 by a replica that acknowledged',
    '  durable      10.0.0.9:6379 by its append-only file',
    '  writers      none seen on the sources while their keys were copied (by replay',
    '               of the backlog)',
    '  final check  1,000,000 keys, 0 misplaced, 0 duplicate',
    '  topology     rtopo.yml',
    '  journal      /state/01J.jsonl',
    '  way back     rtopo rebalance --to rtopo.yml.before-01J',
    '',
  ]);
  const skipped = renderRebalance({...done, operation: {...operation, skipped: 3}}, style);
  assert.match(skipped, /^! done {2}every key is on its owner, but for 3 keys left as agreed {2}01J\n/);
  assert.match(skipped, 'skipped      3 names left at the source: the target holds another value\n');
});

test('the state of an operation that was interrupted', () => {
  const report: RebalanceReport = {
    ...done,
    ...{phase: 'copying', writers: 'unknown', finalCheck: null, next: 'rtopo rebalance resume 01J'},
    keys: {...base.keys, copied: 12_345, verified: 12_345},
    operation: {
      ...{settings: DEFAULT_SETTINGS, durability: [], notes: [], back: null, abort: 'rtopo rebalance abort 01J'},
      whereabouts: 'The sources hold every key.',
      process: {host: 'ops-1', pid: 4242, isAlive: false},
    },
  };
  const text = renderRebalance(report, style);
  assert.equal(lines(text).slice(0, 1), ['! copying  unfinished, no key is lost  01J']);
  assert.equal(lines(text).slice(6), [
    '  where     The sources hold every key.',
    '  process   4242 on ops-1 has ended',
    '  copied    12,345, each read back and compared: 12,345 equal',
    '  topology  rtopo.yml',
    '  journal   /state/01J.jsonl',
    '  next      rtopo rebalance resume 01J',
    '            copies and compares what is missing, then cuts over, deletes the old',
    '            copies and checks every key',
    '  or        rtopo rebalance abort 01J',
    '            removes the copies from the targets; the sources stay as they are',
    '',
  ]);
  const alive = {...report.operation!, process: {host: 'ops-1', pid: 4242, isAlive: true}};
  const running = renderRebalance({...report, operation: alive}, style);
  assert.match(running, /^! copying {2}under way, no key is lost/);
  assert.match(running, 'is alive: it may be working on it just now');
  assert.match(running, 'should the process have died: copies');
  const unseen = {...alive, process: {host: 'ops-2', pid: 1, isAlive: null}};
  assert.match(renderRebalance({...report, operation: unseen}, style), '1 on ops-2 cannot be seen from this host');
});

const progress: MoveProgress = {
  ...{phase: 'copying', keys: 172_410, totalKeys: 331_870, bytes: 22_000_000, limit: 'target'},
  pairs: [
    {from: 'alpha', to: 'delta', keys: 86_321, totalKeys: 166_002},
    {from: 'a-shard-with-a-very-long-name', to: 'delta', keys: 86_089, totalKeys: 165_868},
    {from: 'beta', to: 'delta', keys: 0, totalKeys: 0},
    {from: 'gamma', to: 'delta', keys: 7, totalKeys: null},
  ],
};
const speed = {keys: 81_200, bytes: 10_500_000};

test('progress by pair, and the total with what holds it up', () => {
  const drawn = [
    'a-shard-with-a-very… → delta  ███████████▍             51 %   86,089 of 165,868',
    'alpha                → delta  ███████████▌             51 %   86,321 of 166,002',
    'beta                 → delta  ██████████████████████  100 %        0 of       0',
    'gamma                → delta  7 keys',
    'copying  51 %  81,200 keys/s  10 MB/s  2 s left  waits for targets',
  ];
  assert.equal(progressLines(progress, speed, style), drawn);
  for (const line of drawn) assert.ok(line.length < 80, line);
  const free = progressLines({...progress, limit: null}, speed, style).at(-1);
  assert.is(free, 'copying  51 %  172,410 of 331,870 keys  81,200 keys/s  10 MB/s  2 s left');
  for (const columns of [20, 40, 60, 80, 120]) {
    const total = progressLines(progress, speed, createStyle(false, columns)).at(-1)!;
    assert.ok(total.length < columns, `${columns}: ${total}`);
  }
});

test('many pairs: those with most to do, and how many more', () => {
  const pairs = Array.from({length: 20}, (_, i) => ({from: `s${i}`, to: 't', keys: 0, totalKeys: i}));
  const shown = progressLines({...progress, pairs}, speed, style);
  assert.is(shown.length, 9);
  assert.match(shown[0]!, /^s19/);
  assert.is(shown[7], '… and 13 more pairs');
  assert.is(progressLines({...progress, pairs: pairs.slice(0, 1)}, speed, style).length, 1, 'the total says the same');
});

test('the total in few columns keeps what matters most', () => {
  const at = (width: number) => totalLine(progress, speed, width);
  assert.is(at(120), 'copying  51 %  172,410 of 331,870 keys  81,200 keys/s  10 MB/s  2 s left  waits for targets');
  assert.is(at(40), 'copying  51 %  81,200 keys/s  2 s left');
  assert.is(at(30), 'copying  51 %  2 s left');
  assert.is(at(16), 'copying  51 %');
  assert.is(at(4), 'copy');
  assert.is(totalLine({phase: 'pruning', keys: 0, totalKeys: null, bytes: 0}, null, 80), 'deleting the old copies');
  assert.is(
    totalLine({phase: 'pruning', keys: 5, totalKeys: null, bytes: 0}, null, 80),
    'deleting the old copies  5 keys',
  );
});

test('a pace is that of the last seconds', () => {
  const pace = new Pace();
  pace.restart(0);
  assert.is(pace.speed({ms: 500, keys: 1000, bytes: 0}), null);
  assert.equal(pace.speed({ms: 2000, keys: 4000, bytes: 2000}), {keys: 2000, bytes: 1000});
  for (let s = 3; s <= 30; s++) pace.speed({ms: s * 1000, keys: 4000 + (s - 2) * 100, bytes: 2000});
  const late = pace.speed({ms: 31_000, keys: 4000 + 29 * 100, bytes: 2000})!;
  assert.equal([Math.round(late.keys), late.bytes], [100, 0]);
  assert.is(pace.speed({ms: 31_100, keys: 3, bytes: 0}), null, 'a count that began anew');
});

test('durations', () => {
  const spelled = [0, 4.14, 9, 52.4, 60, 200, 3600, 7500].map(spell);
  assert.equal(spelled, ['0 s', '4.1 s', '9 s', '52 s', '1 min', '3 min 20 s', '1 h', '2 h 5 min']);
});

test.run();
