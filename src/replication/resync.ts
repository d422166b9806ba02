/**
 * Pure: what kind of synchronisation it came to, after it was predicted. The parent counts (`sync_full`, `sync_partial_ok`), for all of its
 * replicas together; the backlog of a replica says of itself whether it reaches back to before.
 * Source: `masterTryPartialResynchronization` and `replicationAttachToNewMaster` in Redis' replication.c: a full synchronisation frees
 * the backlog of the replica, a partial one keeps it.
 */
import type {ServerFacts} from '../redis/identity.js';

export type Resync = 'partial' | 'full';

export interface SyncCounters {
  readonly full: number;
  readonly partial: number;
}

/** Null when the server does not count them. */
export function countersOf({fullSyncs: full, partialSyncs: partial}: ServerFacts): SyncCounters | null {
  return full === null || partial === null ? null : {full, partial};
}

/** One replica of that parent, which has come up since the parent was asked first. */
export interface Witness {
  readonly predicted: Resync;
  readonly before: Pick<ServerFacts, 'lineage'>;
  readonly after: Pick<ServerFacts, 'backlog'>;
}

/** What each came to; null when it cannot be told. */
export function resyncsOf(
  counted: {readonly before: SyncCounters | null; readonly after: SyncCounters | null},
  witnesses: readonly Witness[],
): (Resync | null)[] {
  const {before, after} = counted;
  if (before === null || after === null) return witnesses.map(() => null);
  const [full, partial] = [after.full - before.full, after.partial - before.partial];
  // Somebody set the counters back meanwhile, or the server was restarted.
  if (full < 0 || partial < 0) return witnesses.map(() => null);
  const all = witnesses.length;
  if (full === 0 && partial >= all) return witnesses.map(() => 'partial');
  if (partial === 0 && full >= all) return witnesses.map(() => 'full');
  if (full + partial < all) return witnesses.map(() => null);
  const testified = witnesses.map(testimony);
  const asFull = testified.filter((kind) => kind === 'full').length;
  // More were counted than are known here: others came too, or one of these came twice.
  return asFull <= full && all - asFull <= partial ? testified : witnesses.map(() => null);
}

/** A backlog that begins at or before the place where the replica stood was kept; any other began with a snapshot. */
function testimony({before, after}: Witness): Resync {
  return after.backlog !== null && after.backlog.firstOffset <= before.lineage.offset ? 'partial' : 'full';
}
