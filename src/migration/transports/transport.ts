/** The contract of a way to carry keys. Every transport joins the battery in test/migration/transport-battery.ts. */
import type {RespSocket} from '../../redis/resp/socket.js';

/** What the eviction policy of a target reads of a key's age: its idle time, its frequency, or nothing. */
export type AgeKind = 'idle' | 'frequency' | 'none';

export interface Batch {
  /** Already in the database meant, like `target`. */
  readonly source: RespSocket;
  readonly target: RespSocket;
  /** What the source can tell of a key's age. */
  readonly sourceAge: AgeKind;
  /** What the target's policy makes use of. */
  readonly targetAge: AgeKind;
  readonly keys: readonly Buffer[];
}

/** What became of one key. */
export interface Carried {
  readonly outcome: /** Copied, read back and found equal. */
    | 'created'
    /** The target already held an equal value: not a conflict, and what a repeated run finds. */
    | 'equal'
    /** No longer at the source: it expired, or was deleted. */
    | 'gone'
    /** The target holds another value under this name. It was not touched. */
    | 'conflict';
  /** SHA-1 in base64 of the source's DUMP: what is compared before the source's copy is deleted. Null when gone. */
  readonly sha: string | null;
  /** Expiry of the source's value when it was copied, in epoch milliseconds; -1 without one, -2 when gone. */
  readonly expireAtMs: number;
  /** SHA-1 in base64 of the target's DUMP where it differs from `sha`: a hash table has another order there. */
  readonly landedSha: string | null;
  readonly bytes: number;
  /** Changes made at the target for this key: what the detection of foreign writers subtracts. */
  readonly writes: number;
  /** Acts that may have changed something or not: a key that expired in between. */
  readonly perhapsWrites: number;
}

export interface Transport {
  readonly name: string;
  /**
   * Copies the keys and proves each copy by reading it back. Idempotent; never overwrites, never deletes; results in the order of `keys`.
   * Ages of copies survive the reading back.
   * @throws RtopoError when a server refuses, is lost, or lost a key it had acknowledged; what was copied until then stays
   */
  carry(batch: Batch): Promise<Carried[]>;
}
