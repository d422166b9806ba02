/** Who gives what to whom: a table of sources by targets, or a list of pairs where the table would be too wide. */
import type {RebalanceReport} from '../report/rebalance.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count} from './units.js';

type Cell = RebalanceReport['matrix'][number];

export function movement({matrix, from, to}: RebalanceReport, style: Style): string {
  // In the order of the topology, whichever pair was met first.
  const names = [...new Set([...from.shards, ...to.shards])];
  const cells = matrix.toSorted((a, b) => place(names, a) - place(names, b));
  if (cells.length === 0) return style.dim('  no key changes its owner');
  const table = crossTable(cells, names, style);
  const plain = crossTable(cells, names, {...style, dim: (text) => text});
  return Math.max(...plain.split('\n').map((line) => line.length)) <= style.columns ? table : pairs(cells, style);
}

const place = (names: readonly string[], {from, to}: Cell): number =>
  names.indexOf(from) * names.length + names.indexOf(to);

const keysOf = ({keys, plusMinus}: Cell): string =>
  plusMinus === undefined ? count(keys) : `~${count(keys)} ±${count(plusMinus)}`;

function crossTable(cells: readonly Cell[], names: readonly string[], style: Style): string {
  const sources = [...new Set(cells.map(({from}) => from))];
  const targets = [...new Set(cells.map(({to}) => to))].sort((a, b) => names.indexOf(a) - names.indexOf(b));
  const cell = (from: string, to: string): string => {
    const found = cells.find((one) => one.from === from && one.to === to);
    return found ? `${keysOf(found)} ${style.dim(`(${bytes(found.bytes)})`)}` : style.dim('·');
  };
  return columns({
    head: ['keys from', ...targets.map((to) => `→ ${to}`)].map(style.dim),
    align: ['left', ...targets.map(() => 'right' as const)],
    rows: sources.map((from) => [from, ...targets.map((to) => cell(from, to))]),
    indent: 2,
  });
}

function pairs(cells: readonly Cell[], style: Style): string {
  return columns({
    head: ['from', '', 'to', 'keys', 'memory'].map(style.dim),
    align: ['left', 'left', 'left', 'right', 'right'],
    rows: cells.map((cell) => [cell.from, style.dim('→'), cell.to, keysOf(cell), bytes(cell.bytes)]),
    indent: 2,
  });
}
