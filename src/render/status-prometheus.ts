/**
 * `rtopo status --format prometheus`: the text exposition format, version 0.0.4. Units are base units (bytes, seconds, ratios);
 * what is unknown has no sample, because 0 would be a lie and NaN breaks sums. The families stand below, one line each.
 * Source: prometheus.io, "Exposition formats" and "Metric and label naming".
 */
import type {InstanceStatus, ShardStatus, StatusReport} from '../report/status.js';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly samples: (report: StatusReport) => readonly Sample[];
}

const yes = (is: boolean): number => (is ? 1 : 0);

function labelsOf(shard: ShardStatus, {address, role}: InstanceStatus): Labels {
  return {shard: shard.name, instance: address, role};
}

/** A sample for each instance for which `value` knows one. */
function perInstance(
  name: string,
  help: string,
  value: (instance: InstanceStatus) => number | null | undefined,
): Family {
  const samples = ({shards}: StatusReport): Sample[] =>
    shards.flatMap((shard) =>
      shard.instances.flatMap((instance) => {
        const known = value(instance);
        return known == null ? [] : [{labels: labelsOf(shard, instance), value: known}];
      }),
    );
  return {name, help, samples};
}

/** Of declared replicas only: of a master it would mean nothing. */
function perReplica(name: string, help: string, value: (instance: InstanceStatus) => number | null | undefined) {
  return perInstance(name, help, (instance) => (instance.expectedOf === undefined ? null : value(instance)));
}

const FAMILIES: readonly Family[] = [
  {
    name: 'rtopo_topology_healthy',
    help: '1 when no finding is critical.',
    samples: ({healthy}) => [{labels: {}, value: yes(healthy)}],
  },
  {
    name: 'rtopo_shard_healthy',
    help: '1 when no finding of the shard is critical.',
    samples: ({shards}) => shards.map(({name, healthy}) => ({labels: {shard: name}, value: yes(healthy)})),
  },
  perInstance('rtopo_instance_reachable', '1 when the instance answered.', ({reachable}) => yes(reachable)),
  perInstance('rtopo_instance_role_as_declared', '1 when the live role is the declared one.', (one) =>
    one.reachable ? yes((one.role === 'master') === (one.expectedOf === undefined)) : null,
  ),
  perInstance(
    'rtopo_instance_keys',
    'Keys in all databases, expired ones that are still held included.',
    (one) => one.keys,
  ),
  perInstance(
    'rtopo_replication_offset_bytes',
    'Bytes of the replication history written (master) or applied (replica).',
    (one) => one.offset,
  ),
  perReplica('rtopo_link_up', '1 when the link to the master is up.', (one) =>
    one.reachable ? yes(one.link === 'up') : null,
  ),
  perReplica('rtopo_link_state_seconds', 'How long the link has been in its state.', (one) => one.linkSeconds),
  perReplica(
    'rtopo_replication_lag_bytes',
    'Bytes that the master has written and the replica has not applied.',
    (one) => one.lagBytes,
  ),
  perReplica(
    'rtopo_replication_lag_seconds',
    'The lag in bytes, divided by the rate at which the master has written.',
    (one) => one.lagSeconds,
  ),
  perReplica(
    'rtopo_replication_ack_age_seconds',
    'Time since the replica last acknowledged; not a lag of data.',
    (one) => one.ackSeconds,
  ),
  perReplica(
    'rtopo_replication_backlog_used_ratio',
    'Part of the backlog that the lag takes up; above 1 the next interruption costs a full resync.',
    (one) => one.backlogShare,
  ),
  perReplica('rtopo_sync_in_progress', '1 while the replica is being filled by a snapshot.', (one) =>
    one.reachable ? yes(one.link === 'syncing') : null,
  ),
  perReplica('rtopo_sync_progress_ratio', 'Part of the phase of the synchronisation that is done.', ({sync}) =>
    sync?.percent == null ? null : sync.percent / 100,
  ),
  perReplica('rtopo_sync_read_bytes', 'Bytes of the snapshot received.', ({sync}) => sync?.readBytes),
  perReplica('rtopo_sync_total_bytes', 'Size of the snapshot, where it is known.', ({sync}) => sync?.totalBytes),
  perReplica('rtopo_sync_eta_seconds', 'Time that is left of the synchronisation.', ({sync}) => sync?.etaSeconds),
  {name: 'rtopo_problems', help: 'Findings of rtopo status by code; no sample: none.', samples: problems},
  {
    name: 'rtopo_sample_duration_seconds',
    help: 'Time from the first question to the last answer.',
    samples: ({sampledMs}) => [{labels: {}, value: sampledMs / 1000}],
  },
  {
    name: 'rtopo_sample_timestamp_seconds',
    help: 'When the sample was taken, in seconds since 1970; a file that is not renewed shows here.',
    samples: ({sampledAt}) => (sampledAt === undefined ? [] : [{labels: {}, value: Date.parse(sampledAt) / 1000}]),
  },
];

/** Counted by labels: the same finding may occur twice on one instance, and a series may not. */
function problems({shards, problems: findings}: StatusReport): Sample[] {
  const counts = new Map<string, Sample>();
  for (const {shard, instance: address, code, severity} of findings) {
    const role =
      shards.find(({name}) => name === shard)?.instances.find((one) => one.address === address)?.role ?? 'unknown';
    const labels = {shard, instance: address, role, code, severity};
    const key = JSON.stringify(labels);
    counts.set(key, {labels, value: (counts.get(key)?.value ?? 0) + 1});
  }
  return [...counts.values()];
}

export function renderPrometheus(report: StatusReport): string {
  const lines = FAMILIES.flatMap(({name, help, samples}) => {
    const found = samples({...report}).map(({labels, value}) => `${name}${braces(report.topology, labels)} ${value}`);
    return found.length === 0 ? [] : [`# HELP ${name} ${helpText(help)}`, `# TYPE ${name} gauge`, ...found];
  });
  return `${lines.join('\n')}\n`;
}

function braces(topology: string, labels: Labels): string {
  const pairs = Object.entries({topology, ...labels}).map(([name, value]) => `${name}="${labelValue(value)}"`);
  return `{${pairs.join(',')}}`;
}

/** Backslash, double quote and line feed, as the format asks. */
function labelValue(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function helpText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
