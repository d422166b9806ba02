/** Pure: where one link stands, merged from both of its ends. Unknown stays null. */
import type {ServerFacts} from '../redis/identity.js';
import type {InstanceStatus, LinkState, SyncProgress} from '../report/status.js';
import {addressText} from '../topology/types.js';
import {listedBy, liveParent, type Node} from './graph.js';
import {NOTHING_PROBED, type Probes} from './probes.js';
import type {Answered} from './subject.js';

export type LinkStatus = Required<
  Pick<
    InstanceStatus,
    'link' | 'linkState' | 'lagBytes' | 'lagSeconds' | 'backlogShare' | 'ackSeconds' | 'linkSeconds' | 'sync'
  >
>;

export function linkStatus({node, nodes, facts}: Answered, probes: Probes = NOTHING_PROBED): LinkStatus {
  const parent = liveParent(node, nodes);
  const entry = parent === null ? null : listedBy({child: node, parent}, nodes);
  const linkState = linkStateOf(facts, entry?.state ?? (isUnserved(facts, parent) ? 'unserved' : null));
  const up = linkState === 'online';
  const root = parent === null ? nodes[0]! : rootOf(node, nodes);
  const lagBytes = up && root !== null ? behind(facts, root.facts) : null;
  return {
    link: SHORT[linkState],
    linkState,
    lagBytes,
    lagSeconds:
      lagBytes === null ? null : secondsFor(lagBytes, probes.writeRates.get(addressText(root!.instance.address))),
    backlogShare: up ? shareOfBacklog(facts, parent?.facts ?? null) : null,
    ackSeconds: up ? (entry?.ackSeconds ?? null) : null,
    linkSeconds: facts.linkSeconds,
    sync: progress(facts, linkState),
  };
}

const SHORT: Readonly<Record<LinkState, 'up' | 'down' | 'connecting' | 'syncing'>> = {
  down: 'down',
  connect: 'down',
  connecting: 'connecting',
  handshake: 'connecting',
  waiting: 'syncing',
  transfer: 'syncing',
  loading: 'syncing',
  online: 'up',
};

/**
 * A replica that is refused falls back to the SYNC of old, and says "transfer" while it reads an error in place of a snapshot.
 * Its parent serves no snapshot to anybody then.
 */
function isUnserved(facts: ServerFacts, parent: Node | null): boolean {
  if ((facts.syncReadBytes ?? 0) > 0 || (facts.syncPercent ?? 0) > 0 || facts.loading) return false;
  return parent?.facts?.replicas.every(({state}) => state === 'online') ?? false;
}

/** @param listed how the parent lists this replica: for the seconds before a snapshot only the parent knows that one is coming */
export function linkStateOf(facts: ServerFacts, listed: string | null): LinkState {
  if (facts.linkUp === true) return 'online';
  if (facts.loading) return 'loading';
  if (listed === 'wait_bgsave') return 'waiting';
  if (listed === 'unserved' && (facts.syncInProgress || roleState(facts) === 'sync')) return 'handshake';
  if (facts.syncInProgress) {
    // A master that saves to disk first has announced the snapshot, and neither its size nor any of it is there yet.
    const awaited = facts.syncReadBytes === 0 && facts.syncTotalBytes === null;
    return awaited && listed !== 'send_bulk' ? 'waiting' : 'transfer';
  }
  if (listed === 'send_bulk' || listed === 'bg_transfer' || listed === 'send_bulk_and_stream') return 'transfer';
  const state = roleState(facts);
  if (state === 'sync') return 'waiting';
  return state === 'connect' || state === 'connecting' || state === 'handshake' ? state : 'down';
}

function roleState({role}: ServerFacts) {
  return role.kind === 'replica' ? role.state : 'unknown';
}

function progress(facts: ServerFacts, state: LinkState): SyncProgress | null {
  const bytes = {readBytes: facts.syncReadBytes, totalBytes: facts.syncTotalBytes};
  switch (state) {
    case 'waiting':
      return {phase: 'waiting', percent: null, etaSeconds: null, readBytes: null, totalBytes: null};
    case 'transfer':
      return {phase: 'transfer', percent: facts.syncPercent, etaSeconds: null, ...bytes};
    case 'loading':
      return {phase: 'loading', percent: facts.loadingPercent, etaSeconds: facts.loadingEtaSeconds, ...bytes};
    default:
      return null;
  }
}

/** The instance from which this one has its writes in the end; null in a ring. */
export function rootOf(node: Node, nodes: readonly Node[]): Node | null {
  let root = node;
  for (let step = 0; step < nodes.length; step += 1) {
    const above = liveParent(root, nodes);
    if (above === null) return root;
    root = above;
  }
  return null;
}

/** Bytes that `facts` has not applied yet; null when the two do not have one history, or somebody forged their numbers. */
export function behind(facts: ServerFacts, above: ServerFacts | null): number | null {
  if (above === null || facts.tampered.length > 0 || above.tampered.length > 0) return null;
  if (facts.lineage.replid === '' || facts.lineage.replid !== above.lineage.replid) return null;
  // Sampled a moment later than its master it may seem to be ahead.
  return Math.max(0, above.lineage.offset - facts.lineage.offset);
}

function secondsFor(lagBytes: number, rate: number | undefined): number | null {
  if (lagBytes === 0) return 0;
  return rate === undefined || rate <= 0 ? null : Math.round((lagBytes / rate) * 1000) / 1000;
}

/** Above 1 the parent cannot replay what is missing: an interruption costs a full resync. */
function shareOfBacklog(facts: ServerFacts, parent: ServerFacts | null): number | null {
  const missing = behind(facts, parent);
  const backlog = parent?.backlog ?? null;
  if (missing === null || backlog === null || backlog.sizeBytes === 0) return null;
  const lost = missing > 0 && backlog.firstOffset > facts.lineage.offset + 1 && backlog.lengthBytes > 0;
  const share = missing / (lost ? backlog.lengthBytes : backlog.sizeBytes);
  return Math.round(share * 1000) / 1000;
}
