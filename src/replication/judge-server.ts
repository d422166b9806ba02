/** Pure: what is wrong with one server, whomever it follows. */
import {escapeText} from '../errors.js';
import type {Observed} from '../redis/fleet.js';
import type {Finding} from '../report/finding.js';
import {addressText} from '../topology/types.js';
import type {Probes} from './probes.js';
import {redisCli} from './redis-cli.js';
import {type Answered, note, problem, warning} from './subject.js';

export function judgeServer(subject: Answered, probes: Probes): Finding[] {
  return [...judgeKind(subject), ...judgeState(subject), ...judgeDisk(subject), ...judgeOthers(subject, probes)];
}

/** Is it a server of the kind that this is all about? */
function judgeKind(subject: Answered): Finding[] {
  const {facts, node} = subject;
  const at = addressText(node.instance.address);
  if (facts.tampered.length > 0) {
    return [
      problem(
        subject,
        'INFO_TAMPERED',
        `INFO of ${at} has been forged (${facts.tampered.join(', ')}): somebody injected text into it.`,
        redisCli(node.instance, 'ROLE'),
      ),
    ];
  }
  if (facts.mode === 'cluster') {
    const message = `${at} runs in cluster mode; rtopo is for plain servers.`;
    return [problem(subject, 'CLUSTER_ENABLED', message, 'redis-cli --cluster check')];
  }
  if (facts.mode === 'sentinel' || facts.role.kind === 'other') {
    return [
      problem(
        subject,
        'NOT_A_DATA_SERVER',
        `${at} is not a data server: it says that it is ${escapeText(facts.mode === 'sentinel' ? 'a Sentinel' : facts.role.kind === 'other' ? facts.role.name : facts.mode)}.`,
        'name the data servers, not the Sentinels, in the topology file',
      ),
    ];
  }
  return [];
}

function judgeState(subject: Answered): Finding[] {
  const {facts, node} = subject;
  const at = addressText(node.instance.address);
  const findings: Finding[] = [];
  if (facts.loading && !facts.syncInProgress) {
    const percent = facts.loadingPercent === null ? '' : ` (${Math.floor(facts.loadingPercent)} %)`;
    const eta = facts.loadingEtaSeconds === null ? '' : `, about ${facts.loadingEtaSeconds} s to go`;
    findings.push(
      problem(
        subject,
        'LOADING',
        `${at} is loading its data set${percent}${eta} and serves nobody yet.`,
        'wait: rtopo status',
      ),
    );
  }
  if (facts.failoverState !== null && facts.failoverState !== 'no-failover') {
    findings.push(
      problem(
        subject,
        'FAILOVER_RUNNING',
        `${at} is in the middle of a FAILOVER (${escapeText(facts.failoverState)}).`,
        redisCli(node.instance, 'INFO replication'),
      ),
    );
  }
  if (facts.goodReplicas === 0 && facts.role.kind === 'master') {
    findings.push(
      problem(
        subject,
        'NOREPLICAS',
        `${at} refuses every write: min-replicas-to-write is set, and no replica keeps up.`,
        'bring the replicas back: rtopo replicate --dry-run',
      ),
    );
  }
  return findings;
}

/** A master that cannot save refuses writes, and may be unable to give a snapshot. */
function judgeDisk(subject: Answered): Finding[] {
  const {facts, node} = subject;
  if (facts.rdbSaveOk && facts.aofWriteOk) return [];
  const what = facts.rdbSaveOk ? 'append to its AOF' : 'save its snapshot';
  const field = facts.rdbSaveOk ? 'aof_last_write_status' : 'rdb_last_bgsave_status';
  const say = facts.role.kind === 'master' ? problem : warning;
  return [
    say(
      subject,
      'MISCONF',
      `${addressText(node.instance.address)} could not ${what} (${field}:err): until it can, it refuses writes unless it is told not to mind.`,
      redisCli(node.instance, 'INFO persistence'),
    ),
  ];
}

function judgeOthers(subject: Answered, probes: Probes): Finding[] {
  const {node, facts} = subject;
  const at = addressText(node.instance.address);
  const findings: Finding[] = [];
  const sentinels = probes.sentinels.get(at);
  if (sentinels !== undefined) {
    findings.push(
      warning(
        subject,
        'SENTINEL_ATTACHED',
        `A Sentinel is connected to ${at} (${escapeText(sentinels.join(', '))}): it changes roles by its own judgement, against what is declared here.`,
        `take the master out of it: redis-cli -p 26379 SENTINEL REMOVE <master name>`,
      ),
    );
  }
  if (isManaged(facts.os, node.instance.address.host)) {
    findings.push(
      note(
        subject,
        'MANAGED_SERVICE',
        `${at} belongs to a managed service: it can be watched, and not told whom to follow.`,
        "use the provider's tools to change its replication",
      ),
    );
  } else if (probes.disobedient.has(at)) {
    findings.push(
      warning(
        subject,
        'REPLICAOF_DISABLED',
        `${at} knows neither REPLICAOF nor SLAVEOF, so nobody can mend its role from outside: renamed away, or a managed service.`,
        "use the provider's tools, or restore the command in its configuration",
      ),
    );
  }
  return findings;
}

/** By what it says it runs on, or by the name under which the operator dials it. */
function isManaged(os: string, host: string): boolean {
  return (
    /ElastiCache|MemoryDB/i.test(os) ||
    /\.(cache\.amazonaws\.com|redis\.cache\.windows\.net|redis\.azure\.net|rds\.aliyuncs\.com|redislabs\.com|redis-cloud\.com)$/i.test(
      host,
    )
  );
}

/** What this login was not allowed to ask. */
export function judgeUnasked(subject: Answered, observed: Observed | undefined): Finding[] {
  const refused = observed?.reachable ? (observed.refused ?? []) : [];
  if (refused.length === 0) return [];
  const at = addressText(subject.node.instance.address);
  const user = subject.node.instance.auth?.username ?? 'default';
  const grants = refused.map((command) => `+${command.toLowerCase()}`).join(' ');
  return [
    note(
      subject,
      'NOT_ASKED',
      `${at} refuses ${refused.join(', ')} to the login of rtopo, so its link is known from INFO only.`,
      `on ${at}: ACL SETUSER ${user} ${grants}`,
    ),
  ];
}
