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

function verdict({keys, misplaced, duplicates}: VerifyReport, style: Style): string {
  if (misplaced === 0) return `${style.good('✓')} ${plural(keys, 'key')}: each on its owner, once`;
  const twice = duplicates === 0 ? '' : `, ${count(duplicates)} of them also on their owner`;
  return `${style.bad('✗')} ${plural(misplaced, 'key')} of ${count(keys)} on a server that does not own them${twice}`;
}
