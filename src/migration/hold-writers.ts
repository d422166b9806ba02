/** The fence of an operation: over the sources, from when the settings say until the topology file has the new text; in the journal, so that no death leaves it standing. */
import {endpointOf} from '../redis/connect.js';
import {type Fence, type FenceNode, type FenceRecord, liftFence, raiseFence} from './fence.js';
import type {Node} from './nodes.js';
import {note, type Operation, write} from './operation.js';

/** A fence that stands longer than this is a failure of its own: writers wait, or fail. */
const MAX_FENCE_MS = 3_600_000;

export function fenceNodes(nodes: readonly Node[]): readonly FenceNode[] {
  return nodes.map(({at, instance, facts}) => ({at, endpoint: endpointOf(instance), runId: facts.runId}));
}

/** Raised over every server that gives keys; null when none is wanted, or when the applications use the new owners already. */
export async function raiseOver(operation: Operation): Promise<Fence | null> {
  const {settings, hasCutOver, matrix, nodes, timeoutMs, lock} = operation;
  if (settings.fence === 'none' || hasCutOver) return null;
  const giving = new Set(matrix.map(({from}) => from));
  return raiseFence({
    ...{kind: settings.fence, timeoutMs, lock, maxMs: MAX_FENCE_MS},
    nodes: fenceNodes(nodes.filter(({name}) => giving.has(name))),
    remember: (record) => write(operation, {type: 'fence', record}),
  });
}

/** Writers go on, whatever became of the work that they waited for. */
export async function lift(operation: Operation, fence: Fence | null): Promise<void> {
  if (fence === null) return;
  // After the cutover a held write belongs to another server.
  for (const text of await fence.lift({dropHeld: operation.hasCutOver})) operation.notes.add(text);
  note(operation, {type: 'unfence'});
}

/** What a process that died has left standing. Before the lock is taken: a fenced server would refuse it. */
export async function liftLeft(
  left: FenceRecord | null,
  operation: {readonly id: string; readonly nodes: readonly Node[]; readonly timeoutMs: number},
): Promise<void> {
  if (left === null) return;
  const {id, nodes, timeoutMs} = operation;
  await liftFence(left, {operation: id, nodes: fenceNodes(nodes), timeoutMs});
}
