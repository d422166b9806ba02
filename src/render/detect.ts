/** `rtopo verify --detect` for people. */
import {escapeText} from '../errors.js';
import type {DetectCandidate, DetectReport} from '../report/detect.js';
import type {Style} from './style.js';
import {count, percent, plural} from './units.js';
import {wrapped} from './wrap.js';

export function renderDetect(report: DetectReport, style: Style): string {
  const {winner, equals, runnersUp, keys, tried} = report;
  const parts = [`${plural(keys, 'key')} sampled, ${plural(tried, 'placement')} tried`, verdict(report, style)];
  if (winner !== null && report.verdict !== 'too-few') parts.push(written(winner));
  if (equals.length > 0 && report.verdict !== 'too-few')
    parts.push(
      `These keys cannot tell it from:\n${table(equals)}\n  More keys may: --sample ${Math.max(10_000, 10 * keys)}`,
    );
  if (runnersUp.length > 0) parts.push(`${style.dim('Next best:')}\n${table(runnersUp)}`);
  return `${parts.join('\n\n')}\n`;
}

function verdict({verdict, winner, declared, keys}: DetectReport, style: Style): string {
  const was = declared === null ? '' : `\n  The declared placement explains ${percent(declared)}.`;
  switch (verdict) {
    case 'declared':
      return `${style.good('✓')} The declared placement fits: ${percent(winner!.share)} of the keys are where it says.`;
    case 'other':
      return `${style.warning('!')} Another placement fits: ${percent(winner!.share)} of the keys are where it says.${was}`;
    case 'none':
      return `${style.bad('✗')} No placement fits. The best explains ${percent(winner?.share ?? 0)} of the keys.${was}\n  They may have been written by several clients, with other names or another order\n  of the nodes, or with weights that the topology lacks.`;
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

/** One placement after the other; what does not fit into the line goes on below. */
function table(list: readonly DetectCandidate[]): string {
  return list
    .map(({placement, nodes, order, share}) => {
      const more = [...(nodes === null ? [] : [`node ${nodes}`]), ...(order === 'file' ? [] : [`sorted by ${order}`])];
      const text = wrapped([yaml(placement), ...more].join(', '), 80, 11);
      return `${percent(share).padStart(9)}  ${text.trimStart()}`;
    })
    .join('\n');
}
