/** `rtopo status` for people: a tree per shard, then every problem with its cause and remedy. */
import type {Finding, Severity} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';
import {ack, isDeclaredReplica, keys, lag, link, note, offset, release, role, silence} from './status-cells.js';
import type {Style} from './style.js';
import {columns} from './table.js';
import {bytes, count, plural} from './units.js';
import {widest} from './width.js';
import {wrapped} from './wrap.js';

export function renderStatus(report: StatusReport, style: Style): string {
  const instances = report.shards.flatMap((shard) => shard.instances);
  const releases = new Set(instances.filter(({reachable}) => reachable).map(release));
  const at = report.sampledAt === undefined ? '' : ` at ${clock(report.sampledAt)}`;
  const facts = [
    plural(report.shards.length, 'shard'),
    plural(instances.length, 'instance'),
    ...(releases.size === 1 ? releases : []),
    `asked in ${count(report.sampledMs)} ms${at}`,
  ];
  const head = wrapped(`${style.bold(report.topology)}  ${facts.join(', ')}`, style.columns, 0);
  return `${head}\n\n${tree(report, style, releases.size > 1)}\n\n${problems(report, style)}`;
}

const WORST_FIRST: readonly Severity[] = ['critical', 'warning', 'info'];

/** `14:02:11Z` of an ISO time: the date is today's. */
function clock(iso: string): string {
  return `${iso.slice(11, 19)}Z`;
}

interface Column {
  readonly head: string;
  readonly align: 'left' | 'right';
  readonly cell: (instance: InstanceStatus, style: Style) => string;
}

const ROLE: Column = {head: 'ROLE', align: 'left', cell: role};
const LINK: Column = {head: 'LINK', align: 'left', cell: link};
const LAG: Column = {head: 'LAG', align: 'right', cell: lag};
const ACK: Column = {head: 'ACK', align: 'right', cell: ack};
const OFFSET: Column = {head: 'OFFSET', align: 'right', cell: offset};
const KEYS: Column = {head: 'KEYS', align: 'right', cell: keys};
const VERSION: Column = {head: 'VERSION', align: 'left', cell: release};
const NOTE: Column = {head: 'NOTE', align: 'left', cell: note};

interface Layout {
  readonly style: Style;
  readonly shown: readonly Column[];
  /** Each address on a line of its own, its values below. */
  readonly stacked: boolean;
  /** Notes on a line of their own, below the values. */
  readonly notesBelow: boolean;
  readonly paint: Paint;
}

/** An address in the colour of the worst that was found there. */
type Paint = (address: string) => string;

function painter(findings: readonly Finding[], style: Style): Paint {
  const worst = new Map<string, Severity>();
  for (const severity of WORST_FIRST.toReversed())
    for (const finding of findings) if (finding.severity === severity) worst.set(finding.instance, severity);
  return (address) => {
    const severity = worst.get(address);
    return severity === 'critical' ? style.bad(address) : severity === 'warning' ? style.warning(address) : address;
  };
}

/** The shards without codes that are no more than worth knowing: these are told below, and mark nobody. */
function withoutNotes({shards, problems: findings}: StatusReport): ShardStatus[] {
  const isNote = (code: string, address: string): boolean => {
    const own = findings.filter((finding) => finding.code === code && finding.instance === address);
    return own.length > 0 && own.every(({severity}) => severity === 'info');
  };
  return shards.map((shard) => ({
    ...shard,
    instances: shard.instances.map((one) => ({
      ...one,
      problems: one.problems.filter((code) => !isNote(code, one.address)),
    })),
  }));
}

/** The widest layout that the terminal has room for. What can be had elsewhere goes first, then what needs a line more. */
function tree(report: StatusReport, style: Style, versions: boolean): string {
  const {problems: findings} = report;
  const [shards, paint] = [withoutNotes(report), painter(findings, style)];
  const least = [ROLE, LINK, LAG, ACK, KEYS, ...(versions ? [VERSION] : [])];
  const all = [ROLE, LINK, LAG, ACK, OFFSET, KEYS, ...(versions ? [VERSION] : [])];
  const noted = shards.some(({instances}) => instances.some((one) => note(one, style) !== ''));
  const notes = noted ? [NOTE] : [];
  const layouts: readonly Layout[] = [
    {shown: [...all, ...notes], stacked: false, notesBelow: false},
    {shown: [...least, ...notes], stacked: false, notesBelow: false},
    {shown: least, stacked: false, notesBelow: noted},
    {shown: least, stacked: true, notesBelow: noted},
    {shown: [ROLE, LINK, LAG, KEYS], stacked: true, notesBelow: noted},
    {shown: [ROLE, LINK, LAG], stacked: true, notesBelow: noted},
  ].map((layout) => ({...layout, style, paint}));
  const summaries = shards.map((shard) => summary(shard, findings));
  for (const layout of layouts) {
    const text = table(shards, summaries, layout);
    if (widest(text) <= style.columns || layout === layouts.at(-1)) return text;
  }
  return '';
}

/** Lines of the tree: cells of the columns, or a text that takes no part in their width. */
type Row = readonly string[] | string;

function table(shards: readonly ShardStatus[], summaries: readonly string[], layout: Layout): string {
  const {style, shown} = layout;
  const rows = shards.flatMap((shard, i): Row[] => [
    ...(i === 0 ? [] : ['']),
    ...shardRows(shard, summaries[i]!, layout),
  ]);
  const lines = columns({
    head: [style.dim('  NODE'), ...shown.map(({head}) => style.dim(head))],
    align: ['left', ...shown.map(({align}) => align)],
    rows: rows.map((row) => (typeof row === 'string' ? ['', ...shown.map(() => '')] : row)),
  }).split('\n');
  return lines.map((line, i) => (i > 0 && typeof rows[i - 1] === 'string' ? (rows[i - 1] as string) : line)).join('\n');
}

/** Of a shard in one line: what is wrong, how many links are up, the worst lag. */
function summary({name, instances}: ShardStatus, findings: readonly Finding[]): string {
  const own = findings.filter(({shard}) => shard === name);
  const number = (severity: Severity): number => own.filter((finding) => finding.severity === severity).length;
  const [critical, warnings] = [number('critical'), number('warning')];
  const replicas = instances.filter(isDeclaredReplica);
  const up = replicas.filter((one) => one.link === 'up').length;
  const lags = replicas.flatMap(({lagBytes}) => (lagBytes == null ? [] : [lagBytes]));
  const worst = Math.max(0, ...lags);
  return [
    ...(critical > 0 ? [`${critical} critical`] : ['healthy']),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
    replicas.length === 0 ? 'no replicas' : `${up} of ${plural(replicas.length, 'link')} up`,
    ...(worst > 0 ? [`lag ${bytes(worst)} at most`] : []),
  ].join(', ');
}

function shardRows(shard: ShardStatus, text: string, layout: Layout): Row[] {
  const {style} = layout;
  const sign = shard.healthy ? style.good('●') : style.bad('●');
  const children = (of: string): InstanceStatus[] => shard.instances.filter(({expectedOf}) => expectedOf === of);
  const rows = (instance: InstanceStatus, first: string, rest: string): Row[] => {
    const below = children(instance.address);
    return [
      ...instanceRows(instance, {first, rest: `${rest}${below.length > 0 ? '│' : ' '}  `}, layout),
      ...below.flatMap((child, i) =>
        i === below.length - 1 ? rows(child, `${rest}└─ `, `${rest}   `) : rows(child, `${rest}├─ `, `${rest}│  `),
      ),
    ];
  };
  const root = shard.instances.find(({expectedOf}) => expectedOf === undefined);
  const title = wrapped(`${sign} ${style.bold(shard.name)}  ${style.dim(text)}`, style.columns, 0);
  return [title, ...(root ? rows(root, '  ', '  ') : [])];
}

function instanceRows(
  instance: InstanceStatus,
  lead: {readonly first: string; readonly rest: string},
  {style, shown, stacked, notesBelow, paint}: Layout,
): Row[] {
  const name = `${style.dim(lead.first)}${paint(instance.address)}`;
  const cells = shown.map(({cell}, i) => {
    if (instance.reachable || cell === note) return cell(instance, style);
    return i === 0 ? style.bad(silence(instance)) : '';
  });
  const text = notesBelow ? note(instance, style) : '';
  const below = text === '' ? [] : [`${style.dim(lead.rest)}${text}`];
  return stacked ? [name, [style.dim(lead.rest), ...cells], ...below] : [[name, ...cells], ...below];
}

function problems({problems: findings, healthy}: StatusReport, style: Style): string {
  if (findings.length === 0) return `${style.good('✓')} healthy: every role, link and history is as declared\n`;
  const ranked = WORST_FIRST.map((severity) => findings.filter((finding) => finding.severity === severity));
  const [critical, warnings, notes] = ranked.map((list) => list.length) as [number, number, number];
  const counted = [
    ...(critical > 0 ? [`${critical} critical`] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
    ...(notes > 0 ? [plural(notes, 'note')] : []),
  ].join(', ');
  const verdict = healthy ? `${style.good('✓')} healthy, with ${counted}` : `${style.bad('✗')} not healthy: ${counted}`;
  return `${ranked.flatMap((list) => list.map((finding) => describe(finding, style))).join('\n')}\n\n${verdict}\n`;
}

/** A finding of any report: sign, code, sentence, remedy. */
export function describe(
  {severity, code, message, remedy}: Pick<Finding, 'severity' | 'code' | 'message' | 'remedy'>,
  style: Style,
): string {
  const signs = {critical: style.bad('✗'), warning: style.warning('!'), info: style.accent('·')};
  return `${signs[severity]} ${style.bold(code)}\n${wrapped(message, style.columns, 2)}\n${wrapped(`try: ${remedy}`, style.columns, 2)}`;
}
