/** The contract of a way to carry keys. Every transport joins the battery in test/migration/transport-battery.ts. */
import type {RespSocket} from '../../redis/resp/socket.js';
import type {Sum, SumOf} from '../digest.js';
import type {PayloadSupport} from '../payload.js';

/** What the eviction policy of a target reads of a key's age: its idle time, its frequency, or nothing. */
export type AgeKind = 'idle' | 'frequency' | 'none';

export interface Batch {
  /** Already in the database meant, like `target`. */
  readonly source: RespSocket;
  readonly target: RespSocket;
  /** What the source can tell of a key's age. */
  readonly sourceAge: AgeKind;
  /** Which payloads the target reads, and the longest of them in bytes. */
  readonly support: PayloadSupport;
  readonly maxPayloadBytes: number;
  /** What the target's policy makes use of. */
  readonly targetAge: AgeKind;
  /** The caller bounds them, by number and by what they hold: all of it is in memory at once. */
  readonly keys: readonly Buffer[];
  /**
   * Called once, when the keys are read and before the first of them is sent: the caller writes down what may be at the target from
   * now on, and waits until it may be. In the order of `keys`.
   */
  readonly announce: (announced: readonly Announced[]) => Promise<void>;
}

/** A key as it was read at the source, and is about to be sent. */
export interface Announced {
  /** Null: it is not there. */
  readonly sum: Sum | null;
  readonly of: SumOf;
  readonly bytes: number;
  /** -1: none. */
  readonly expireAtMs: number;
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
    | 'conflict'
    /** The target cannot be given this payload: it is too long, or of a type that it does not know. Nothing was sent. */
    | 'unreadable';
  /** Checksum of the target's DUMP where it is not the one announced: a hash table has another order there. */
  readonly landedCrc: Buffer | null;
  readonly bytes: number;
  /** The payload went with another version in its footer. */
  readonly refooted: boolean;
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
