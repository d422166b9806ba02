/** `rtopo status --format table`: a line per instance for grep and awk. No cell holds a blank, numbers are bare, unknown is a dash. */
import type {InstanceStatus, StatusReport} from '../report/status.js';
import {columns} from './table.js';

interface Column {
  readonly head: string;
  readonly cell: (instance: InstanceStatus) => string | number | null | undefined;
  readonly align?: 'right';
}

const COLUMNS: readonly Column[] = [
  {head: 'NODE', cell: ({address}) => address},
  {head: 'ROLE', cell: ({role}) => role},
  {head: 'PARENT', cell: ({of}) => of},
  {head: 'DECLARED', cell: ({expectedOf}) => expectedOf},
  {head: 'LINK', cell: ({link, reachable}) => (reachable ? link : 'unreachable')},
  {head: 'STATE', cell: ({linkState}) => linkState},
  {head: 'LAG_BYTES', cell: ({lagBytes}) => lagBytes, align: 'right'},
  {head: 'LAG_SECONDS', cell: ({lagSeconds}) => lagSeconds, align: 'right'},
  {head: 'ACK_SECONDS', cell: ({ackSeconds}) => ackSeconds, align: 'right'},
  {head: 'BACKLOG_USED', cell: ({backlogShare}) => share(backlogShare), align: 'right'},
  {head: 'SYNC', cell: ({sync}) => sync?.phase},
  {head: 'SYNC_PERCENT', cell: ({sync}) => sync?.percent, align: 'right'},
  {head: 'OFFSET', cell: ({offset}) => offset, align: 'right'},
  {head: 'KEYS', cell: ({keys}) => keys, align: 'right'},
  {head: 'VERSION', cell: ({server, version}) => (server === null ? null : `${server}/${version}`)},
  {head: 'PROBLEMS', cell: ({problems}) => [...new Set(problems)].join(',') || null},
];

function share(value: number | null | undefined): string | null {
  return value == null ? null : value.toFixed(3);
}

export function renderStatusTable({shards}: StatusReport): string {
  const rows = shards.flatMap(({name, instances}) =>
    instances.map((instance) => [name, ...COLUMNS.map(({cell}) => plain(cell(instance)))]),
  );
  const head = ['SHARD', ...COLUMNS.map((column) => column.head)];
  return `${columns({head, align: ['left', ...COLUMNS.map(({align}) => align ?? 'left')], rows})}\n`;
}

function plain(value: string | number | null | undefined): string {
  return value == null || value === '' ? '-' : String(value).replace(/\s+/g, '_');
}
