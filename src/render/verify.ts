/** `rtopo verify` for people. */
import type {VerifyReport} from '../report/verify.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {count, percent, plural} from './units.js';

export function renderVerify(report: VerifyReport, style: Style): string {
  const rows = report.shards.map(({name, keys, share, expectedShare, misplaced}) => [
    misplaced === 0 ? style.good('✓') : style.bad('✗'),
    name,
    count(keys),
    percent(share),
    percent(expectedShare),
    misplaced === 0 ? '0' : style.bad(count(misplaced)),
  ]);
  const table = columns({
    head: ['', 'SHARD', 'KEYS', 'SHARE', 'BY WEIGHT', 'MISPLACED'].map(style.dim),
    align: ['left', 'left', 'right', 'right', 'right', 'right'],
    rows,
  });
  return `${table}\n\n${examples(report, style)}${verdict(report, style)}\n`;
}

function examples({examples: list}: VerifyReport, style: Style): string {
  if (list.length === 0) return '';
  const rows = list.map(({kind, key, db, foundOn, owner}) => [kind, `db${db}`, short(key), foundOn, owner]);
  return `${columns({head: ['', 'DB', 'KEY', 'FOUND ON', 'OWNER'].map(style.dim), rows, indent: 2})}\n\n`;
}

/** Long names keep both ends: what tells keys apart is often at the end. */
export function short(text: string, limit = 40): string {
  return text.length <= limit ? text : `${text.slice(0, limit / 2 - 1)}…${text.slice(-limit / 2)}`;
}

function verdict(report: VerifyReport, style: Style): string {
  const {keys, sampledOf, misplaced, duplicates, unplaced} = report;
  const nowhere =
    unplaced === 0
      ? ''
      : `\n${style.warning('!')} ${plural(unplaced, 'key')} that the clients place nowhere: rtopo locate KEY --explain`;
  const sample = sampledOf === null ? '' : ` (a sample of ${count(sampledOf)})`;
  if (misplaced === 0)
    return `${style.good('✓')} ${plural(keys, 'key')}${sample}: each on its owner, once${bound(report)}${nowhere}`;
  const twice = duplicates === 0 ? '' : `, ${count(duplicates)} of them also on their owner`;
  return `${style.bad('✗')} ${plural(misplaced, 'key')} of ${count(keys)}${sample} on a server that does not own them${twice}${nowhere}`;
}

/** The rule of three: what a clean sample says of all keys, with 95 % confidence. */
function bound({keys, sampledOf}: VerifyReport): string {
  if (sampledOf === null || keys === 0 || keys >= sampledOf) return '';
  return `;\n  with 95 % confidence fewer than ${percent(3 / keys)} of all keys are misplaced`;
}
