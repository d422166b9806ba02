/**
 * A shard is split by replication: each new server is filled as a replica of the only one that gives it keys, taken off it while writes are
 * held off there, and drops what it does not own. Then the ordinary run goes on, and finds every key that moves on its target already.
 * Until the cutover no client uses a child, and its parent holds everything: whatever goes wrong, a child may be filled again.
 */
import {LOCK_KEY} from '../journal/lock.js';
import {readJournal} from '../journal/reading.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import type {ServerFacts} from '../redis/identity.js';
import {detach, follow} from '../replication/follow.js';
import {reached} from '../replication/promotion.js';
import {Watched} from '../replication/sight.js';
import {isUnder} from '../replication/stand.js';
import {type Pair, pendingPairs} from './children.js';
import {type Fence, raiseFence} from './fence.js';
import {fenceNodes} from './hold-writers.js';
import type {Node} from './nodes.js';
import {checkpoint, enter, note, type Operation, write} from './operation.js';
import type {RebalanceRecord} from './records.js';
import {limitsOf} from './replace.js';
import {parentage} from './split.js';
import {childStuck} from './split-trouble.js';

/** A child takes no writes while it follows, the renewals of the lock among them; the one of its parent arrives in their place. */
const FILL_LIMIT_MS = 7 * 24 * 3_600_000;
/** The last bytes arrive in this time or not at all; writers wait for as long. */
const SETTLE_MS = 5000;
/** What the lock itself writes to a child between two attempts. */
const LOCK_BYTES = 16 * 1024;

/** Fills every child, all at once: those of one parent share its snapshot. Returns when each has caught up; it goes on following. */
export async function fillChildren(operation: Operation): Promise<void> {
  const pending = pendingPairs(operation);
  if (pending.length === 0) return;
  await enter(operation, 'replicating');
  await operation.lock.hold(
    pending.map(({child}) => child.facts.runId),
    FILL_LIMIT_MS,
  );
  const halt = {isSet: false};
  const ends = await Promise.allSettled(
    pending.map((pair) =>
      fill(operation, pair, halt).catch((error) => {
        halt.isSet = true;
        throw error;
      }),
    ),
  );
  const faults = ends.flatMap((end) => (end.status === 'rejected' && end.reason !== HALTED ? [end.reason] : []));
  if (faults.length > 0) throw faults[0];
}

const HALTED = Symbol('another one failed');

async function fill(operation: Operation, pair: Pair, halt: {readonly isSet: boolean}): Promise<void> {
  const {child, parent} = pair;
  const {timeoutMs, change} = operation;
  const lockKeys = await withConnection(endpointOf(child.instance), timeoutMs, (connection) =>
    connection.call('EXISTS', [LOCK_KEY]),
  );
  await follow(
    {child: child.instance, parent: parent.instance},
    {
      ...{
        login: change.to.topology.replicationAuth,
        commandTimeoutMs: timeoutMs,
        silenceMs: limitsOf(timeoutMs).silenceMs,
      },
      isExpendable: (facts) => facts.keys <= Number(lockKeys) || isOurCopy(operation, pair, facts),
      onAttach: () => write(operation, {type: 'split', at: child.at, runId: child.facts.runId}),
      onProgress: (seen) =>
        operation.onProgress({
          phase: 'replicating',
          keys: seen.child.facts.keys,
          totalKeys: seen.parent.facts.keys,
          bytes: 0,
        }),
      checkpoint: () => {
        if (halt.isSet) throw HALTED;
        checkpoint(operation);
      },
    },
  );
}

/** An earlier attempt of this very operation has filled it, when it was empty; since then only the lock has written there. */
function isOurCopy({journal}: Operation, {child, parent}: Pair, {runId, lineage}: ServerFacts): boolean {
  const isOfParent =
    lineage.replid2 === parent.facts.lineage.replid || lineage.replid2 === parent.facts.lineage.replid2;
  const own = lineage.secondOffset === null ? Number.POSITIVE_INFINITY : lineage.offset - (lineage.secondOffset - 1);
  if (!isOfParent || lineage.replid2 === null || own > LOCK_BYTES) return false;
  for (const {record} of readJournal<RebalanceRecord>(journal.path)) {
    if (record.type === 'split' && record.at === child.at && record.runId === runId) return true;
  }
  return false;
}

/**
 * Takes the children off their parents at one moment of each parent's history, while nothing is written there, and begins the pass of
 * copying in that same moment: what is written to a parent from then on is known to the pass.
 * @param isFenced the operation's own fence is up already
 */
export async function splitOff<T>(operation: Operation, isFenced: boolean, begin: () => Promise<T>): Promise<T> {
  const pending = pendingPairs(operation);
  if (pending.length === 0) return begin();
  const parents = [...new Set(pending.map(({parent}) => parent))];
  const fence = isFenced ? null : await raiseShort(operation, parents);
  try {
    for (const parent of parents) {
      const own = pending.filter((pair) => pair.parent === parent).map(({child}) => child);
      await takeOff(operation, parent, own);
    }
    // The lock has come along with the data of the parent.
    await operation.lock.resume(pending.map(({child}) => child.facts.runId));
    const begun = await begin();
    operation.isSplit = true;
    return begun;
  } finally {
    if (fence !== null) {
      await fence.lift();
      note(operation, {type: 'unfence'});
    }
  }
}

function raiseShort(operation: Operation, parents: readonly Node[]): Promise<Fence> {
  const {timeoutMs, lock} = operation;
  return raiseFence({
    ...{kind: 'pause', timeoutMs, lock, maxMs: 60_000, nodes: fenceNodes(parents)},
    remember: (record) => write(operation, {type: 'fence', record}),
  });
}

async function takeOff(operation: Operation, parent: Node, children: readonly Node[]): Promise<void> {
  const {timeoutMs} = operation;
  const from = new Watched(parent.instance, timeoutMs);
  try {
    const {lineage} = (await from.look()).facts;
    await Promise.all(
      children.map(async (child) => {
        const to = new Watched(child.instance, timeoutMs);
        try {
          if ((await reached(to, lineage, performance.now() + SETTLE_MS)) === null)
            throw childStuck(child, parent, lineage.offset);
          await detach(to);
        } finally {
          to.close();
        }
      }),
    );
  } finally {
    from.close();
  }
}

/** Children that a process which died has left under their parents: nobody could lock or ask them. Before the servers are looked at. */
export async function detachLeft(
  found: Pick<Operation, 'settings' | 'change' | 'matrix' | 'isSplit'>,
  timeoutMs: number,
): Promise<void> {
  if (found.isSplit || found.settings.via !== 'replicate') return;
  const {nodes} = found.change;
  await Promise.all(
    parentage(found.change, found.matrix).children.map(async ({child, parent}) => {
      const server = new Watched(nodes[child]!.instance, timeoutMs);
      try {
        // Somebody else's replica is left alone; that it is no master is found out soon.
        if (isUnder((await server.look()).facts, nodes[parent]!.instance)) await detach(server);
      } finally {
        server.close();
      }
    }),
  );
}
