/** Masters that are replaced by replication, for people: what is planned, what was proved, and what to do with the old servers. */
import type {RebalanceReport, ReplacedReport} from '../report/rebalance.js';
import {type Labelled, labelled} from './labelled.js';
import type {Style} from './style.js';
import {count, plural} from './units.js';
import {wrapped} from './wrap.js';

/** No key moves: there is nothing else to show. */
export function isOnlyReplaced({replaced, matrix, keys}: RebalanceReport): boolean {
  return replaced !== undefined && matrix.length === 0 && keys.scanned === 0;
}

export function replacedLines({replaced = []}: RebalanceReport, style: Style): string {
  const line = ({shard, from, to}: ReplacedReport): string =>
    `shard ${shard}: ${from} → ${to} by replication; no key moves`;
  return replaced.map((one) => wrapped(line(one), style.columns, 2)).join('\n');
}

export function replacedPlan(report: RebalanceReport, style: Style): string {
  const shards = report.replaced ?? [];
  const title = `Plan  ${plural(shards.length, 'master')} replaced`;
  const how =
    'Each new server is filled first. Then writes are held off for a moment, the old master follows the new one, and the new one leads. ' +
    `${report.topologyFile} gets its new text at the end.`;
  const saved = report.plan?.saved ?? null;
  const rows =
    saved === null
      ? []
      : [
          {label: 'plan', text: `${saved.file}, made ${saved.created}`, whole: true},
          {label: 'hash', text: saved.hash, whole: true},
        ];
  const parts = [
    style.bold(title),
    replacedLines(report, style),
    wrapped(how, style.columns, 0),
    labelled(rows, style),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** Rows of a summary. */
export function replacedRows({replaced = []}: RebalanceReport): Labelled[] {
  return replaced.flatMap((one): Labelled[] => {
    const {shard, from, to, promotedOffset, fencedOffset, writeGapMs, resync, persisted} = one;
    if (promotedOffset === null) return [{label: shard, text: `${from} → ${to}, not handed over yet`}];
    const gap = writeGapMs === null ? '' : `; no writes for ${count(writeGapMs)} ms`;
    const lost = `nothing lost: acknowledged up to offset ${fencedOffset}, taken over at ${promotedOffset}${gap}`;
    const came = resync === null ? `${from} is not seen to follow ${to}` : `${from} follows ${to} (${resync} resync)`;
    return [
      {label: shard, text: `${from} → ${to}`, whole: true},
      {label: '', text: lost},
      {label: '', text: `${came}; roles ${PERSISTED[persisted ?? 'unknown']}`},
      ...one.left.map(({instance, message}) => ({label: '', text: `${instance} was left: ${message}`})),
    ];
  });
}

const PERSISTED = {
  yes: 'persisted',
  'no-config-file': 'not persisted: a server without a config file forgets its role in a restart',
  failed: 'not persisted: CONFIG REWRITE failed, a restart brings the old role back',
  unknown: 'not persisted yet',
} as const;

export function renderReplaced(report: RebalanceReport, style: Style): string {
  const {next, journal, operation, phase} = report;
  const place = (label: string, text: string | null): Labelled[] => (text === null ? [] : [{label, text, whole: true}]);
  const rows = [
    ...replacedRows(report),
    ...place('topology', report.topologyFile),
    ...place('journal', journal),
    ...place('next', next),
    ...(next === null ? [] : place('or', operation?.abort ?? null)),
    ...place('way back', operation?.back ?? null),
    ...(phase === 'done' ? [{label: 'retire', text: retirement(report)}] : []),
  ];
  return `${headline(report, style)}\n\n${labelled(rows, style)}\n`;
}

function headline({phase, id}: RebalanceReport, style: Style): string {
  if (phase === 'done')
    return `${style.good('✓')} ${style.bold('done')}  every shard has its new master, no key moved  ${style.dim(id ?? '')}`;
  if (phase === 'aborted')
    return `${style.good('✓')} ${style.bold('aborted')}  every old master leads as before  ${style.dim(id ?? '')}`;
  return `${style.warning('!')} ${style.bold(phase)}  unfinished, no key is lost  ${style.dim(id ?? '')}`;
}

/** The old servers keep everything, and take no writes. */
function retirement({replaced = []}: RebalanceReport): string {
  const commands = replaced.map(({from}) => `redis-cli ${hostAndPort(from)} SHUTDOWN`);
  return `the old masters are read-only replicas with all their data; when no client uses them any more: ${commands.join('; ')}`;
}

function hostAndPort(address: string): string {
  const colon = address.lastIndexOf(':');
  return `-h ${address.slice(0, colon).replace(/[[\]]/g, '')} -p ${address.slice(colon + 1)}`;
}
