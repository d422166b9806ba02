/** The formats that machines read: what each demands is checked by a reader of its own; unknown is never 0. */
import {readFileSync} from 'node:fs';
import {suite} from 'uvu';
import * as assert from 'uvu/assert';
import {STATUS_FORMATS, statusText} from '../../src/render/status-formats.js';
import {githubSummary, renderGithub} from '../../src/render/status-github.js';
import {nagiosExit, renderNagios, renderNagiosUnknown} from '../../src/render/status-nagios.js';
import {renderPrometheus} from '../../src/render/status-prometheus.js';
import {renderStatusTable} from '../../src/render/status-table.js';
import {createStyle} from '../../src/render/style.js';
import {NO_LIMITS} from '../../src/report/limits.js';
import {readExposition} from './exposition.js';
import {finding, master, replica, report, shard, silent} from './status-reports.js';

const test = suite('render/status-formats');
const [M, R, S, D] = ['10.0.0.1:6379', '10.0.0.2:6379', '[2001:db8::3]:6379', '10.0.0.4:6379'];

const sync = {phase: 'transfer', percent: 43, etaSeconds: 18, readBytes: 212, totalBytes: 490} as const;
const busy = report(
  [
    shard('alpha', [
      master(M),
      replica(R, M, {lagBytes: 1_400_000, lagSeconds: 3.5, backlogShare: 0.58, linkSeconds: 7200, ackSeconds: 2}),
      replica(S, R, {link: 'syncing', lagBytes: null, ackSeconds: null, sync, offset: null}),
      silent(D, M),
    ]),
    shard('beta', [master('10.0.0.9:6379')]),
  ],
  [
    finding('TIMEOUT', D, {message: 'a | b\nc: 100 %, "d" \\ <e> @f `g`'}),
    finding('UNDECLARED_REPLICA', M, {severity: 'warning'}),
    finding('UNDECLARED_REPLICA', M, {severity: 'warning', message: 'another'}),
  ],
);

test('prometheus: a strict reader takes it; base units; a family each; unknown has no sample', () => {
  const families = readExposition(renderPrometheus(busy));
  const of = (name: string, instance: string): number | undefined =>
    families.get(name)?.samples.find(({labels}) => labels.instance === instance)?.value;
  for (const [name, {type, samples}] of families) {
    assert.is(type, 'gauge', name);
    assert.match(name, /^rtopo_[a-z_]+$/);
    assert.not.match(name, /_(ms|kb|mb|percent|minutes)$/);
    for (const {labels} of samples) assert.is(labels.topology, 'cache');
  }
  assert.is(of('rtopo_replication_lag_bytes', R), 1_400_000);
  assert.is(of('rtopo_replication_lag_seconds', R), 3.5);
  assert.is(of('rtopo_replication_backlog_used_ratio', R), 0.58);
  assert.is(of('rtopo_link_state_seconds', R), 7200);
  assert.is(of('rtopo_sync_progress_ratio', S), 0.43);
  assert.equal([of('rtopo_sync_read_bytes', S), of('rtopo_sync_total_bytes', S)], [212, 490]);
  // Not 0: nobody knows.
  assert.equal([of('rtopo_replication_lag_bytes', S), of('rtopo_replication_offset_bytes', S)], [undefined, undefined]);
  assert.equal([of('rtopo_link_up', S), of('rtopo_link_up', D), of('rtopo_link_up', M)], [0, undefined, undefined]);
  assert.equal([of('rtopo_instance_reachable', D), of('rtopo_instance_reachable', M)], [0, 1]);
  assert.equal(families.get('rtopo_replication_lag_bytes')!.samples[0]!.labels, {
    ...{topology: 'cache', shard: 'alpha', instance: R, role: 'replica'},
  });
  assert.is(families.get('rtopo_sample_timestamp_seconds')!.samples[0]!.value, 1767362531.5);
  // Two findings of one kind on one instance are one series.
  const found = families.get('rtopo_problems')!.samples.map(({labels, value}) => `${labels.code} ${value}`);
  assert.equal(found, ['TIMEOUT 1', 'UNDECLARED_REPLICA 2']);
});

test('prometheus: docs/monitoring.md names every metric, and no other', () => {
  const page = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
  const [table] = page.split('| metric | |')[1]!.split('\n\n');
  const told = [...table!.matchAll(/`(rtopo_\w+)`/g)].map(([, name]) => name!);
  assert.equal(told.sort(), [...readExposition(renderPrometheus(busy)).keys()].sort());
});

test('prometheus: labels are escaped, and the reader is strict', () => {
  const evil = 'a"b\\c\nd} 1';
  const text = renderPrometheus(report([shard('alpha', [master(evil)])], [finding(evil, evil)]));
  const labels = readExposition(text).get('rtopo_problems')!.samples[0]!.labels;
  assert.equal([labels.code, labels.instance], [evil, evil]);
  const good = '# HELP a b\n# TYPE a gauge\na{x="1"} 1\n';
  readExposition(good);
  for (const bad of [
    good.slice(0, -1),
    good.replace('# TYPE a gauge\n', ''),
    good.replace('1\n', '1,5\n'),
    good.replace('"1"', '"\n"'),
    good.replace('"1"', '"""'),
    good.replace('x=', 'x-y='),
    `${good}a{x="1"} 2\n`,
    `${good}# HELP c d\n# TYPE c gauge\nc 1\n${good}`,
    `${good}\n`,
    good.replace('a{x="1"} 1\n', ''),
  ])
    assert.throws(() => readExposition(bad), undefined, JSON.stringify(bad));
});

/** One line, text, a pipe, and data: `label=value[unit];warn;crit;min;max`, by the plugin guidelines. */
function readNagios(line: string): {text: string; data: Map<string, string>} {
  assert.match(line, /^[^\n]+\n$/);
  const [text, data = '', ...more] = line.trimEnd().split(' | ');
  assert.is(more.length, 0);
  const found = new Map<string, string>();
  let rest = data;
  while (rest !== '') {
    const item = /^(?:'([^'=]+)'|([^'= ]+))=((?:U|-?\d+(?:\.\d+)?(?:s|B|%|c)?)(?:;[\d.:@~]*){0,4})(?: |$)/.exec(rest);
    assert.ok(item, `not performance data: ${rest}`);
    found.set(item![1] ?? item![2]!, item![3]!);
    rest = rest.slice(item![0].length);
  }
  return {text: text!, data: found};
}

test('nagios: one line, performance data by the guidelines, exit codes of the plugin API', () => {
  const limits = {maxLagBytes: 1_048_576, maxLagSeconds: 5, maxAckSeconds: 10};
  const {text, data} = readNagios(renderNagios(busy, limits));
  assert.match(text, /^RTOPO CRITICAL - cache: 2 shards, 5 instances: TIMEOUT alpha 10\.0\.0\.4:6379, UNDECLARED_/);
  assert.is(data.get('alpha links'), '1;;3:;0;3');
  // One replica of which the lag is unknown may be the worst.
  assert.is(data.get('alpha lag'), 'U;;1048576;0');
  assert.is(data.get('unreachable'), '1;;0;0;5');
  assert.not.ok(data.has('beta lag'));
  assert.is(nagiosExit(busy), 2);
  const warned = report([shard('alpha', [master(M), replica(R, M, {lagBytes: 7})])], [busy.problems[1]!]);
  assert.is(nagiosExit(warned), 1);
  assert.match(renderNagios(warned, NO_LIMITS), /^RTOPO WARNING - /);
  const fine = report([shard('alpha', [master(M), replica(R, M, {lagBytes: 7})])]);
  assert.is(nagiosExit(fine), 0);
  const good = readNagios(renderNagios(fine, NO_LIMITS));
  assert.is(good.text, 'RTOPO OK - cache: 1 shard, 2 instances, as declared');
  assert.equal([good.data.get('alpha lag'), good.data.get('alpha ack')], ['7B;;;0', '1s;;;0']);
  assert.is(renderNagiosUnknown('no\nfile | x'), 'RTOPO UNKNOWN - no file / x\n');
});

test('nagios: many shards and findings stay within what NRPE carries', () => {
  const shards = Array.from({length: 50}, (_, i) => shard(`s${i}`, [master(`a${i}:1`), replica(`b${i}:1`, `a${i}:1`)]));
  const problems = shards.map(({name}, i) => finding('LINK_DOWN', `b${i}:1`, {shard: name}));
  const line = renderNagios(report(shards, problems), NO_LIMITS);
  assert.match(line, 'and 45 more');
  assert.ok(Buffer.byteLength(line) < 8192, `${Buffer.byteLength(line)}`);
});

test('github: commands that cannot be forged or broken; a page for the summary', () => {
  const lines = renderGithub(busy).trimEnd().split('\n');
  assert.is(lines.length, 4);
  assert.is(
    lines[0],
    '::error title=TIMEOUT alpha 10.0.0.4%3A6379::a | b\\x0ac: 100 %25, "d" \\ <e> @f `g`%0Atry: mend it',
  );
  assert.match(lines[1]!, /^::warning title=UNDECLARED_REPLICA alpha /);
  assert.is(lines[3], '✗ cache: not healthy, 2 shards, 5 instances, 3 findings');
  const evil = finding('X', 'h,x=1::y:1', {message: '::add-mask::x\r\n::stop-commands::t'});
  const [command, ...rest] = renderGithub(report([shard('alpha', [master(M)])], [evil])).split('\n');
  assert.is(command!.match(/^::error title=[^:]*::/)?.[0], '::error title=X alpha h%2Cx=1%3A%3Ay%3A1::');
  assert.not.ok(rest.some((line) => line.trimStart().startsWith('::')));
  const page = githubSummary(busy);
  assert.match(page, /^### ❌ rtopo status: cache&#58; not healthy/);
  assert.not.match(page, /<e>|@f|`g`|a \| b/);
  for (const line of page.split('\n').filter((one) => one.startsWith('|')))
    assert.ok([4, 9].includes(line.split('|').length - 2), line);
});

test('table: one line per instance, no blank in a cell, a dash for what is unknown', () => {
  const lines = renderStatusTable(busy).trimEnd().split('\n');
  assert.is(lines.length, 6);
  const rows = lines.map((line) => line.split(/ +/));
  const [head, ...cells] = rows;
  for (const row of cells) assert.is(row.length, head!.length, row.join(' '));
  const value = (node: string, column: string): string => cells.find((row) => row[1] === node)![head!.indexOf(column)]!;
  assert.is(value(R, 'LAG_BYTES'), '1400000');
  assert.is(value(R, 'BACKLOG_USED'), '0.580');
  assert.is(value(S, 'LAG_BYTES'), '-');
  assert.equal([value(S, 'SYNC'), value(S, 'SYNC_PERCENT')], ['transfer', '43']);
  assert.equal([value(D, 'LINK'), value(D, 'PROBLEMS')], ['unreachable', 'TIMEOUT']);
});

test('a note is told and changes no verdict', () => {
  const one = master(M, {problems: ['NOT_ASKED']});
  const noted = report([shard('alpha', [one])], [finding('NOT_ASKED', M, {severity: 'info'})]);
  assert.is(nagiosExit(noted), 0);
  assert.match(renderNagios(noted, NO_LIMITS), /^RTOPO OK - cache: 1 shard, 1 instance, as declared .* warnings=0;/);
  assert.match(renderGithub(noted), /^::notice title=NOT_ASKED /);
  assert.match(githubSummary(noted), /### ✅ .*ℹ️/s);
  const page = statusText(noted, {format: 'tree', limits: NO_LIMITS}, createStyle(false, 80));
  assert.not.match(page.split('\n').find((line) => line.includes(M))!, 'NOT_ASKED');
  assert.match(page, /\n· NOT_ASKED\n.*\n✓ healthy, with 1 note\n$/s);
});

test('every format has a text, and none holds a control character of a server', () => {
  const limits = NO_LIMITS;
  const told = report([shard('alpha', [master(M)])], [finding('X', M, {message: 'a\\x1b[2J'})]);
  for (const format of STATUS_FORMATS) {
    const text = statusText(told, {format, limits}, createStyle(false, 80));
    assert.is(text === '', format === 'json', format);
    assert.not.match(text, /[\x00-\x09\x0b-\x1f]/);
  }
});

test.run();
