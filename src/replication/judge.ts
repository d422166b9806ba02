/**
 * Pure: what is wrong with an observed topology, and how every instance stands. A link that is "up" proves nothing by itself:
 * both ends, the lineage and the declaration are compared. Each finding has a stable code, a cause and one command.
 */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, ShardStatus, StatusReport, SyncProgress} from '../report/status.js';
import {addressText, type Instance, instancesOf, type Shard, type Topology} from '../topology/types.js';
import {follows, listed, namesOf} from './lineage.js';
import {factsOf, type Observation} from './observe.js';
import {parentOf} from './plan.js';

export function judgeTopology(topology: Topology, observation: Observation): StatusReport {
  const shards = topology.shards.map((shard) => judgeShard(shard, observation));
  const problems = [...shards.flatMap(({findings}) => findings), ...sharedProcesses(topology, observation)];
  return {
    topology: topology.name,
    healthy: problems.every(({severity}) => severity !== 'critical'),
    sampledMs: observation.sampledMs,
    shards: shards.map(({status}) => status),
    problems,
  };
}

function judgeShard(shard: Shard, observation: Observation): {status: ShardStatus; findings: Finding[]} {
  const found = instancesOf(shard).map((instance) => judgeInstance({shard, instance, observation}));
  const findings = [...found.flatMap(({findings: own}) => own), ...judgeRoots(shard, observation)];
  const instances = found.map(({status}) => ({
    ...status,
    problems: findings.filter(({instance}) => instance === status.address).map(({code}) => code),
  }));
  return {
    status: {name: shard.name, healthy: findings.every(({severity}) => severity !== 'critical'), instances},
    findings,
  };
}

interface Subject {
  readonly shard: Shard;
  readonly instance: Instance;
  readonly observation: Observation;
}

function judgeInstance(subject: Subject): {status: InstanceStatus; findings: Finding[]} {
  const {shard, instance, observation} = subject;
  const address = addressText(instance.address);
  const isReplica = instance !== shard.master;
  const expected = isReplica ? {expectedOf: addressText(parentOf(shard, instance).address)} : {};
  const observed = observation.byAddress.get(address);
  if (observed === undefined || !observed.reachable) {
    const fault = observed?.fault;
    const finding = problem(
      subject,
      fault?.code ?? 'TIMEOUT',
      fault?.message ?? `${address} did not answer.`,
      fault?.remedy ?? 'rtopo status',
    );
    const nothing = {version: null, server: null, runId: null, offset: null, keys: null} as const;
    return {
      status: {address, role: 'unknown', reachable: false, ...nothing, ...expected, problems: []},
      findings: [finding],
    };
  }
  const {facts} = observed;
  const status: InstanceStatus = {
    address,
    role: facts.role.kind === 'other' ? 'unknown' : facts.role.kind,
    reachable: true,
    version: facts.version,
    server: facts.server,
    runId: facts.runId,
    // Numbers out of an INFO that somebody injected lines into are nobody's numbers.
    offset: facts.tampered.length > 0 ? null : facts.lineage.offset,
    keys: facts.keys,
    ...(facts.role.kind === 'replica' ? {of: liveParent(subject, facts)} : {}),
    ...expected,
    ...(facts.role.kind === 'replica' ? linkStatus(subject, facts) : {}),
    problems: [],
  };
  return {
    status,
    findings: [...judgeServer(subject, facts), ...judgeRole(subject, facts), ...judgeLink(subject, facts)],
  };
}

/** The live parent by its declared name when it is a declared instance, else as the server names it. */
function liveParent({shard, instance, observation}: Subject, facts: ServerFacts): string | null {
  if (facts.role.kind !== 'replica') return null;
  const parent = instancesOf(shard).find(
    (candidate) =>
      candidate !== instance &&
      follows({child: {instance, facts}, parent: {instance: candidate, facts: factsOf(observation, candidate)}}),
  );
  return parent ? addressText(parent.address) : escapeText(`${facts.role.host}:${facts.role.port}`);
}

/** Link, lag and progress, merged from both ends of the link. Unknown stays null. */
function linkStatus(
  subject: Subject,
  facts: ServerFacts,
): Pick<InstanceStatus, 'link' | 'lagBytes' | 'ackSeconds' | 'sync'> {
  const {shard, instance, observation} = subject;
  const parent = instancesOf(shard).find((candidate) => addressText(candidate.address) === liveParent(subject, facts));
  const parentFacts = parent ? factsOf(observation, parent) : null;
  const entry = parent ? listed({child: {instance, facts}, parent: {instance: parent, facts: parentFacts}}) : null;
  const root = factsOf(observation, shard.master);
  const oneHistory = root !== null && root.lineage.replid === facts.lineage.replid && facts.tampered.length === 0;
  const sync = syncProgress(facts, entry?.state ?? null);
  const up = facts.linkUp === true;
  return {
    link: up ? 'up' : sync !== null ? 'syncing' : downOrConnecting(facts),
    lagBytes: up && oneHistory ? Math.max(0, root.lineage.offset - facts.lineage.offset) : null,
    ackSeconds: up ? (entry?.ackSeconds ?? null) : null,
    sync: up ? null : sync,
  };
}

function syncProgress(facts: ServerFacts, listedState: string | null): SyncProgress | null {
  if (facts.loading) return {phase: 'loading', percent: facts.loadingPercent, etaSeconds: facts.loadingEtaSeconds};
  if (facts.syncInProgress) return {phase: 'transfer', percent: facts.syncPercent, etaSeconds: null};
  // For the five seconds of a diskless delay only the master knows that the replica is being served.
  if (listedState === 'wait_bgsave' || listedState === 'send_bulk')
    return {phase: 'waiting', percent: null, etaSeconds: null};
  return null;
}

function downOrConnecting(facts: ServerFacts): 'connecting' | 'down' {
  const state = facts.role.kind === 'replica' ? facts.role.state : 'unknown';
  return state === 'connecting' || state === 'handshake' ? 'connecting' : 'down';
}

function judgeServer(subject: Subject, facts: ServerFacts): Finding[] {
  const at = addressText(subject.instance.address);
  const findings: Finding[] = [];
  if (facts.tampered.length > 0) {
    findings.push(
      problem(
        subject,
        'INFO_TAMPERED',
        `INFO of ${at} contains ${facts.tampered.join(', ')} more than once: somebody injected lines into it.`,
        `${cli(subject.instance)} ROLE`,
      ),
    );
  }
  if (facts.mode === 'cluster') {
    findings.push(
      problem(
        subject,
        'CLUSTER_ENABLED',
        `${at} runs in cluster mode; rtopo is for plain servers.`,
        'redis-cli --cluster check',
      ),
    );
  }
  if (facts.loading && facts.role.kind === 'master') {
    findings.push(
      problem(subject, 'LOADING', `${at} is loading its data set and serves nobody yet.`, 'wait, then: rtopo status'),
    );
  }
  if (facts.failoverState !== null && facts.failoverState !== 'no-failover') {
    findings.push(
      problem(
        subject,
        'FAILOVER_RUNNING',
        `${at} is in the middle of a FAILOVER (${escapeText(facts.failoverState)}).`,
        `${cli(subject.instance)} INFO replication`,
      ),
    );
  }
  return findings;
}

function judgeRole(subject: Subject, facts: ServerFacts): Finding[] {
  const {shard, instance} = subject;
  const at = addressText(instance.address);
  if (instance === shard.master) {
    if (facts.role.kind !== 'replica') return [];
    const of = liveParent(subject, facts);
    return [
      problem(
        subject,
        'ROLE_MISMATCH',
        `${at} is declared as the master of shard ${shard.name} and is a replica of ${of}.`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  const expected = addressText(parentOf(shard, instance).address);
  if (facts.role.kind === 'master') {
    return [
      problem(
        subject,
        'ROLE_MISMATCH',
        `${at} is declared as a replica of ${expected} and is a master: it receives none of its writes.`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  const of = liveParent(subject, facts);
  if (of === expected) return [];
  return [
    problem(subject, 'PARENT_MISMATCH', `${at} follows ${of}; declared is ${expected}.`, 'rtopo replicate --dry-run'),
  ];
}

function judgeLink(subject: Subject, facts: ServerFacts): Finding[] {
  if (facts.role.kind !== 'replica') return [];
  const {shard, instance, observation} = subject;
  const at = addressText(instance.address);
  const of = liveParent(subject, facts);
  const {link, sync} = linkStatus(subject, facts);
  const parent = instancesOf(shard).find((candidate) => addressText(candidate.address) === of);
  const parentFacts = parent ? factsOf(observation, parent) : null;
  if (link === 'syncing') {
    const percent = sync?.percent == null ? '' : ` (${Math.round(sync.percent)} %)`;
    return [
      problem(subject, 'SYNCING', `${at} is synchronising with ${of}: ${sync?.phase}${percent}.`, 'rtopo status'),
    ];
  }
  if (link !== 'up') {
    const state = facts.role.state;
    if (parent && parentFacts === null) {
      return [
        problem(
          subject,
          'LINK_PARENT_DOWN',
          `${at} has no link to ${of}, which does not answer rtopo either.`,
          `${cli(parent)} PING`,
        ),
      ];
    }
    if (state === 'handshake') {
      return [
        problem(
          subject,
          'LINK_AUTH',
          `${at} reaches ${of} and gets no further than the handshake: most often a wrong masterauth or masteruser.`,
          'rtopo replicate --dry-run',
        ),
      ];
    }
    return [
      problem(
        subject,
        'LINK_DOWN',
        `${at} has no link to ${of} (state ${state}).`,
        `on the host of ${at}: redis-cli -h ${facts.role.kind === 'replica' ? escapeText(facts.role.host) : ''} -p ${facts.role.port} PING`,
      ),
    ];
  }
  if (parentFacts !== null && parentFacts.lineage.replid !== facts.lineage.replid) {
    return [
      problem(
        subject,
        'LINEAGE_MISMATCH',
        `${at} says its link is up, but its history is not that of ${of}.`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  return [];
}

/** What can be said only of the shard as a whole. */
function judgeRoots(shard: Shard, observation: Observation): Finding[] {
  const known = instancesOf(shard).flatMap((instance) => {
    const facts = factsOf(observation, instance);
    return facts === null ? [] : [{instance, facts}];
  });
  const subject = {shard, instance: shard.master, observation};
  const findings: Finding[] = [];
  if (
    known.length === shard.replicas.length + 1 &&
    known.every(({facts}) => facts.role.kind === 'replica') &&
    !leavesShard(known)
  ) {
    findings.push(
      problem(
        subject,
        'NO_WRITABLE_ROOT',
        `All instances of shard ${shard.name} are replicas of one another: nobody accepts writes, although links may say "up".`,
        'rtopo replicate --dry-run',
      ),
    );
  }
  const master = factsOf(observation, shard.master);
  for (const {host, port} of master?.replicas ?? []) {
    if (shard.replicas.some((replica) => namesOf(replica).some((name) => name.port === port))) continue;
    const at = escapeText(`${host}:${port}`);
    findings.push({
      ...problem(
        subject,
        'UNDECLARED_REPLICA',
        `${addressText(shard.master.address)} also serves ${at}, which is not declared in shard ${shard.name}.`,
        `add ${at} to the topology file, or find out whose it is`,
      ),
      severity: 'warning',
    });
  }
  const fullest = Math.max(0, ...known.map(({facts}) => facts.keys));
  if (master?.role.kind === 'master' && master.keys === 0 && fullest > 0) {
    findings.push(
      problem(
        subject,
        'MASTER_EMPTY',
        `The master ${addressText(shard.master.address)} holds no keys while another instance of the shard holds ${fullest}: a restart without its data?`,
        'do not run rtopo replicate before you know which side is right',
      ),
    );
  }
  return findings;
}

function leavesShard(known: readonly {instance: Instance; facts: ServerFacts}[]): boolean {
  const ports = new Set(known.flatMap(({instance}) => namesOf(instance).map(({port}) => port)));
  return known.some(({facts}) => facts.role.kind === 'replica' && !ports.has(facts.role.port));
}

function sharedProcesses(topology: Topology, observation: Observation): Finding[] {
  const seen = new Map<string, string>();
  return topology.shards.flatMap((shard) =>
    instancesOf(shard).flatMap((instance) => {
      const facts = factsOf(observation, instance);
      const at = addressText(instance.address);
      if (facts === null || facts.runId === '') return [];
      const other = seen.get(facts.runId);
      seen.set(facts.runId, at);
      if (other === undefined) return [];
      return [
        problem(
          {shard, instance, observation},
          'SAME_INSTANCE',
          `${at} and ${other} are one and the same server process.`,
          'mend the addresses in the topology file',
        ),
      ];
    }),
  );
}

function problem({shard, instance}: Subject, code: string, message: string, remedy: string): Finding {
  return {code, severity: 'critical', shard: shard.name, instance: addressText(instance.address), message, remedy};
}

function cli(instance: Instance): string {
  return `redis-cli -h ${instance.address.host} -p ${instance.address.port}`;
}
