/** What every kind of fence does on one server; one file per kind. */
import type {Connection, Endpoint} from '../../redis/connect.js';

/** A server that is to take no writes. */
export interface FenceNode {
  readonly at: string;
  readonly endpoint: Endpoint;
  readonly runId: string;
}

/** What has to be known to lift the fence of one server without the process that raised it. Plain JSON. */
export interface FencedNode {
  readonly at: string;
  readonly runId: string;
  /** Settings as they were before; null for a kind of fence that changes none. */
  readonly minReplicas: number | null;
  readonly maxLagSeconds: number | null;
  /** What min-replicas-to-write is set to while the fence is up: a number that nobody else comes upon. Null as above. */
  readonly raisedTo: number | null;
}

/** A server, its control connection, and the limit for each call, in milliseconds. */
export interface Fencing {
  readonly node: FenceNode;
  readonly connection: Connection;
  readonly timeoutMs: number;
}

export interface LiftOptions {
  /**
   * The server does not own those keys any more: a write that it has held back would be acknowledged by the wrong one. Whoever waits with such a write
   * is disconnected instead, and asks again where the key is now.
   */
  readonly dropHeld?: boolean;
}

/** The fence of one server. */
export interface NodeFence {
  readonly record: FencedNode;
  /** Proves that it works before it returns. @throws RtopoError, after undoing what it has done as far as that was possible */
  raise(): Promise<void>;
  /** Has it held all the time since it was raised? @throws RtopoError FENCE_LOST */
  assertUp(): Promise<void>;
  /** Everything as it was. @returns sentences about what was left as somebody else has made it */
  lift(options?: LiftOptions): Promise<readonly string[]>;
}

export interface FenceKindRules {
  /** Looks, changes nothing. @throws RtopoError exit 3 where it cannot be raised, or where somebody else's stands */
  survey(fencing: Fencing): Promise<NodeFence>;
  /** Ends what a dead process has left. @returns as `lift` */
  liftLeft(fencing: Fencing, record: FencedNode): Promise<readonly string[]>;
}
