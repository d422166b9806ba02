/**
 * `rtopo status --format github`: workflow commands, which GitHub Actions shows at the run and at the commit, and a page in Markdown
 * for the summary of the job. Source: docs.github.com, "Workflow commands for GitHub Actions"; actions/toolkit, command.ts (escaping).
 */
import {escapeText} from '../errors.js';
import type {Finding, Severity} from '../report/finding.js';
import type {InstanceStatus, StatusReport} from '../report/status.js';
import {isDeclaredReplica, release} from './status-cells.js';
import {bytes, count, plural, seconds} from './units.js';

/** One command a line, errors first: GitHub shows ten of each kind. No other line begins with text of a server. */
export function renderGithub(report: StatusReport): string {
  const lines = COMMANDS.flatMap(([severity, kind]) =>
    report.problems.filter((finding) => finding.severity === severity).map((finding) => command(kind, finding)),
  );
  return `${[...lines, `${report.healthy ? '✓' : '✗'} ${verdict(report)}`].join('\n')}\n`;
}

type Kind = 'error' | 'warning' | 'notice';

const COMMANDS: readonly (readonly [Severity, Kind])[] = [
  ['critical', 'error'],
  ['warning', 'warning'],
  ['info', 'notice'],
];
const SIGNS: Readonly<Record<Severity, string>> = {critical: '❌', warning: '⚠️', info: 'ℹ️'};

function verdict({topology, shards, problems, healthy}: StatusReport): string {
  const instances = shards.flatMap((shard) => shard.instances).length;
  const size = `${plural(shards.length, 'shard')}, ${plural(instances, 'instance')}`;
  const found = problems.length === 0 ? 'no findings' : plural(problems.length, 'finding');
  return `${topology}: ${healthy ? 'healthy' : 'not healthy'}, ${size}, ${found}`;
}

function command(kind: Kind, {code, shard, instance, message, remedy}: Finding): string {
  const title = property(escapeText(`${code} ${shard} ${instance}`));
  return `::${kind} title=${title}::${data(`${escapeText(message)}\ntry: ${escapeText(remedy)}`)}`;
}

/** Percent first, or the others would be escaped twice. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** The page for `GITHUB_STEP_SUMMARY`. */
export function githubSummary(report: StatusReport): string {
  const sign = report.healthy ? '✅' : '❌';
  const at = report.sampledAt === undefined ? '' : ` (${report.sampledAt})`;
  const parts = [`### ${sign} rtopo status: ${cell(verdict(report))}${at}`, instances(report)];
  if (report.problems.length > 0) parts.push(findings(report.problems));
  return `${parts.join('\n\n')}\n\n`;
}

function instances({shards}: StatusReport): string {
  const rows = shards.flatMap(({name, instances: own}) =>
    own.map((one) => [name, one.address, ...state(one), [...new Set(one.problems)].join(', ')].map(cell)),
  );
  return table(['shard', 'instance', 'role', 'link', 'lag', 'ack', 'keys', 'version', 'problems'], rows);
}

function state(one: InstanceStatus): string[] {
  if (!one.reachable) return ['no answer', '-', '-', '-', '-', '-'];
  const link = isDeclaredReplica(one) || one.role === 'replica' ? (one.link ?? '-') : '-';
  const {lagBytes = null, ackSeconds = null} = one;
  return [one.role, link, bytes(lagBytes), seconds(ackSeconds), count(one.keys), release(one)];
}

function findings(problems: readonly Finding[]): string {
  const rows = problems.map(({severity, code, message, remedy}) => [
    SIGNS[severity],
    cell(code),
    cell(message),
    cell(remedy),
  ]);
  return table(['', 'code', 'what', 'try'], rows);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Text in a cell of a table: no mark-up, no HTML, no mention of a person, no link, no way out of the cell. */
function cell(text: string): string {
  return escapeText(text).replace(/[&<>@:\\`*_{}[\]()#+!|~]/g, (c) => `&#${c.codePointAt(0)};`);
}
