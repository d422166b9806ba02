/** `rtopo explain` for people. */
import type {CodeSeverity} from '../report/codes/code.js';
import type {CodeLine, ExplainedCode, ExplainReport} from '../report/explain.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {wrapped} from './wrap.js';

export function renderExplain(report: ExplainReport, style: Style): string {
  return 'codes' in report ? list(report.codes, style) : inFull(report, style);
}

function paint(severity: CodeSeverity, style: Style): (text: string) => string {
  switch (severity) {
    case 'critical':
    case 'failed':
      return style.bad;
    case 'warning':
    case 'refused':
      return style.warning;
    case 'info':
      return style.dim;
  }
}

const PARTS = [
  ['What it means', 'means'],
  ['Why it happens', 'why'],
  ['What to do', 'fix'],
  ['How to verify', 'verify'],
] as const;

function inFull(code: ExplainedCode, style: Style): string {
  const head = `${style.bold(code.code)}  ${paint(code.severity, style)(code.severity)}\n${code.title}`;
  const parts = PARTS.map(([name, field]) => `${style.bold(name)}\n${wrapped(code[field], style.columns, 2)}`);
  return `${[head, ...parts].join('\n\n')}\n`;
}

function list(codes: readonly CodeLine[], style: Style): string {
  const topics = [...new Set(codes.map(({topic}) => topic))];
  const widest = Math.max(...codes.map(({code}) => code.length));
  const parts = topics.map((topic) => {
    const rows = codes
      .filter((line) => line.topic === topic)
      .map(({code, severity, title}) => [code.padEnd(widest), paint(severity, style)(severity.padEnd(8)), title]);
    const beside = columns({head: [], rows, indent: 2});
    const wide = Math.max(...rows.map(([, , title]) => widest + 14 + title!.length)) > style.columns;
    const stacked = rows
      .map(([code, severity, title]) => `  ${code}  ${severity!.trimEnd()}\n      ${title}`)
      .join('\n');
    return `${style.bold(topic)}\n${wide ? stacked : beside}`;
  });
  return `${parts.join('\n\n')}\n\nrtopo explain CODE says more\n`;
}
