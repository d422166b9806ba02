/** `rtopo locate --to` and `--balance` for people. */
import {escapeText} from '../errors.js';
import {
  type BalanceReport,
  type ComparedKey,
  type ComparedKeys,
  type CompareReport,
  comparedKey,
  type KeySource,
  type Sides,
} from '../report/compare.js';
import type {StreamForm} from './locate.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {count, percent, plural} from './units.js';
import {wrapped} from './wrap.js';

function judged(keys: number, source: KeySource): string {
  return `${count(keys)} ${source === 'live' ? 'live keys, sampled' : 'synthetic keys'}`;
}

export function renderCompare(report: CompareReport, style: Style): string {
  const {keys, moved, matrix, minimumShare, unplaced, source, from, to} = report;
  const rows = matrix.map((pair) => [
    pair.from,
    '→',
    pair.to,
    count(pair.keys),
    percent(pair.keys / Math.max(1, keys)),
  ]);
  const table = columns({
    head: ['FROM', '', 'TO', 'KEYS', 'SHARE'].map(style.dim),
    align: ['left', 'left', 'left', 'right', 'right'],
    rows,
    indent: 2,
  });
  const share = moved / Math.max(1, keys);
  const times =
    minimumShare > 0 ? `: this is ${(share / minimumShare).toFixed(1)} times what any scheme must move` : '';
  const lines = [
    `${describe(from)}  →  ${describe(to)}`,
    ...(matrix.length === 0 ? [] : [table]),
    moved === 0
      ? `${style.good('✓')} No key moves (${judged(keys, source)})`
      : `${percent(share)} of the keys move (${judged(keys, source)})\nThe minimum is ${percent(minimumShare)}${times}`,
  ];
  if (unplaced > 0) lines.push(`${style.warning('!')} ${plural(unplaced, 'key')} that one side places nowhere`);
  return `${lines.join('\n\n')}\n`;
}

function describe({scheme, shards}: CompareReport['from']): string {
  return `${scheme} over ${plural(shards.length, 'shard')}`;
}

/** `\tfrom\tto\tmoves`: what follows a key in its line. */
function comparedEnd({from, to, moved}: ComparedKey): string {
  return `\t${from ?? '-'}\t${to ?? '-'}\t${moved ? 'moves' : 'stays'}\n`;
}

/** A renderer for keys as they were given: `echoes`. On a terminal a table, else lines. */
export function renderComparedKeys(echoes: readonly string[], terminal: boolean) {
  return (report: ComparedKeys, style: Style): string =>
    terminal
      ? comparedTable(report, echoes, style)
      : report.keys.map((one, i) => `${echoes[i]}${comparedEnd(one)}`).join('');
}

function comparedTable({keys, moved}: ComparedKeys, echoes: readonly string[], style: Style): string {
  const rows = keys.map(({from, to, moved}, i) => [
    escapeText(echoes[i]!),
    from ?? '-',
    to ?? '-',
    moved ? style.warning('moves') : style.dim('stays'),
  ]);
  const table = columns({head: ['KEY', 'FROM', 'TO', ''].map(style.bold), rows});
  return `${table}\n\n${moved} of ${plural(keys.length, 'key')} move\n`;
}

/** What `locate - --to FILE` writes for a key. */
export function comparedAnswer(sides: Sides, {json, terminal, escaped}: StreamForm) {
  return (key: Buffer, echo: Buffer): string | Buffer => {
    const compared = comparedKey(key, sides);
    if (json) return `${JSON.stringify(compared)}\n`;
    return Buffer.concat([terminal ? Buffer.from(escaped(echo)) : echo, Buffer.from(comparedEnd(compared))]);
  };
}

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of so many columns, to an eighth of one. */
export function bar(columnsWide: number): string {
  const steps = Math.round(columnsWide * 8);
  return '█'.repeat(Math.floor(steps / 8)) + eighths[steps % 8]!;
}

export function renderBalance(report: BalanceReport, style: Style): string {
  const {shards, keys, source, scheme, maxToExpected, variation} = report;
  const nameWidth = Math.min(24, Math.max(5, ...shards.map(({name}) => name.length)));
  const numbers = ' 100.0 %  100.0 %  +100.0 %'.length;
  const room = Math.max(10, Math.min(60, style.columns - nameWidth - numbers - 4));
  const top = Math.max(...shards.map(({share, expectedShare}) => Math.max(share, expectedShare)), 1e-9);
  const head = `${'SHARD'.padEnd(nameWidth)}  ${''.padEnd(room)} ${'SHARE'.padStart(7)} ${'WEIGHT'.padStart(8)} ${'OFF BY'.padStart(9)}`;
  const lines = shards.map(({name, share, expectedShare}) => {
    const off = expectedShare === 0 ? 0 : share / expectedShare - 1;
    const offText = `${off >= 0 ? '+' : '-'}${percent(Math.abs(off))}`.padStart(9);
    const painted = Math.abs(off) > 0.2 ? style.bad(offText) : Math.abs(off) > 0.1 ? style.warning(offText) : offText;
    const drawn = bar((share / top) * room);
    const shown = name.length > nameWidth ? `${name.slice(0, nameWidth - 1)}…` : name.padEnd(nameWidth);
    return `${shown}  ${style.accent(drawn)}${' '.repeat(room - drawn.length)} ${percent(share).padStart(7)} ${percent(expectedShare).padStart(8)} ${painted}`;
  });
  const summary = `${scheme}: the fullest shard has ${maxToExpected.toFixed(2)} times its part, they vary by ${percent(variation)} (${judged(keys, source)})`;
  return `${[style.dim(head), ...lines].join('\n')}\n\n${wrapped(summary, style.columns, 0)}\n`;
}
