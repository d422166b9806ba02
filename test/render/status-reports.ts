/** Reports of `rtopo status` out of thin air. */
import type {Finding} from '../../src/report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport} from '../../src/report/status.js';

export function master(address: string, over: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    ...{address, role: 'master', reachable: true, version: '7.0.15', server: 'redis', runId: `run of ${address}`},
    ...{offset: 1000, keys: 5, problems: []},
    ...over,
  };
}

export function replica(address: string, of: string, over: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    ...master(address),
    ...{role: 'replica', of, expectedOf: of, link: 'up', lagBytes: 0, ackSeconds: 1, sync: null},
    ...over,
  };
}

export function silent(address: string, of?: string, code = 'TIMEOUT'): InstanceStatus {
  return {
    ...{address, role: 'unknown', reachable: false, version: null, server: null, runId: null, offset: null, keys: null},
    ...(of === undefined ? {} : {expectedOf: of}),
    problems: [code],
  };
}

export function finding(code: string, instance: string, over: Partial<Finding> = {}): Finding {
  return {code, severity: 'critical', shard: 'alpha', instance, message: `${code}.`, remedy: 'mend it', ...over};
}

export function shard(name: string, instances: readonly InstanceStatus[]): ShardStatus {
  return {name, healthy: true, instances};
}

/** Healthy by its findings. */
export function report(shards: readonly ShardStatus[], problems: readonly Finding[] = []): StatusReport {
  const healthy = problems.every(({severity}) => severity !== 'critical');
  const judged = shards.map((one) => ({
    ...one,
    healthy: !problems.some((problem) => problem.shard === one.name && problem.severity === 'critical'),
  }));
  return {topology: 'cache', healthy, sampledMs: 41, sampledAt: '2026-01-02T14:02:11.500Z', shards: judged, problems};
}
