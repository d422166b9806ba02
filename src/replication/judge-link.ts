/** Pure: one link, merged from both of its ends. "Up" proves nothing by itself: the histories are compared too. */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';
import type {Finding} from '../report/finding.js';
import type {InstanceStatus, SyncProgress} from '../report/status.js';
import {addressText} from '../topology/types.js';
import {listedBy, liveParent} from './graph.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, warning} from './subject.js';
import {canReadSnapshotOf} from './versions.js';

export type LinkStatus = Required<Pick<InstanceStatus, 'link' | 'lagBytes' | 'ackSeconds' | 'sync'>>;

/** Link, lag and progress. Unknown stays null. */
export function linkStatus({node, nodes, facts}: Answered): LinkStatus {
  const parent = liveParent(node, nodes);
  const entry = parent === null ? null : listedBy({child: node, parent}, nodes);
  const root = nodes[0]!.facts;
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
  if (listedState === 'wait_bgsave' || listedState === 'send_bulk' || listedState === 'bg_transfer')
    return {phase: 'waiting', percent: null, etaSeconds: null};
  return null;
}

function downOrConnecting(facts: ServerFacts): 'connecting' | 'down' {
  const state = facts.role.kind === 'replica' ? facts.role.state : 'unknown';
  return state === 'connecting' || state === 'handshake' ? 'connecting' : 'down';
}

export function judgeLink(subject: Answered): Finding[] {
  const {node, nodes, facts} = subject;
  if (facts.role.kind !== 'replica') return [];
  const at = addressText(node.instance.address);
  const of = escapeText(liveParentText(subject)!);
  const parent = liveParent(node, nodes)?.facts ?? null;
  const {link, sync} = linkStatus(subject);
  if (link === 'syncing') {
    const percent = sync?.percent == null ? '' : ` (${Math.round(sync.percent)} %)`;
    return [
      problem(subject, 'SYNCING', `${at} is synchronising with ${of}: ${sync?.phase}${percent}.`, 'wait: rtopo status'),
    ];
  }
  if (link !== 'up') return [judgeDownLink(subject, of)];
  if (parent !== null && parent.lineage.replid !== facts.lineage.replid) {
    return [
      problem(
        subject,
        'LINEAGE_MISMATCH',
        `${at} says its link is up, but its history is not that of ${of}.`,
        'rtopo replicate --dry-run',
      ),
    ];
  }
  if (parent !== null && !canReadSnapshotOf(facts, parent)) {
    return [
      warning(
        subject,
        'VERSION_TOO_OLD_FOR_MASTER',
        `${at} runs ${facts.server} ${facts.version} and cannot read the snapshots of ${of} (${parent.server} ${parent.version}): ` +
          'the link lasts until the next full synchronisation.',
        `upgrade ${at}: replicas before their master`,
      ),
    ];
  }
  return [];
}

function judgeDownLink(subject: Answered, of: string): Finding {
  const {node, nodes, facts} = subject;
  const at = addressText(node.instance.address);
  const parent = liveParent(node, nodes);
  const state = facts.role.kind === 'replica' ? facts.role.state : 'unknown';
  if (parent !== null && parent.facts === null) {
    return problem(
      subject,
      'LINK_PARENT_DOWN',
      `${at} has no link to ${of}, which does not answer rtopo either.`,
      redisCli(parent.instance, 'PING'),
    );
  }
  if (state === 'handshake') {
    return problem(
      subject,
      'LINK_AUTH',
      `${at} reaches ${of} and gets no further than the handshake: most often a wrong masterauth or masteruser.`,
      'rtopo replicate --dry-run',
    );
  }
  const dialled = facts.role.kind === 'replica' ? facts.role : null;
  return problem(
    subject,
    'LINK_DOWN',
    `${at} has no link to ${of} (state ${state}): no route, a wrong login, or TLS on one side only.`,
    dialled === null || facts.tampered.length > 0
      ? 'rtopo replicate --dry-run'
      : `on the host of ${at}: redis-cli -h ${escapeText(dialled.host)} -p ${dialled.port} PING`,
  );
}
