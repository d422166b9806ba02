/**
 * Pure: does a replica follow by the SYNC of Redis 2.6, because PSYNC or REPLCONF was refused to its login? It gives no acknowledgements, and can never
 * go on where it was. Redis lets its link come up; Valkey cuts it off after every snapshot, for a reply to a replica that it did not ask for.
 */
import {escapeText} from '../errors.js';
import type {Finding} from '../report/finding.js';
import {addressText} from '../topology/types.js';
import {listedBy, liveParent} from './graph.js';
import {linkStatus} from './link-status.js';
import {redisCli} from './redis-cli.js';
import {type Answered, liveParentText, problem} from './subject.js';

/** The first acknowledgement comes within a second; after so long without one it will not come. */
const FIRST_ACK_SECONDS = 5;

export function isLegacySync(subject: Answered): boolean {
  const {node, nodes} = subject;
  const {link} = linkStatus(subject);
  // One that is not attached now cannot be meant by an entry without a port: programs that fetch a snapshot have none either.
  if (link !== 'up' && link !== 'syncing') return false;
  const above = liveParent(node, nodes);
  if (above === null || above.facts === null) return false;
  const own = listedBy({child: node, parent: above}, nodes);
  const entry = own ?? above.facts.replicas.find(({port}) => port === 0) ?? null;
  if (entry === null || entry.offset !== 0) return false;
  // It tells its port by REPLCONF, before it asks for anything.
  if (entry.port === 0) return true;
  return entry.state === 'online' && above.facts.lineage.offset > 0 && (entry.ackSeconds ?? 0) >= FIRST_ACK_SECONDS;
}

export function judgeLegacySync(subject: Answered): Finding[] {
  const {node, nodes} = subject;
  if (!isLegacySync(subject)) return [];
  const [at, of] = [addressText(node.instance.address), escapeText(liveParentText(subject)!)];
  const isUp = linkStatus(subject).link === 'up';
  return [
    problem(
      subject,
      'LEGACY_SYNC',
      isUp
        ? `${at} follows ${of} by the old SYNC: it acknowledges nothing, its lag is unknown, and every interruption costs a full resync.`
        : `${at} asks ${of} for the old SYNC, for PSYNC or REPLCONF is refused to its login: it acknowledges nothing, and Valkey cuts such a replica off after every snapshot.`,
      `grant +psync +replconf +ping to its login, then make it dial again: ${redisCli(liveParent(node, nodes)!.instance, 'CLIENT KILL TYPE replica')}`,
    ),
  ];
}
