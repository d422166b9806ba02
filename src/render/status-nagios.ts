/**
 * `rtopo status --format nagios`: one line for Nagios, Icinga and their kin. Who asks for this format asks for the exit codes of that
 * API too: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, instead of those of rtopo.
 * Source: monitoring-plugins.org, "Development Guidelines": `label=value[unit];[warn];[crit];[min];[max]`, `U` for unknown.
 */
import {ExitCode} from '../errors.js';
import type {Severity} from '../report/finding.js';
import type {StatusLimits} from '../report/limits.js';
import type {InstanceStatus, StatusReport} from '../report/status.js';
import {plural} from './units.js';
import {clip} from './width.js';

/** Of the plugin API: an instance that does not answer is critical, as is every critical finding. */
export function nagiosExit({healthy, problems}: StatusReport): ExitCode {
  // The numbers are those of the plugin API; that rtopo's own codes 1 and 2 have other meanings is what the format trades away.
  if (!healthy) return ExitCode.attention;
  return problems.some(({severity}) => severity === 'warning') ? ExitCode.failed : ExitCode.ok;
}

/** Exit 3: rtopo itself could not look. */
export const NAGIOS_UNKNOWN: ExitCode = ExitCode.refused;

/** What a monitor shows in a column; the rest of a long list is for `rtopo status`. */
const LONGEST_MESSAGE = 300;
/** Findings named in the line. */
const MOST_NAMED = 5;

export function renderNagios(report: StatusReport, limits: StatusLimits): string {
  const exit = nagiosExit(report);
  const state = exit === ExitCode.ok ? 'OK' : exit === ExitCode.failed ? 'WARNING' : 'CRITICAL';
  return `RTOPO ${state} - ${sentence(said(report))} | ${perfdata(report, limits).join(' ')}\n`;
}

export function renderNagiosUnknown(message: string): string {
  return `RTOPO UNKNOWN - ${sentence(message)}\n`;
}

/** One line, and no pipe: behind it performance data begins. */
function sentence(text: string): string {
  return clip(text.replace(/\s+/g, ' ').replaceAll('|', '/'), LONGEST_MESSAGE);
}

function said({topology, shards, problems: all}: StatusReport): string {
  const problems = all.filter(({severity}) => severity !== 'info');
  const instances = shards.flatMap((shard) => shard.instances);
  const size = `${plural(shards.length, 'shard')}, ${plural(instances.length, 'instance')}`;
  if (problems.length === 0) return `${topology}: ${size}, as declared`;
  const sorted = [...problems].sort((a, b) => Number(b.severity === 'critical') - Number(a.severity === 'critical'));
  const named = sorted.slice(0, MOST_NAMED).map(({code, shard, instance}) => `${code} ${shard} ${instance}`);
  const more = problems.length > MOST_NAMED ? [`and ${problems.length - MOST_NAMED} more`] : [];
  return `${topology}: ${size}: ${[...named, ...more].join(', ')}`;
}

/** Per shard, the worst of its replicas: the line stays short whatever the number of instances. */
function perfdata({shards, problems}: StatusReport, limits: StatusLimits): string[] {
  const instances = shards.flatMap((shard) => shard.instances);
  const unreachable = instances.filter(({reachable}) => !reachable).length;
  const number = (is: Severity): number => problems.filter(({severity}) => severity === is).length;
  return [
    `instances=${instances.length};;;0`,
    `unreachable=${unreachable};;0;0;${instances.length}`,
    `critical=${number('critical')};;0;0`,
    `warnings=${number('warning')};0;;0`,
    ...shards.flatMap(({name, instances: own}) => {
      const replicas = own.filter(({expectedOf}) => expectedOf !== undefined);
      if (replicas.length === 0) return [];
      const up = replicas.filter(({link}) => link === 'up').length;
      return [
        // A range: fewer than all is critical.
        `'${name} links'=${up};;${replicas.length}:;0;${replicas.length}`,
        `'${name} lag'=${worst(replicas, 'lagBytes', 'B')};;${limits.maxLagBytes ?? ''};0`,
        `'${name} lag_time'=${worst(replicas, 'lagSeconds', 's')};;${limits.maxLagSeconds ?? ''};0`,
        `'${name} ack'=${worst(replicas, 'ackSeconds', 's')};;${limits.maxAckSeconds ?? ''};0`,
      ];
    }),
  ];
}

/** Unknown of one is unknown of all: the worst may be that one. */
function worst(
  replicas: readonly InstanceStatus[],
  field: 'lagBytes' | 'lagSeconds' | 'ackSeconds',
  unit: string,
): string {
  const values = replicas.map((one) => one[field] ?? null);
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? 'U' : `${Math.max(...known)}${unit}`;
}
