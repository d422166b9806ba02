/**
 * Pure: what an operator's own limits say of a report. A lag that is not known counts as over its limit: a link that is down, or whose
 * history is another, has fallen behind by an amount that nobody can name.
 */
import type {Finding} from '../report/finding.js';
import type {StatusLimits} from '../report/limits.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';

interface Limit {
  readonly code: string;
  readonly value: (instance: InstanceStatus) => number | null;
  readonly limit: number | null;
  /** Of the value, with its unit. */
  readonly text: (value: number) => string;
  readonly what: string;
  readonly remedy: (instance: InstanceStatus) => string;
}

const secondsText = (value: number): string => `${Number(value.toFixed(1))} s`;
const bytesText = (value: number): string => `${value.toLocaleString('en-US')} bytes`;

function limitsOf({maxLagBytes, maxLagSeconds, maxAckSeconds}: StatusLimits): readonly Limit[] {
  const watch = (): string => 'rtopo status --watch shows whether it catches up';
  return [
    {
      ...{code: 'LAG_ABOVE_LIMIT', limit: maxLagBytes, text: bytesText, what: 'lag', remedy: watch},
      value: ({lagBytes}) => lagBytes ?? null,
    },
    {
      ...{code: 'LAG_SECONDS_ABOVE_LIMIT', limit: maxLagSeconds, text: secondsText, what: 'lag in time', remedy: watch},
      // Who has everything is not late, however fast its master writes.
      value: ({lagBytes, lagSeconds}) => (lagBytes === 0 ? 0 : (lagSeconds ?? null)),
    },
    {
      ...{code: 'ACK_ABOVE_LIMIT', limit: maxAckSeconds, text: secondsText, what: 'last acknowledgement'},
      value: ({ackSeconds}) => ackSeconds ?? null,
      remedy: ({address}) => `is ${address} blocked or swapping? Its log and SLOWLOG GET say; rtopo status --watch`,
    },
  ];
}

/** The report with a critical finding for each declared replica that is over a limit. */
export function withLimits(report: StatusReport, limits: StatusLimits): StatusReport {
  const found = report.shards.flatMap((shard) => judgeShard(shard, limits));
  if (found.length === 0) return report;
  return {
    ...report,
    healthy: false,
    shards: report.shards.map((shard) => withFindings(shard, found)),
    problems: [...report.problems, ...found],
  };
}

/** One that does not answer is told as that, with an exit code of its own. */
function judgeShard({name, instances}: ShardStatus, limits: StatusLimits): Finding[] {
  return instances
    .filter(({expectedOf, reachable}) => expectedOf !== undefined && reachable)
    .flatMap((instance) => limitsOf(limits).flatMap((limit) => judgeInstance(name, instance, limit)));
}

function judgeInstance(shard: string, instance: InstanceStatus, limit: Limit): Finding[] {
  if (limit.limit === null) return [];
  const value = limit.value(instance);
  if (value !== null && value <= limit.limit) return [];
  const {address} = instance;
  const message =
    value === null
      ? `The ${limit.what} of ${address} is unknown (${why(instance)}), which counts as above the limit of ${limit.text(limit.limit)}.`
      : `The ${limit.what} of ${address} is ${limit.text(value)}; the limit is ${limit.text(limit.limit)}.`;
  return [{code: limit.code, severity: 'critical', shard, instance: address, message, remedy: limit.remedy(instance)}];
}

function why({role, link = null, lagBytes = null}: InstanceStatus): string {
  if (role !== 'replica') return 'it is no replica';
  if (link !== 'up') return `its link is ${link ?? 'unknown'}`;
  return lagBytes === null ? 'its history is not that of its master, or its master does not answer' : 'it was not told';
}

function withFindings(shard: ShardStatus, found: readonly Finding[]): ShardStatus {
  const own = found.filter((finding) => finding.shard === shard.name);
  if (own.length === 0) return shard;
  const instances = shard.instances.map((one) => ({
    ...one,
    problems: [...one.problems, ...own.filter(({instance}) => instance === one.address).map(({code}) => code)],
  }));
  return {...shard, healthy: false, instances};
}
