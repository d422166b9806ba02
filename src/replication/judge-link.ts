/** Pure: one link, merged from both of its ends. "Up" proves nothing by itself: the histories are compared too. */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import {addressText} from '../topology/types.js';
import {liveParent} from './graph.js';
import {judgeDownLink} from './judge-down.js';
import {judgeLegacySync} from './judge-legacy.js';
import {behind, linkStatus} from './link-status.js';
import type {Probes} from './probes.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, warning} from './subject.js';
import {canReadSnapshotOf, missingModules} from './versions.js';

export function judgeLink(subject: Answered, probes: Probes): Finding[] {
  const {node, nodes, facts} = subject;
  if (facts.role.kind !== 'replica') return [];
  const at = addressText(node.instance.address);
  const of = escapeText(liveParentText(subject)!);
  const {link, sync} = linkStatus(subject);
  // What it loads may be its own data: that is said of the server already.
  if (facts.loading && !facts.syncInProgress) return [];
  const legacy = judgeLegacySync(subject);
  if (link === 'syncing') {
    if (legacy.length > 0) return legacy;
    const percent = sync?.percent == null ? '' : ` (${Math.round(sync.percent)} %)`;
    return [
      problem(subject, 'SYNCING', `${at} is synchronising with ${of}: ${sync?.phase}${percent}.`, 'wait: rtopo status'),
    ];
  }
  if (link !== 'up') return judgeDownLink(subject, probes);
  const parent = liveParent(node, nodes)?.facts ?? null;
  return [
    ...(legacy.length > 0 || parent === null ? legacy : judgeHistory(subject, parent)),
    ...judgeSilence(subject),
    ...judgeWritable(subject),
  ];
}

function judgeHistory(subject: Answered, parent: ServerFacts): Finding[] {
  const {node, facts} = subject;
  const at = addressText(node.instance.address);
  const of = escapeText(liveParentText(subject)!);
  if (parent.lineage.replid !== facts.lineage.replid) {
    return [
      problem(
        subject,
        'LINEAGE_MISMATCH',
        `${at} says its link is up, but its history is not that of ${of}.`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  return [...judgeNextSnapshot(subject, parent), ...judgeBacklog(subject, parent)];
}

/** A partial resync sends no snapshot, so what a replica cannot load hides until the first full one. */
function judgeNextSnapshot(subject: Answered, parent: ServerFacts): Finding[] {
  const {node, facts} = subject;
  const at = addressText(node.instance.address);
  const of = escapeText(liveParentText(subject)!);
  const findings: Finding[] = [];
  if (!canReadSnapshotOf(facts, parent)) {
    findings.push(
      warning(
        subject,
        'VERSION_TOO_OLD_FOR_MASTER',
        `${at} runs ${facts.server} ${facts.version} and cannot read the snapshots of ${of} (${parent.server} ${parent.version}): ` +
          'the link lasts until the next full synchronisation.',
        `upgrade ${at}: replicas before their master`,
      ),
    );
  }
  const missing = missingModules(facts, parent);
  if (missing !== null) {
    findings.push(
      warning(
        subject,
        'MODULES_MISSING',
        `${at} lacks modules that ${of} has (${missing}): it stops at the first value or command of theirs.`,
        `load them on ${at}: loadmodule in its config file, then restart it`,
      ),
    );
  }
  if (facts.libraries !== null && parent.libraries !== null && facts.libraries !== parent.libraries) {
    findings.push(
      warning(
        subject,
        'FUNCTIONS_DIFFER',
        `${at} has ${facts.libraries} function libraries and ${of} has ${parent.libraries}: after a change of master callers of FCALL would meet other functions.`,
        redisCli(node.instance, 'FUNCTION LIST'),
      ),
    );
  }
  return findings;
}

function judgeBacklog(subject: Answered, parent: ServerFacts): Finding[] {
  const {node, nodes, facts} = subject;
  const share = linkStatus(subject).backlogShare;
  if (share === null || share < 0.5) return [];
  const at = addressText(node.instance.address);
  const above = liveParent(node, nodes)!.instance;
  return [
    warning(
      subject,
      'BACKLOG_TOO_SMALL',
      `${at} is ${behind(facts, parent)} bytes behind, ${Math.round(share * 100)} % of the backlog of ${addressText(above.address)} (${parent.backlog!.sizeBytes} bytes): ` +
        `${share >= 1 ? 'an interruption now costs' : 'an interruption soon would cost'} a full resync.`,
      redisCli(above, `CONFIG SET repl-backlog-size ${backlogFor(behind(facts, parent) ?? 0)}mb`),
    ),
  ];
}

/** Four times what is missing, in whole MB, as a power of two and at least 64. */
function backlogFor(bytes: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2((4 * bytes) / 2 ** 20 + 1)));
}

/** Masters speak every ten seconds and replicas every second; a link that is cut silently is "up" until repl-timeout. */
const SILENT_SECONDS = 20;

function judgeSilence(subject: Answered): Finding[] {
  const {node, facts} = subject;
  const at = addressText(node.instance.address);
  const of = escapeText(liveParentText(subject)!);
  const heard = facts.lastIoSeconds ?? 0;
  const acked = linkStatus(subject).ackSeconds ?? 0;
  if (heard <= SILENT_SECONDS && acked <= SILENT_SECONDS) return [];
  return [
    warning(
      subject,
      'LINK_SILENT',
      heard > SILENT_SECONDS
        ? `${at} has heard nothing from ${of} for ${heard} s, although its link says "up".`
        : `${of} has had no acknowledgement from ${at} for ${acked} s, although the link says "up".`,
      redisCli(node.instance, 'INFO replication'),
    ),
  ];
}

function judgeWritable(subject: Answered): Finding[] {
  if (subject.facts.writable !== true) return [];
  const {instance} = subject.node;
  return [
    warning(
      subject,
      'REPLICA_WRITABLE',
      `${addressText(instance.address)} accepts writes of its own: they make it differ from its master unseen, and vanish at the next full resync.`,
      redisCli(instance, 'CONFIG SET replica-read-only yes'),
    ),
  ];
}
