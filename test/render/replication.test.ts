/** The page that an operator sees: within 80 columns, whatever the addresses; escaped; the same without colours. */
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {renderReplicate} from '../../src/render/replicate.js';
import {renderStatus} from '../../src/render/status.js';
import {createStyle} from '../../src/render/style.js';
import {widest} from '../../src/render/width.js';
import type {ReplicateReport, ReplicateStepReport} from '../../src/report/replicate.js';
import type {InstanceStatus, StatusReport} from '../../src/report/status.js';
import * as made from './status-reports.js';

const test = suite('render/replication');
const plain = createStyle(false, 80);

function status(addresses: readonly string[], over: Partial<InstanceStatus> = {}): StatusReport {
  const instances = addresses.map(
    (address, i): InstanceStatus => ({
      ...{address, reachable: true, version: '7.0.15', server: 'redis', runId: 'r', offset: 1, keys: 1_234_567_890},
      ...(i === 0
        ? {role: 'master'}
        : {role: 'replica', expectedOf: addresses[i - 1]!, of: addresses[i - 1]!, link: 'up', lagBytes: 1023 * 1024}),
      ...(i === 0 ? {} : {ackSeconds: 1, sync: null}),
      problems: [],
      ...(i === 1 ? over : {}),
    }),
  );
  const shards = [{name: 'alpha', healthy: true, instances}];
  return {topology: 'cache', healthy: true, sampledMs: 3, shards, problems: []};
}

const long = [
  '[2001:db8:85a3:1234:5678:8a2e:370:7334]:6379',
  'redis-replica-0.redis-headless.production.svc.cluster.local:6379',
  'c:1',
];

test('short addresses stand beside their values', () => {
  const text = renderStatus(status(['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379']), plain);
  assert.is(
    text,
    [
      'cache  1 shard, 3 instances, redis 7.0.15, asked in 3 ms',
      '',
      '  NODE                 ROLE     LINK      LAG  ACK  OFFSET           KEYS',
      '● alpha  healthy, 2 of 2 links up, lag 1023 KB at most',
      '  10.0.0.1:6379        master   -           -    -       1  1,234,567,890',
      '  └─ 10.0.0.2:6379     replica  up    1023 KB  1 s       1  1,234,567,890',
      '     └─ 10.0.0.3:6379  replica  up    1023 KB  1 s       1  1,234,567,890',
      '',
      '✓ healthy: every role, link and history is as declared',
      '',
    ].join('\n'),
  );
});

test('long ones stand above them, within 80 columns, and whole', () => {
  for (const columns of [80, 60]) {
    const text = renderStatus(status(long), createStyle(false, columns));
    for (const address of long) assert.match(text, address);
    for (const line of text.split('\n')) {
      const extra = long.some((address) => line.endsWith(address));
      assert.ok(extra || line.length <= columns, line);
    }
    assert.match(text, /└─ redis-replica-0\S+\n +│? +replica +up/);
  }
});

test('different releases get a column; colours change nothing but colours', () => {
  const report = status(['a:1', 'b:2'], {version: '6.2.0'});
  const text = renderStatus(report, plain);
  assert.match(text, /VERSION/);
  assert.match(text, /redis 6\.2\.0\n/);
  assert.is(renderStatus(report, createStyle(true, 80)).replace(/\x1b\[[0-9;]*m/g, ''), text);
});

test('silence has a reason: no answer, busy, no login', () => {
  const silent = {reachable: false, role: 'unknown', version: null, server: null, keys: null} as const;
  const words = {TIMEOUT: 'no answer', CONNECTION_REFUSED: 'no answer', BUSY: 'busy', AUTH_FAILED: 'no login'};
  for (const [code, word] of Object.entries(words))
    assert.match(renderStatus(status(['a:1', 'b:2'], {...silent, problems: [code]}), plain), `b:2  ${word}`);
});

test('progress of a synchronisation, and a role that is not the declared one', () => {
  const sync = {phase: 'transfer', percent: 43.4, etaSeconds: null} as const;
  assert.match(renderStatus(status(['a:1', 'b:2'], {link: 'syncing', sync}), plain), 'transfer 43 %');
  assert.match(renderStatus(status(['a:1', 'b:2'], {role: 'master', link: null}), plain), 'master!');
});

const [M, R, S, T] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379', '10.0.0.4:6379'];
const snapshot = {
  phase: 'transfer',
  percent: 43,
  etaSeconds: 18,
  readBytes: 222_298_112,
  totalBytes: 513_802_240,
} as const;
const night = made.report(
  [
    made.shard('alpha', [
      made.master(M, {offset: 62_152_046, keys: 1_204_332}),
      made.replica(R, M, {offset: 62_152_046, keys: 1_204_332, linkSeconds: 11_000}),
      made.replica(S, M, {
        ...{offset: 60_684_100, keys: 1_204_100, linkSeconds: 125, lagBytes: 1_467_946, lagSeconds: 3.2},
        ...{backlogShare: 0.58, problems: ['LAG_ABOVE_LIMIT']},
      }),
      made.replica(T, S, {link: 'syncing', lagBytes: null, ackSeconds: null, sync: snapshot, keys: 0}),
    ]),
  ],
  [
    made.finding('BACKLOG_SMALL', S, {severity: 'warning', message: 'It is small.'}),
    made.finding('LAG_ABOVE_LIMIT', S, {message: 'It is late.'}),
  ],
);

test('the page at 3 a.m.: lag, backlog, the snapshot under way, chain, reason and remedy; wider windows show more', () => {
  const text = renderStatus(night, plain);
  assert.is(
    text,
    [
      'cache  1 shard, 4 instances, redis 7.0.15, asked in 41 ms at 14:02:11Z',
      '',
      '  NODE                 ROLE     LINK                      LAG  ACK       KEYS',
      '● alpha  1 critical, 1 warning, 2 of 3 links up, lag 1.4 MB at most',
      '  10.0.0.1:6379        master   -                           -    -  1,204,332',
      '  ├─ 10.0.0.2:6379     replica  up 3 h                    0 B  1 s  1,204,332',
      '  └─ 10.0.0.3:6379     replica  up 2 min       1.4 MB (3 s) ▲  1 s  1,204,100',
      '     │  58 % of backlog, LAG_ABOVE_LIMIT',
      '     └─ 10.0.0.4:6379  replica  transfer 43 %               -    -          0',
      '           212 MB of 490 MB, 18 s left',
      '',
      '✗ LAG_ABOVE_LIMIT',
      '  It is late.',
      '  try: mend it',
      '! BACKLOG_SMALL',
      '  It is small.',
      '  try: mend it',
      '',
      '✗ not healthy: 1 critical, 1 warning',
      '',
    ].join('\n'),
  );
  const wide = renderStatus(night, createStyle(false, 140));
  assert.match(wide, /OFFSET +KEYS +NOTE\n/);
  assert.match(wide, /60,684,100 +1,204,100 +58 % of backlog, LAG_ABOVE_LIMIT\n/);
  for (const columns of [60, 80, 140]) assert.ok(widest(renderStatus(night, createStyle(false, columns))) <= columns);
  assert.is(renderStatus(night, createStyle(true, 80)).replace(/\x1b\[[0-9;]*m/g, ''), text);
});

test('unknown is a dash, never 0; a made-up parent does not burst the page', () => {
  const one = made.report([
    made.shard('alpha', [made.master(M), made.replica(R, M, {lagBytes: null, ackSeconds: null})]),
  ]);
  assert.match(renderStatus(one, plain), /10\.0\.0\.2:6379 +replica +up +- +- /);
  const hijacked = made.replica(R, M, {of: `${'x'.repeat(250)}:1`, problems: ['PARENT_MISMATCH']});
  const text = renderStatus(made.report([made.shard('alpha', [made.master(M), hijacked])]), plain);
  assert.match(text, /follows x+…, PARENT_MISMATCH/);
  assert.ok(widest(text) <= 80);
  assert.match(
    renderStatus(made.report([made.shard('alpha', [made.master(M)])]), plain),
    '● alpha  healthy, no replicas',
  );
});

function step(over: Partial<ReplicateStepReport>): ReplicateStepReport {
  return {
    ...{shard: 'alpha', instance: 'b:2', action: 'replicate-from', target: 'a:1', resync: 'full', keysAtRisk: 0},
    ...{resynced: null, bytesAtRisk: null, outcome: 'planned', persisted: 'not-asked'},
    ...over,
  };
}

function replicate(steps: readonly ReplicateStepReport[], over: Partial<ReplicateReport> = {}): string {
  const none = {refused: [], unreachable: [], warnings: []};
  return renderReplicate({changed: false, applied: false, steps, unchanged: 1, ...none, ...over}, plain);
}

test('a plan: one line a step, or two where one is too long', () => {
  assert.is(
    replicate([
      step({}),
      step({instance: 'c:30', keysAtRisk: 4}),
      step({shard: 'beta', action: 'promote', target: null}),
    ]),
    [
      'alpha',
      '  ~ b:2   replicate from a:1, full sync',
      '  ~ c:30  replicate from a:1, full sync, DISCARDS 4 keys',
      '',
      'beta',
      '  ~ b:2   become the master',
      '',
      '~ 3 steps to do; 1 instance is as declared already',
      '',
    ].join('\n'),
  );
  const text = replicate([step({instance: long[1]!, target: long[0]!})]);
  assert.match(text, `  ~ ${long[1]}\n      replicate from ${long[0]}, full sync\n`);
});

test('what came of it: done, failed with its reason below, skipped with its reason beside', () => {
  const text = replicate(
    [
      step({outcome: 'done', persisted: 'yes'}),
      step({outcome: 'done', persisted: 'failed'}),
      step({outcome: 'failed', code: 'LINK_NOT_UP', message: 'It is late.', remedy: 'rtopo status'}),
      step({outcome: 'skipped', resync: null, message: 'its parent x is not ready'}),
    ],
    {applied: true, changed: true},
  );
  assert.match(text, '✓ b:2  replicate from a:1, full sync, persisted\n');
  assert.match(text, '✓ b:2  replicate from a:1, full sync, not persisted\n');
  assert.match(text, '- b:2  replicate from a:1: its parent x is not ready\n');
  assert.match(text, '✗ LINK_NOT_UP\n  It is late.\n  try: rtopo status\n');
  assert.match(text, '✗ 2 of 4 steps done\n');
});

test('settings, bytes at risk, a prediction that failed, an undone link, and what may hurt later', () => {
  const text = replicate(
    [
      step({outcome: 'done', resync: 'partial', resynced: 'full'}),
      step({keysAtRisk: 2, bytesAtRisk: 1, outcome: 'done', resynced: 'full'}),
      step({outcome: 'undone', code: 'LINK_NOT_UP', message: 'It is late.', remedy: 'wait'}),
      step({
        action: 'set-config',
        target: null,
        resync: null,
        settings: [{name: 'replica-priority', from: '100', to: '0'}],
      }),
    ],
    {
      applied: true,
      warnings: [
        {
          code: 'BACKLOG_SMALL',
          severity: 'warning',
          shard: 'alpha',
          instance: 'b:2',
          message: 'It is small.',
          remedy: 'more',
        },
      ],
    },
  );
  assert.match(text, '✓ b:2  replicate from a:1, full sync (partial was expected)\n');
  assert.match(text, 'full sync, DISCARDS 2 keys (1 byte of history)\n');
  assert.match(text, '↶ b:2  replicate from a:1, full sync, undone\n');
  assert.match(text, '✗ LINK_NOT_UP\n  It is late.\n  try: wait\n');
  assert.match(text, '~ b:2  set replica-priority 100 → 0\n');
  assert.match(text, '! BACKLOG_SMALL\n  It is small.\n  try: more\n');
  assert.match(replicate([], {planFile: 'p.json'}), 'rtopo replicate --apply-plan p.json');
});

test('nothing to do, and out of reach', () => {
  assert.is(replicate([]), '✓ no changes: 1 instance is as declared\n');
  const unreachable = [{instance: 'x:1', code: 'TIMEOUT', message: 'x:1 is silent.', remedy: 'wake it'}];
  assert.match(replicate([], {unreachable}), '✗ TIMEOUT\n  x:1 is silent.\n  try: wake it\n');
  assert.match(replicate([], {unreachable}), '✗ 1 instance out of reach; 1 instance is as declared\n');
});

test.run();
