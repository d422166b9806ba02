/**
 * Pure: what a version of a server means for its replication. Above all: can a replica read the snapshot of its master? A partial resync sends none, so a mismatch hides until the first full sync,
 * and servers up to Redis 7.4 empty themselves before they look at the header.
 * Source: RDB_VERSION in rdb.h of each release; Valkey 9 has a range of its own and refuses foreign versions from 12 on.
 */
import {escapeText} from '../errors.js';
import type {ServerFacts} from '../redis/identity.js';

type Release = Pick<ServerFacts, 'server' | 'version'>;

/** First release of each snapshot version, newest first. */
const REDIS: readonly (readonly [number, number, number])[] = [
  [7, 4, 12],
  [7, 2, 11],
  [7, 0, 10],
  [5, 0, 9],
];
const VALKEY: readonly (readonly [number, number, number])[] = [
  [9, 0, 80],
  [7, 2, 11],
];
const FOREIGN_TO_VALKEY = 12;

/** Version of the snapshots that a server writes; null for a release older than the table. */
export function rdbVersion({server, version}: Release): number | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const known = (server === 'valkey' ? VALKEY : REDIS).find(([a, b]) => major > a || (major === a && minor >= b));
  return known?.[2] ?? null;
}

/** Unknown counts as readable: the server decides. */
export function canReadSnapshotOf(replica: Release, master: Release): boolean {
  if (!/^\d+\.\d+/.test(replica.version) || !/^\d+\.\d+/.test(master.version)) return true;
  const [own, theirs] = [rdbVersion(replica), rdbVersion(master)];
  if (theirs === null) return true;
  if (own === null) return false;
  if (replica.server === master.server) return own >= theirs;
  return replica.server === 'valkey' ? theirs < FOREIGN_TO_VALKEY && theirs <= own : theirs <= own;
}

/** Writes alone are held off by CLIENT PAUSE … WRITE: Redis 6.2, or Valkey. Why they cannot be, or null. */
export function whyNoWritePause(at: string, {server, version}: Release): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (server === 'valkey' || major > 6 || (major === 6 && minor >= 2)) return null;
  return `${at} runs ${server} ${version}; holding its writes off for a moment needs Redis 6.2 or Valkey.`;
}

/** Names of modules that the master has and the replica has not, escaped; null when there are none. */
export function missingModules(
  replica: Pick<ServerFacts, 'modules'>,
  master: Pick<ServerFacts, 'modules'>,
): string | null {
  const missing = master.modules.filter((name) => !replica.modules.includes(name));
  return missing.length === 0 ? null : escapeText(missing.join(', '));
}
