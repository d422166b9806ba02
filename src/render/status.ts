/** `rtopo status` for people: a tree per shard, then every problem with its cause and remedy. */
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, plural, seconds} from './units.js';
import {wrapped} from './wrap.js';

export function renderStatus(report: StatusReport, style: Style): string {
  const instances = report.shards.reduce((sum, shard) => sum + shard.instances.length, 0);
  const head =
    `${style.bold(report.topology)}  ${plural(report.shards.length, 'shard')}, ${plural(instances, 'instance')}, ` +
    `asked in ${report.sampledMs} ms`;
  const rows = report.shards.flatMap((shard) => [...shardRows(shard, style), []]).slice(0, -1);
  const table = columns({
    head: ['', 'ROLE', 'LINK', 'LAG', 'ACK', 'KEYS', 'VERSION'].map(style.dim),
    align: ['left', 'left', 'left', 'right', 'right', 'right', 'left'],
    rows: rows.map((row) => (row.length === 0 ? ['', '', '', '', '', '', ''] : row)),
  });
  return `${head}\n\n${table}\n\n${problems(report, style)}`;
}

function shardRows(shard: ShardStatus, style: Style): string[][] {
  const sign = shard.healthy ? style.good('●') : style.bad('●');
  const title = [`${sign} ${style.bold(shard.name)}`, '', '', '', '', '', ''];
  const children = (of: string): InstanceStatus[] => shard.instances.filter(({expectedOf}) => expectedOf === of);
  const rows = (instance: InstanceStatus, prefix: string, branch: string): string[][] => {
    const below = children(instance.address);
    const deeper = branch === '' ? '  ' : `${prefix}${branch.startsWith('└') ? '   ' : '│  '}`;
    return [
      row(instance, `${branch === '' ? '  ' : prefix}${branch}`, style),
      ...below.flatMap((child, i) => rows(child, deeper, i === below.length - 1 ? '└─ ' : '├─ ')),
    ];
  };
  const root = shard.instances.find(({expectedOf}) => expectedOf === undefined);
  return [title, ...(root ? rows(root, '', '') : [])];
}

function row(instance: InstanceStatus, tree: string, style: Style): string[] {
  const trouble = instance.problems.length > 0;
  const name = trouble ? style.bad(instance.address) : instance.address;
  if (!instance.reachable) {
    return [`${style.dim(tree)}${name}`, style.bad('no answer'), '', '', '', '', style.dim(instance.problems[0] ?? '')];
  }
  const wrongRole = (instance.role === 'master') === (instance.expectedOf !== undefined);
  return [
    `${style.dim(tree)}${name}`,
    wrongRole ? style.bad(`${instance.role}!`) : instance.role,
    link(instance, style),
    bytes(instance.lagBytes ?? null),
    seconds(instance.ackSeconds ?? null),
    count(instance.keys),
    `${instance.server} ${instance.version}`,
  ];
}

function link({link: state = null, sync}: InstanceStatus, style: Style): string {
  switch (state) {
    case null:
      return '-';
    case 'up':
      return style.good('up');
    case 'syncing':
      return style.warning(
        sync?.percent == null ? (sync?.phase ?? 'syncing') : `${sync.phase} ${Math.round(sync.percent)} %`,
      );
    case 'connecting':
    case 'down':
      return style.bad(state);
  }
}

function problems({problems: findings, healthy}: StatusReport, style: Style): string {
  if (findings.length === 0) return `${style.good('✓')} healthy: every role, link and history is as declared\n`;
  const lines = findings.map((finding) => describe(finding, style));
  const verdict = healthy
    ? `${style.good('✓')} healthy, with ${plural(findings.length, 'warning')}`
    : `${style.bad('✗')} not healthy`;
  return `${lines.join('\n')}\n\n${verdict}\n`;
}

/** A finding of any report: sign, code, sentence, remedy. */
export function describe(
  {severity, code, message, remedy}: Pick<Finding, 'severity' | 'code' | 'message' | 'remedy'>,
  style: Style,
): string {
  const sign = severity === 'critical' ? style.bad('✗') : style.warning('!');
  return `${sign} ${style.bold(code)}\n${wrapped(message, style.columns, 2)}\n${wrapped(`try: ${remedy}`, style.columns, 2)}`;
}
