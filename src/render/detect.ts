/** `rtopo verify --detect` for people. */
import {escapeText} from '../errors.js';
import type {DetectCandidate, DetectReport} from '../report/detect.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {count, percent, plural} from './units.js';

export function renderDetect(report: DetectReport, style: Style): string {
  const {winner, equals, runnersUp, keys, tried} = report;
  const parts = [`${plural(keys, 'key')} sampled, ${plural(tried, 'placement')} tried`, verdict(report, style)];
  if (winner !== null && report.verdict !== 'too-few') parts.push(written(winner));
  if (equals.length > 0 && report.verdict !== 'too-few')
    parts.push(
      `These keys cannot tell it from:\n${table(equals, style)}\n  More keys may: --sample ${Math.max(10_000, 10 * keys)}`,
    );
  if (runnersUp.length > 0) parts.push(`${style.dim('Next best:')}\n${table(runnersUp, style)}`);
  return `${parts.join('\n\n')}\n`;
}

function verdict({verdict, winner, declared, keys}: DetectReport, style: Style): string {
  const was = declared === null ? '' : `; the declared placement explains ${percent(declared)}`;
  switch (verdict) {
    case 'declared':
      return `${style.good('✓')} The declared placement fits: ${percent(winner!.share)} of the keys are where it says.`;
    case 'other':
      return `${style.warning('!')} Another placement fits: ${percent(winner!.share)} of the keys are where it says${was}.`;
    case 'none':
      return `${style.bad('✗')} No placement fits. The best explains ${percent(winner?.share ?? 0)}${was}. The keys may have been written by several\n  clients, with another order or other names of the nodes, or with weights that the topology lacks.`;
    case 'too-few':
      return `${style.warning('!')} Too little to tell by: ${count(keys)} keys, and it takes some tens on at least two shards.`;
  }
}

/** The lines to put into the topology. */
function written({placement, nodes, order}: DetectCandidate): string {
  const lines = [`  placement: ${yaml(placement)}`];
  if (nodes !== null) lines.push(`  and for each shard  node: ${nodes}`);
  if (order !== 'file') lines.push(`  with the shards sorted by ${order}`);
  return lines.join('\n');
}

function yaml(placement: DetectCandidate['placement']): string {
  const plain = (value: unknown): string =>
    typeof value === 'string' && !/^[A-Za-z][\w.-]*$/.test(value) ? JSON.stringify(value) : String(value);
  return escapeText(
    `{${Object.entries(placement)
      .map(([name, value]) => `${name}: ${plain(value)}`)
      .join(', ')}}`,
  );
}

function table(list: readonly DetectCandidate[], style: Style): string {
  const rows = list.map(({placement, nodes, order, share}) => [
    percent(share),
    yaml(placement),
    [nodes === null ? '' : `node ${nodes}`, order === 'file' ? '' : `by ${order}`]
      .filter((text) => text !== '')
      .join(', '),
  ]);
  return columns({head: ['KEYS', 'PLACEMENT', ''].map(style.dim), align: ['right', 'left', 'left'], rows, indent: 2});
}
