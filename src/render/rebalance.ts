/** A rebalance for people: the plan as a matrix, and the summary that can be pasted into an incident report. */
import type {RebalanceReport} from '../report/rebalance.js';
import {isOnlyReplaced, renderReplaced, replacedLines, replacedPlan, replacedRows} from './replaced.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, percent, plural} from './units.js';
import {wrapped} from './wrap.js';

export function renderPlan(report: RebalanceReport, style: Style): string {
  const {from, to, keys, loads: list} = report;
  const title = `Plan  ${from.shards.join(', ')} (${from.scheme})  →  ${to.shards.join(', ')} (${to.scheme})`;
  const strays = `${plural(keys.strays, 'key')} found where the present placement does not put them; they move to their owner too.`;
  // A plan that was refused before the keys could be counted has nothing to show but the reasons.
  const isCounted = list.some((load) => load.keys > 0) || keys.scanned > 0;
  if (isOnlyReplaced(report)) return replacedPlan(report, style);
  return [
    style.bold(wrapped(title, style.columns, 0)),
    '',
    ...(report.replaced === undefined ? [] : [replacedLines(report, style), '']),
    matrix(report, style),
    '',
    loads(report, style),
    '',
    ...(isCounted || keys.moving === 0 ? [wrapped(summary(report), style.columns, 0)] : []),
    ...(keys.strays === 0 ? [] : [style.warning(wrapped(strays, style.columns, 0))]),
    '',
  ].join('\n');
}

/** Shares by weight are what to expect, not what must be: a plan within a tenth of the least is as good as any. */
const NEAR_LEAST = 1.1;

function summary({keys, movedShare, minimumShare, from, to, topologyFile}: RebalanceReport): string {
  if (keys.moving === 0) {
    const isSame = from.scheme === to.scheme && from.shards.join('\n') === to.shards.join('\n');
    return isSame ? 'Nothing to move.' : `Nothing to move; ${topologyFile} gets its new text.`;
  }
  const share = `${count(keys.moving)} of ${plural(keys.scanned, 'key')} ${keys.moving === 1 ? 'moves' : 'move'} (${percent(movedShare)})`;
  return (movedShare ?? 0) <= minimumShare * NEAR_LEAST
    ? `${share}: about as few as any scheme could move for this change.`
    : `${share}; the least that any scheme could move for this change is about ${percent(minimumShare)}.`;
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
  if (isOnlyReplaced(report)) return renderReplaced(report, style);
  const {keys} = report;
  const rows = [
    ...replacedRows(report),
    [
      report.phase === 'aborted' ? 'removed' : 'moved',
      `${plural(keys.deleted, 'key')} in ${report.seconds.toFixed(1)} s, ${bytes(report.bytes)} of payload`,
    ],
    ['copied', `${count(keys.copied)}, each read back and compared: ${count(keys.verified)} equal`],
    ...(keys.expired > 0 ? [['expired', `${count(keys.expired)} on their way, by their own expiry`]] : []),
    ['writers', writersText(report)],
    ...(report.finalCheck === null
      ? []
      : [
          [
            'final check',
            `${plural(report.finalCheck.keys, 'key')}, ${count(report.finalCheck.misplaced)} misplaced, ${count(report.finalCheck.duplicates)} duplicate`,
          ],
        ]),
    ...(report.next === null ? [] : [['next', report.next]]),
    ['topology', report.topologyFile],
    ...(report.journal === null ? [] : [['journal', report.journal]]),
  ];
  const table = columns({head: ['', ''], rows: rows.map(([label, text]) => [style.dim(label!), text!]), indent: 2})
    .split('\n')
    .slice(1);
  return `${headline(report, style)}\n${table.join('\n')}\n`;
}

function headline({phase, id}: RebalanceReport, style: Style): string {
  switch (phase) {
    case 'done':
      return `${style.good('✓')} ${style.bold('done')}  every key is on its owner, once  ${style.dim(id ?? '')}`;
    case 'aborted':
      return `${style.good('✓')} ${style.bold('aborted')}  the copies are removed, the sources are as they were  ${style.dim(id ?? '')}`;
    case 'cutover':
      return `${style.accent('~')} ${style.bold('cut over')}  the old copies are still at their sources  ${style.dim(id ?? '')}`;
    case 'planned':
    case 'replicating':
    case 'copying':
    case 'copied':
    case 'verified':
    case 'pruning':
      return `${style.warning('!')} ${style.bold(phase)}  unfinished, no key is lost  ${style.dim(id ?? '')}`;
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
