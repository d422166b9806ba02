/** `rtopo status` for people: a tree per shard, then every problem with its cause and remedy. */
import {stripVTControlCharacters} from 'node:util';
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, plural, seconds} from './units.js';
import {wrapped} from './wrap.js';

export function renderStatus(report: StatusReport, style: Style): string {
  const instances = report.shards.flatMap((shard) => shard.instances);
  const releases = new Set(instances.filter(({reachable}) => reachable).map(release));
  const facts = [
    plural(report.shards.length, 'shard'),
    plural(instances.length, 'instance'),
    ...(releases.size === 1 ? releases : []),
    `asked in ${count(report.sampledMs)} ms`,
  ];
  const table = tree(report.shards, style, releases.size > 1);
  return `${style.bold(report.topology)}  ${facts.join(', ')}\n\n${table}\n\n${problems(report, style)}`;
}

function release({server, version}: InstanceStatus): string {
  return `${server} ${version}`;
}

interface Column {
  readonly head: string;
  readonly align: 'left' | 'right';
  readonly cell: (instance: InstanceStatus, style: Style) => string;
}

const COLUMNS: readonly Column[] = [
  {head: 'ROLE', align: 'left', cell: role},
  {head: 'LINK', align: 'left', cell: link},
  {head: 'LAG', align: 'right', cell: ({lagBytes = null}) => bytes(lagBytes)},
  {head: 'ACK', align: 'right', cell: ({ackSeconds = null}) => seconds(ackSeconds)},
  {head: 'KEYS', align: 'right', cell: ({keys}) => count(keys)},
];
const VERSION: Column = {head: 'VERSION', align: 'left', cell: release};

/** Beside the tree when the width allows it; else each address on a line of its own with its values below. */
function tree(shards: readonly ShardStatus[], style: Style, versions: boolean): string {
  const shown = versions ? [...COLUMNS, VERSION] : COLUMNS;
  const beside = table(shards, {style, shown, stacked: false});
  return widest(beside) <= style.columns ? beside : table(shards, {style, shown, stacked: true});
}

function widest(text: string): number {
  return Math.max(
    ...stripVTControlCharacters(text)
      .split('\n')
      .map((line) => line.length),
  );
}

interface Layout {
  readonly style: Style;
  readonly shown: readonly Column[];
  readonly stacked: boolean;
}

function table(shards: readonly ShardStatus[], layout: Layout): string {
  const {style, shown} = layout;
  const rows = shards.flatMap((shard) => [...shardRows(shard, layout), []]).slice(0, -1);
  const lines = columns({
    head: ['', ...shown.map(({head}) => style.dim(head))],
    align: ['left', ...shown.map(({align}) => align)],
    rows: rows.map((row) => (row.length > 1 ? row : ['', ...shown.map(() => '')])),
  }).split('\n');
  // A title takes no part in the width of the columns.
  return lines.map((line, i) => (rows[i - 1]?.length === 1 ? rows[i - 1]![0]! : line)).join('\n');
}

/** Rows of one cell are titles: they stand alone on their line. */
function shardRows(shard: ShardStatus, layout: Layout): string[][] {
  const {style} = layout;
  const sign = shard.healthy ? style.good('●') : style.bad('●');
  const children = (of: string): InstanceStatus[] => shard.instances.filter(({expectedOf}) => expectedOf === of);
  const rows = (instance: InstanceStatus, first: string, rest: string): string[][] => {
    const below = children(instance.address);
    return [
      ...instanceRows(instance, {first, rest: `${rest}${below.length > 0 ? '│' : ' '}  `}, layout),
      ...below.flatMap((child, i) =>
        i === below.length - 1 ? rows(child, `${rest}└─ `, `${rest}   `) : rows(child, `${rest}├─ `, `${rest}│  `),
      ),
    ];
  };
  const root = shard.instances.find(({expectedOf}) => expectedOf === undefined);
  return [[`${sign} ${style.bold(shard.name)}`], ...(root ? rows(root, '  ', '  ') : [])];
}

function instanceRows(
  instance: InstanceStatus,
  lead: {readonly first: string; readonly rest: string},
  {style, shown, stacked}: Layout,
): string[][] {
  const name = `${style.dim(lead.first)}${instance.problems.length > 0 ? style.bad(instance.address) : instance.address}`;
  const cells = instance.reachable
    ? shown.map(({cell}) => cell(instance, style))
    : [style.bad(silence(instance)), ...shown.slice(1).map(() => '')];
  return stacked ? [[name], [style.dim(lead.rest), ...cells]] : [[name, ...cells]];
}

/** Alive and unable to answer is not the same as down. */
function silence({problems: [code]}: InstanceStatus): string {
  switch (code) {
    case 'BUSY':
      return 'busy';
    case 'LOADING':
      return 'loading';
    case 'AUTH_FAILED':
    case 'AUTH_REQUIRED':
    case 'NO_PERMISSION':
      return 'no login';
    default:
      return 'no answer';
  }
}

function role({role: is, expectedOf}: InstanceStatus, style: Style): string {
  return (is === 'master') === (expectedOf !== undefined) ? style.bad(`${is}!`) : is;
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
