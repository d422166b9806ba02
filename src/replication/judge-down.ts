/**
 * Pure: why is a link down? A replica tells its reason to its log only, so it is found by exclusion: what is certain first,
 * then what the login says, then what remains of the way between the two.
 */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import {type Address, addressText} from '../topology/types.js';
import {liveParent, type Node} from './graph.js';
import {judgeLogin} from './judge-login.js';
import type {LinkProbe, Probes} from './probes.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem, warning} from './subject.js';
import {canReadSnapshotOf, missingModules} from './versions.js';

export function judgeDownLink(subject: Answered, probes: Probes): Finding[] {
  const at = addressText(subject.node.instance.address);
  const probe = probes.links.get(at) ?? null;
  const parent = liveParent(subject.node, subject.nodes);
  const cause =
    ownLoopback(subject, parent) ?? (parent === null ? unknownParent(subject) : causeAt(subject, parent, probe));
  const stale = probe?.own.servesStale === false ? [masterDown(subject)] : [];
  return [cause, ...stale];
}

function causeAt(subject: Answered, parent: Node, probe: LinkProbe | null): Finding {
  return (
    parentInTrouble(subject, parent) ??
    (probe === null ? null : judgeLogin(subject, parent.instance, probe)) ??
    snapshotTooNew(subject, parent) ??
    protectedMode(subject, parent, probe) ??
    theWay(subject, parent, probe)
  );
}

const live = (subject: Answered): string => escapeText(liveParentText(subject)!);

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

/** A replica on another host that follows 127.0.0.1 follows itself, or nobody. */
function ownLoopback(subject: Answered, parent: Node | null): Finding | null {
  const {node, facts} = subject;
  if (facts.role.kind !== 'replica' || !isLoopback(facts.role.host)) return null;
  if (node.names.some(({host}) => isLoopback(host))) return null;
  const at = addressText(node.instance.address);
  const of = escapeText(addressText(facts.role));
  const meant = parent === null ? 'its master' : addressText(parent.instance.address);
  return problem(
    subject,
    'LOOPBACK_PEER',
    `${at} follows ${of}: on its own host that is not ${meant}, but whatever listens there itself.`,
    parent === null
      ? 'rtopo replicate --dry-run'
      : `declare for ${meant} a \`peer:\` address that other hosts can dial`,
  );
}

function unknownParent(subject: Answered): Finding {
  return down(subject, 'rtopo asks nobody whom the topology file does not name', subject.facts);
}

function parentInTrouble(subject: Answered, parent: Node): Finding | null {
  const at = addressText(subject.node.instance.address);
  const of = live(subject);
  if (parent.facts === null) {
    return problem(
      subject,
      'LINK_PARENT_DOWN',
      `${at} has no link to ${of}, which does not answer rtopo either.`,
      // A master that its replicas have lost too can be succeeded; what stands in the middle has to come back.
      parent.instance === subject.shard.master
        ? `rtopo failover ${subject.shard.name} --dry-run, when it does not come back`
        : redisCli(parent.instance, 'PING'),
    );
  }
  if (parent.facts.loading) {
    const eta = parent.facts.loadingEtaSeconds;
    const message = `${at} has no link to ${of}, which is loading its data set${eta === null ? '' : ` for about ${eta} s more`}.`;
    return problem(subject, 'LINK_PARENT_LOADING', message, 'wait: rtopo status');
  }
  if (parent.facts.role.kind === 'replica' && parent.facts.linkUp !== true) {
    return problem(
      subject,
      'LINK_PARENT_UNLINKED',
      `${at} has no link to ${of}, which has none to its own master: mend that one first.`,
      redisCli(parent.instance, 'INFO replication'),
    );
  }
  return null;
}

/** It would take the snapshot, drop its data, fail, and ask again. */
function snapshotTooNew(subject: Answered, parent: Node): Finding | null {
  const {facts, node} = subject;
  const at = addressText(node.instance.address);
  const above = parent.facts!;
  if (!canReadSnapshotOf(facts, above)) {
    return problem(
      subject,
      'VERSION_TOO_OLD_FOR_MASTER',
      `${at} runs ${facts.server} ${facts.version} and cannot read the snapshots of ${live(subject)} (${above.server} ${above.version}): it never comes up.`,
      `upgrade ${at}: replicas before their master`,
    );
  }
  const missing = missingModules(facts, above);
  if (missing === null) return null;
  return problem(
    subject,
    'MODULES_MISSING',
    `${at} lacks modules that ${live(subject)} has (${missing}), and cannot load a snapshot with values of theirs.`,
    `load them on ${at}: loadmodule in its config file, then restart it`,
  );
}

function protectedMode(subject: Answered, parent: Node, probe: LinkProbe | null): Finding | null {
  const elsewhere = !subject.node.names.some(({host}) => isLoopback(host));
  if (probe?.protectedMode !== true || probe.open !== true || !elsewhere) return null;
  return problem(
    subject,
    'LINK_PROTECTED_MODE',
    `${live(subject)} is in protected mode without a password: it answers its own host only, and ${addressText(subject.node.instance.address)} is on another.`,
    redisCli(parent.instance, 'CONFIG SET protected-mode no'),
  );
}

/** All that can be asked is in order, so it is the way from the one to the other. */
function theWay(subject: Answered, parent: Node, probe: LinkProbe | null): Finding {
  const {facts, node} = subject;
  const role = facts.role.kind === 'replica' ? facts.role : null;
  const at = addressText(node.instance.address);
  const proved = probe !== null && (probe.open === true || probe.login?.fault === null);
  if (role?.state === 'handshake' && !proved) {
    return problem(
      subject,
      'LINK_AUTH',
      `${at} reaches ${live(subject)} and gets no further than the handshake: most often a wrong masterauth or masteruser.`,
      'rtopo replicate --dry-run',
    );
  }
  if (role?.state === 'connecting') {
    return problem(
      subject,
      'LINK_NO_ROUTE',
      `${at} dials ${escapeText(addressText(role))} and nobody answers: a firewall, a wrong address, or a host that is gone${proved ? '; rtopo itself gets through from here' : ''}.`,
      onItsHost(subject, role),
    );
  }
  if (role !== null && addressText(role) !== addressText(parent.instance.address) && facts.tampered.length === 0) {
    return problem(
      subject,
      'LINK_PEER_ADDRESS',
      `${at} dials its master as ${escapeText(addressText(role))}, and has no link; rtopo reaches it as ${live(subject)}. A wrong peer address, or NAT between them?`,
      onItsHost(subject, role),
    );
  }
  return down(
    subject,
    proved
      ? 'rtopo gets through from here with the login of replicas, so it is the way between the two'
      : 'no route, a wrong login, or TLS on one side only',
    facts,
  );
}

function down(subject: Answered, why: string, {role, tampered}: Answered['facts']): Finding {
  const at = addressText(subject.node.instance.address);
  const state = role.kind === 'replica' ? role.state : 'unknown';
  return problem(
    subject,
    'LINK_DOWN',
    `${at} has no link to ${live(subject)} (state ${state}): ${why}.`,
    role.kind !== 'replica' || tampered.length > 0 ? 'rtopo replicate --dry-run' : onItsHost(subject, role),
  );
}

function onItsHost({node}: Answered, {host, port}: Address): string {
  return `on the host of ${addressText(node.instance.address)}: redis-cli -h ${escapeText(host)} -p ${port} PING`;
}

function masterDown(subject: Answered): Finding {
  return warning(
    subject,
    'MASTERDOWN',
    `${addressText(subject.node.instance.address)} answers its readers with MASTERDOWN until its link is up: replica-serve-stale-data is off.`,
    redisCli(subject.node.instance, 'CONFIG SET replica-serve-stale-data yes'),
  );
}
