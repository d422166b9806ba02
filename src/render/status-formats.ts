/** The formats of `rtopo status`: one line each. */
import type {StatusLimits} from '../report/limits.js';
import type {StatusReport} from '../report/status.js';
import {renderStatus} from './status.js';
import {renderGithub} from './status-github.js';
import {renderNagios} from './status-nagios.js';
import {renderPrometheus} from './status-prometheus.js';
import {renderStatusTable} from './status-table.js';
import type {Style} from './style.js';

export const STATUS_FORMATS = ['tree', 'table', 'json', 'prometheus', 'nagios', 'github'] as const;
export type StatusFormat = (typeof STATUS_FORMATS)[number];

type Render = (report: StatusReport, style: Style, limits: StatusLimits) => string;

/** JSON is the envelope's matter, as everywhere. */
const RENDERERS: Readonly<Record<Exclude<StatusFormat, 'json'>, Render>> = {
  tree: renderStatus,
  table: renderStatusTable,
  prometheus: renderPrometheus,
  nagios: (report, _, limits) => renderNagios(report, limits),
  github: renderGithub,
};

export function statusText(
  report: StatusReport,
  how: {format: StatusFormat; limits: StatusLimits},
  style: Style,
): string {
  return how.format === 'json' ? '' : RENDERERS[how.format](report, style, how.limits);
}
