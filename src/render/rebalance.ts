/** A rebalance for people: the plan as a matrix, and the summary that can be pasted into an incident report. */
import type {RebalanceReport} from '../report/rebalance.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, percent, plural} from './units.js';

export function renderPlan(report: RebalanceReport, style: Style): string {
  const {from, to, keys} = report;
  const share = `${percent(report.movedShare)} of ${plural(keys.scanned, 'key')}`;
  const least = `the least possible for this change is ${percent(report.minimumShare)}`;
  return [
    `${style.bold('Plan')}  ${from.shards.join(', ')} (${from.scheme})  →  ${to.shards.join(', ')} (${to.scheme})`,
    '',
    matrix(report, style),
    '',
    loads(report, style),
    '',
    keys.moving === 0 && report.loads.length > 0
      ? 'Nothing to move.'
      : `${plural(keys.moving, 'key')} to move: ${share}; ${least}`,
    ...(keys.strays === 0
      ? []
      : [
          style.warning(
            `${plural(keys.strays, 'key')} found where the present placement does not put them; they move to their owner too`,
          ),
        ]),
    '',
  ].join('\n');
}

function matrix({matrix: cells}: RebalanceReport, style: Style): string {
  if (cells.length === 0) return style.dim('  no key changes its owner');
  const sources = [...new Set(cells.map(({from}) => from))];
  const targets = [...new Set(cells.map(({to}) => to))];
  const cell = (from: string, to: string): string => {
    const found = cells.find((one) => one.from === from && one.to === to);
    return found ? `${count(found.keys)} ${style.dim(`(${bytes(found.bytes)})`)}` : style.dim('·');
  };
  return columns({
    head: ['keys from', ...targets.map((to) => `→ ${to}`)].map(style.dim),
    align: ['left', ...targets.map(() => 'right' as const)],
    rows: sources.map((from) => [from, ...targets.map((to) => cell(from, to))]),
    indent: 2,
  });
}

function loads({loads: list, memory}: RebalanceReport, style: Style): string {
  const rows = list.map(({name, at, keys, keysAfter}) => {
    const found = memory.find((one) => one.name === name);
    const limit = found?.maxBytes == null ? 'no limit' : bytes(found.maxBytes);
    return [name, at, count(keys), count(keysAfter), found ? `${bytes(found.afterBytes)} / ${limit}` : style.dim('-')];
  });
  return columns({
    head: ['shard', 'address', 'keys', 'after', 'memory after / limit'].map(style.dim),
    align: ['left', 'left', 'right', 'right', 'right'],
    rows,
    indent: 2,
  });
}

export function renderRebalance(report: RebalanceReport, style: Style): string {
  const {keys} = report;
  const rows = [
    ['moved', `${plural(keys.deleted, 'key')} in ${report.seconds.toFixed(1)} s, ${bytes(report.bytes)} of payload`],
    ['copied', `${count(keys.copied)}, each read back and compared: ${count(keys.verified)} equal`],
    ...(keys.expired > 0 ? [['expired', `${count(keys.expired)} on their way, by their own expiry`]] : []),
    ['writers', writersText(report)],
    ...(report.finalCheck === null
      ? []
      : [
          [
            'final check',
            `${plural(report.finalCheck.keys, 'key')}, ${report.finalCheck.misplaced} misplaced, ${report.finalCheck.duplicates} duplicate`,
          ],
        ]),
    ['topology', report.topologyFile],
    ...(report.journal === null ? [] : [['journal', report.journal]]),
  ];
  const table = columns({head: ['', ''], rows: rows.map(([label, text]) => [style.dim(label!), text!]), indent: 2})
    .split('\n')
    .slice(1);
  return `${headline(report, style)}\n${table.join('\n')}\n`;
}

function headline({phase, id, next}: RebalanceReport, style: Style): string {
  switch (phase) {
    case 'done':
      return `${style.good('✓')} ${style.bold('done')}  every key is on its owner, once  ${style.dim(id ?? '')}`;
    case 'aborted':
      return `${style.good('✓')} ${style.bold('aborted')}  the copies are removed, the sources are as they were  ${style.dim(id ?? '')}`;
    case 'cutover':
      return `${style.accent('~')} ${style.bold('cut over')}  the sources still hold their copies: ${next}`;
    case 'planned':
    case 'copying':
    case 'copied':
    case 'verified':
    case 'pruning':
      return `${style.warning('!')} ${style.bold(phase)}  unfinished: ${next}`;
  }
}

function writersText({writers}: RebalanceReport): string {
  switch (writers) {
    case 'none-seen':
      return 'none seen on the sources while their keys were copied';
    case 'seen':
      return 'SEEN on the sources while their keys were copied';
    case 'unknown':
      return 'unknown: the change counters do not cover the whole run';
  }
}
