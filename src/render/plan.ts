/** The plan of a rebalance for people: who gives what to whom, what that costs, and what else there is to know. */
import type {PlanPart, RebalanceReport} from '../report/rebalance.js';
import {type Labelled, labelled} from './labelled.js';
import {movement} from './matrix.js';
import {isOnlyReplaced, replacedLines, replacedPlan} from './replaced.js';
import {saidSettings} from './settings.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, percent, plural, spell} from './units.js';
import {wrapped} from './wrap.js';

export function renderPlan(report: RebalanceReport, style: Style): string {
  const {from, to, plan} = report;
  if (plan?.already) return `${style.good('✓')} ${plan.already}\n`;
  if (isOnlyReplaced(report)) return replacedPlan(report, style);
  const title = `Plan  ${from.shards.join(', ')} (${from.scheme})  →  ${to.shards.join(', ')} (${to.scheme})`;
  const advice = (plan?.advice ?? []).map(
    ({message}) => `${style.warning('!')} ${wrapped(message, style.columns, 2).trimStart()}`,
  );
  const facts = labelled(factsOf(report, style), style);
  return [
    style.bold(wrapped(title, style.columns, 0)),
    report.replaced === undefined ? '' : replacedLines(report, style),
    report.matrix.length === 0 ? `  ${nothingText(report)}` : movement(report, style),
    loads(report, style),
    facts,
    advice.join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

function factsOf(report: RebalanceReport, style: Style): Labelled[] {
  const {keys, plan, loads: list} = report;
  // A plan that was refused before the keys could be counted has nothing to show but the reasons.
  if (keys.scanned === 0 && list.some((load) => load.keys > 0)) return [];
  if (plan === undefined) return [];
  const rows: Labelled[] = [];
  if (keys.moving > 0) {
    rows.push({label: 'moving', text: movingText(report, plan)});
    rows.push({label: 'least', text: leastText(report)}, {label: 'takes', text: durationText(plan)});
  }
  if (plan.way !== undefined) rows.push({label: 'way', text: plan.way.why});
  if (plan.estimate.method === 'sample') rows.push({label: 'estimate', text: estimateText(plan)});
  else if (keys.conflicts > 0) rows.push({label: 'conflicts', text: style.warning(conflictText(report, plan))});
  if (keys.strays > 0) rows.push({label: 'strays', text: style.warning(strayText(report, plan))});
  const said = saidSettings(plan);
  if (said !== '') rows.push({label: 'with', text: said});
  if (plan.saved !== null) rows.push(...savedRows(report, plan.saved));
  return rows;
}

function nothingText({keys, loads: list, from, to, topologyFile}: RebalanceReport): string {
  if (keys.scanned === 0 && list.some((load) => load.keys > 0)) return 'No key was counted.';
  const isSame = from.scheme === to.scheme && from.shards.join('\n') === to.shards.join('\n');
  return isSame ? 'Nothing to move.' : `Nothing to move; ${topologyFile} gets its new text.`;
}

function movingText({keys, movedShare, bytes: size}: RebalanceReport, {estimate}: PlanPart): string {
  const isSample = estimate.method === 'sample';
  const off = isSample ? ` ± ${count(estimate.movingPlusMinus)}` : '';
  return `${isSample ? 'about ' : ''}${count(keys.moving)}${off} of ${plural(keys.scanned, 'key')} (${percent(movedShare)}), ${bytes(size)} in memory`;
}

/** Shares by weight are what to expect, not what must be: a plan within a tenth of the least is as good as any. */
const NEAR_LEAST = 1.1;

function leastText({movedShare, minimumShare}: RebalanceReport): string {
  const least = `${percent(minimumShare)} would have to move under any scheme`;
  // The least is what is to be expected of all keys there could be; those that there are may fall better.
  if ((movedShare ?? 0) < minimumShare) return `${least}: these keys happen to need less`;
  if ((movedShare ?? 0) <= minimumShare * NEAR_LEAST) return `${least}: this is about as few as possible`;
  return minimumShare > 0 ? `${least}: this is ${((movedShare ?? 0) / minimumShare).toFixed(1)} times that` : least;
}

function durationText({duration}: PlanPart): string {
  const {seconds, keysPerSecond, bytesPerSecond, isAssumed} = duration;
  const rates = `${count(keysPerSecond)} keys/s and ${bytes(bytesPerSecond)}/s`;
  return `about ${spell(seconds)}, at ${rates} (${isAssumed ? 'assumed' : 'as limited'})`;
}

function estimateText({estimate}: PlanPart): string {
  return `from a sample of ${plural(estimate.sampled, 'key')}, ± for 95 of 100 cases; conflicts were not looked for: the copy finds them`;
}

function conflictText({keys}: RebalanceReport, {settings}: PlanPart): string {
  const names = `${plural(keys.conflicts, 'name')} with two values`;
  switch (settings.onConflict) {
    case 'fail':
      return names;
    case 'skip':
      return `${names}: they stay at their source, where the new placement does not look for them`;
    case 'replace':
      return `${names}: the value at the target is overwritten`;
  }
}

function strayText({keys}: RebalanceReport, {settings}: PlanPart): string {
  const found = `${plural(keys.strays, 'key')} found where the present placement does not put ${keys.strays === 1 ? 'it' : 'them'}`;
  switch (settings.strays) {
    case 'move':
      return `${found}; they move to their owner too`;
    case 'keep':
      return `${found}; they stay there`;
    case 'fail':
      return found;
  }
}

function savedRows({keys}: RebalanceReport, saved: NonNullable<PlanPart['saved']>): Labelled[] {
  const drift = keys.scanned - saved.keysThen;
  const since = drift === 0 ? '' : `, ${drift > 0 ? '+' : '-'}${plural(Math.abs(drift), 'key')} since`;
  return [
    {label: 'plan', text: `${saved.file}, made ${saved.created}${since}`, whole: true},
    {label: 'hash', text: saved.hash, whole: true},
  ];
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
