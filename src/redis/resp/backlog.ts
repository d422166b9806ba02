/** May a piece of a master's backlog be asked for? Pure. A master that is asked for what it no longer has sends everything, and forks for it. */
import {type Info, infoNumber, infoText} from '../info.js';

/** Bytes `fromOffset` (not included) to `toOffset` (included) of a history, both as `master_repl_offset` told them. */
export interface BacklogPiece {
  readonly replid: string;
  readonly fromOffset: number;
  readonly toOffset: number;
}

export interface BacklogFacts {
  /** INFO replication, a round trip before `info`. */
  readonly earlier: Info;
  readonly info: Info;
  /** min-replicas-to-write; null when it is not known. Only asked for where it is in force. */
  readonly wantedReplicas: number | null;
}

/** So many times what was written during a round trip must still fit before the piece begins to be overwritten. */
const ROOM_ROUND_TRIPS = 8;
/** And this part of the backlog, for a burst. */
const ROOM_SHARE = 64;

const USED = ['role', 'master_replid', 'master_repl_offset', 'min_slaves_good_slaves'];

/** Why not, as the rest of a sentence that begins with the address; null when it may. */
export function objectionTo(piece: BacklogPiece, {earlier, info, wantedReplicas}: BacklogFacts): string | null {
  const forged = info.repeated.find((name) => USED.includes(name) || name.startsWith('repl_backlog_'));
  if (forged !== undefined) return `prints ${forged} twice: somebody has put lines into its INFO`;
  if (infoText(info, 'role') !== 'master') return 'is no master any more';
  if (infoText(info, 'master_replid') !== piece.replid) return 'has begun another history (its master_replid changed)';
  if (infoText(info, 'repl_backlog_active') !== '1') return 'keeps no backlog: no replica was ever attached to it';
  const offset = infoNumber(info, 'master_repl_offset');
  const first = infoNumber(info, 'repl_backlog_first_byte_offset');
  const size = infoNumber(info, 'repl_backlog_size');
  const held = infoNumber(info, 'repl_backlog_histlen');
  if (offset === null || first === null || size === null || held === null) return 'does not describe its backlog';
  const {fromOffset, toOffset} = piece;
  if (!(fromOffset >= 0 && fromOffset <= toOffset && toOffset <= offset))
    return 'is not as far in its history as asked for';
  if (first > fromOffset + 1) return 'has overwritten that part of its backlog (repl-backlog-size is too small)';
  const grown = Math.max(0, offset - (infoNumber(earlier, 'master_repl_offset') ?? 0));
  const roomBytes = Math.max(0, size - held) + fromOffset + 1 - first;
  if (roomBytes < grown * ROOM_ROUND_TRIPS + size / ROOM_SHARE) return 'is about to overwrite that part of its backlog';
  return objectionToCounting(infoNumber(info, 'min_slaves_good_slaves'), wantedReplicas);
}

/** A tap counts as a replica until it has been silent for min-replicas-max-lag: it must not be the one that lets a server take writes again. */
function objectionToCounting(goodReplicas: number | null, wanted: number | null): string | null {
  if (goodReplicas === null) return null;
  if (wanted === null)
    return 'takes writes only while it has replicas, and does not say how many: a tap would count as one';
  return wanted === goodReplicas + 1 ? 'lacks one replica to take writes again: a tap would count as it' : null;
}
