/** A rebalance for people: the summary that can be pasted into an incident report, and the state of one that is unfinished. */
import type {OperationPart, RebalanceReport} from '../report/rebalance.js';
import {type Labelled, labelled} from './labelled.js';
import {movement} from './matrix.js';
import {isOnlyReplaced, renderReplaced, replacedRows} from './replaced.js';
import {saidSettings} from './settings.js';
import type {Style} from './style.js';
import {bytes, count, percent, plural, spell} from './units.js';

export function renderRebalance(report: RebalanceReport, style: Style): string {
  if (isOnlyReplaced(report)) return renderReplaced(report, style);
  const {operation} = report;
  const rows = [
    ...(isOver(report) || operation === undefined ? [] : [{label: 'where', text: operation.whereabouts}]),
    ...processRows(report),
    ...replacedRows(report),
    ...workRows(report),
    ...proofRows(report),
    ...placeRows(report),
    ...wayRows(report),
  ];
  return `${headline(report, style)}\n\n${movement(report, style)}\n\n${labelled(rows, style)}\n`;
}

function headline({phase, id, operation, finalCheck}: RebalanceReport, style: Style): string {
  const left = Math.max(operation?.skipped ?? 0, finalCheck?.misplaced ?? 0);
  const name = style.dim(id ?? '');
  const says = (sign: string, text: string): string =>
    `${sign} ${style.bold(phase === 'cutover' ? 'cut over' : phase)}  ${text}  ${name}`;
  const isRunning = operation?.process?.isAlive === true;
  switch (phase) {
    case 'done':
      return left > 0
        ? says(style.warning('!'), `every key is on its owner, but for ${plural(left, 'key')} left as agreed`)
        : says(style.good('✓'), 'every key is on its owner, once');
    case 'aborted':
      return says(style.good('✓'), 'the copies are removed, the sources are as they were');
    case 'cutover':
      return says(style.accent('~'), 'the old copies are still at their sources');
    case 'planned':
    case 'replicating':
    case 'copying':
    case 'copied':
    case 'verified':
    case 'pruning':
      return says(style.warning('!'), isRunning ? 'under way, no key is lost' : 'unfinished, no key is lost');
  }
}

function processRows({operation, phase}: RebalanceReport): Labelled[] {
  const last = operation?.process;
  if (!last || phase === 'done' || phase === 'aborted') return [];
  const state = {
    alive: 'is alive: it may be working on it just now',
    dead: 'has ended',
    unknown: 'cannot be seen from this host',
  }[last.isAlive === null ? 'unknown' : last.isAlive ? 'alive' : 'dead'];
  return [{label: 'process', text: `${last.pid} on ${last.host} ${state}`}];
}

function workRows(report: RebalanceReport): Labelled[] {
  const {keys, operation} = report;
  const rows: Labelled[] = isOver(report)
    ? [{label: report.phase === 'aborted' ? 'removed' : 'moved', text: movedText(report)}]
    : [];
  rows.push({
    label: 'copied',
    text: `${count(keys.copied)}, each read back and compared: ${count(keys.verified)} equal`,
  });
  if (operation?.fidelity !== undefined) rows.push({label: 'fidelity', text: fidelityText(operation.fidelity)});
  if (keys.expired > 0) rows.push({label: 'expired', text: `${count(keys.expired)} on their way, by their own expiry`});
  if (operation?.skipped) {
    const names = plural(operation.skipped, 'name');
    rows.push({label: 'skipped', text: `${names} left at the source: the target holds another value`});
  }
  for (const text of operation?.notes ?? []) rows.push({label: 'note', text});
  const said = operation === undefined ? '' : saidSettings({...operation, consents: {acceptVolatile: []}});
  if (said !== '') rows.push({label: 'with', text: said});
  return rows;
}

/** Nothing is to be copied any more; before that a rate would say little, and a count of moved keys nothing. */
const isOver = ({phase}: RebalanceReport): boolean => phase === 'done' || phase === 'aborted' || phase === 'cutover';

function movedText({keys, phase, seconds, bytes: sent, movedShare, operation}: RebalanceReport): string {
  const share = phase === 'done' ? ` of ${count(keys.scanned)} (${percent(movedShare)})` : '';
  // The time of an operation that was interrupted counts the pauses.
  const isTelling = seconds >= 1 && keys.copied > 0 && !operation?.process;
  const rate = isTelling ? `: ${count(Math.round(keys.copied / seconds))} keys/s, ${bytes(sent / seconds)}/s` : '';
  return `${plural(keys.deleted, 'key')}${share} in ${spell(seconds)}, ${bytes(sent)} of payload${rate}`;
}

function fidelityText({asIs, refooted, elements}: NonNullable<OperationPart['fidelity']>): string {
  const parts = [`${count(asIs)} as they are`];
  if (refooted > 0) parts.push(`${count(refooted)} as a DUMP for another version`);
  if (elements > 0) parts.push(`${count(elements)} element by element`);
  return parts.join(', ');
}

const DURABLE: Readonly<Record<OperationPart['durability'][number]['by'], string>> = {
  aof: 'by its append-only file',
  replica: 'by a replica that acknowledged',
  bgsave: 'by a snapshot made after the last copy',
  'accepted-volatile': 'NOT: in memory only, as accepted',
  'no-copies': 'nothing was copied there',
};

function proofRows(report: RebalanceReport): Labelled[] {
  const {operation, writers, finalCheck} = report;
  const rows: Labelled[] = (operation?.durability ?? []).map(({at, by}) => ({
    label: 'durable',
    text: `${at} ${DURABLE[by]}`,
  }));
  // Before the verdict there is none.
  if (report.writers === 'unknown' && !isOver(report)) return rows;
  const method = operation?.writersMethod === undefined ? '' : ` (by ${operation.writersMethod})`;
  rows.push({label: 'writers', text: `${WRITERS[writers]}${method}`});
  if (finalCheck !== null) {
    const {keys, misplaced, duplicates} = finalCheck;
    rows.push({
      label: 'final check',
      text: `${plural(keys, 'key')}, ${count(misplaced)} misplaced, ${count(duplicates)} duplicate`,
    });
  }
  return rows;
}

const WRITERS: Readonly<Record<RebalanceReport['writers'], string>> = {
  'none-seen': 'none seen on the sources while their keys were copied',
  seen: 'SEEN on the sources while their keys were copied',
  unknown: 'unknown: the change counters do not cover the whole run',
};

function placeRows({topologyFile, journal}: RebalanceReport): Labelled[] {
  const rows = [{label: 'topology', text: topologyFile, whole: true}];
  return journal === null ? rows : [...rows, {label: 'journal', text: journal, whole: true}];
}

/** The commands, with what each of them would do. */
function wayRows({next, phase, operation}: RebalanceReport): Labelled[] {
  const rows: Labelled[] = [];
  if (next !== null) {
    const isRunning = operation?.process?.isAlive === true;
    const does = `${isRunning ? 'should the process have died: ' : ''}${NEXT[phase] ?? ''}`;
    rows.push({label: 'next', text: next, whole: true}, {label: '', text: does});
  }
  if (operation?.abort) {
    rows.push({label: 'or', text: operation.abort, whole: true});
    rows.push({label: '', text: 'removes the copies from the targets; the sources stay as they are'});
  }
  if (operation?.back) rows.push({label: 'way back', text: operation.back, whole: true});
  return rows;
}

const REST = 'copies and compares what is missing, then cuts over, deletes the old copies and checks every key';

const NEXT: Readonly<Partial<Record<RebalanceReport['phase'], string>>> = {
  planned: REST,
  copying: REST,
  copied: REST,
  verified: 'makes the copies durable, then cuts over, deletes the old copies and checks every key',
  cutover: 'deletes the old copies, each one only while its owner holds it, and checks every key',
  pruning: 'deletes the rest of the old copies, and checks every key',
};
