/** Waits for a link. OK to REPLICAOF proves nothing: the link counts when both ends have one history and the parent lists the child. */
import {ExitCode, RtopoError} from '../errors.js';
import {Connection, endpointOf} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText} from '../topology/types.js';
import {listedBy, type Node, namesOf} from './graph.js';
import type {Step} from './plan.js';

type ReplicateFrom = Step & {do: 'replicate-from'};

const POLL_MS = 50;

/** Does it follow its parent already, under the very name that REPLICAOF would give? */
export function isOrdered({parent: {peer}}: ReplicateFrom, {role}: ServerFacts): boolean {
  return role.kind === 'replica' && role.port === peer.port && role.host.toLowerCase() === peer.host.toLowerCase();
}

/** @throws RtopoError exit 4 `LINK_NOT_UP` when it takes longer than `linkTimeoutMs` */
export async function awaitLink(
  connection: Connection,
  step: ReplicateFrom,
  limits: {readonly commandTimeoutMs: number; readonly linkTimeoutMs: number},
): Promise<void> {
  const deadline = performance.now() + limits.linkTimeoutMs;
  const parent = await Connection.open(endpointOf(step.parent), limits.commandTimeoutMs);
  try {
    for (;;) {
      const [child, above] = [await readFacts(connection), await readFacts(parent)];
      const missing = whatIsMissing(step, child, above);
      if (missing === null) return;
      if (performance.now() >= deadline) throw notUp(step, missing, limits.linkTimeoutMs);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } finally {
    parent.close();
  }
}

function notUp(step: ReplicateFrom, missing: string, afterMs: number): RtopoError {
  return new RtopoError({
    code: 'LINK_NOT_UP',
    exit: ExitCode.incomplete,
    message:
      `${addressText(step.instance.address)} was told to follow ${addressText(step.parent.peer)}, but after ` +
      `${afterMs / 1000} s ${missing}.`,
    remedy: 'rtopo status says how far it is; rtopo replicate goes on from there (--timeout 10m waits longer)',
  });
}

/** What the link still lacks, as the end of a sentence; null when both ends agree that it is up. */
export function whatIsMissing(step: ReplicateFrom, child: ServerFacts, above: ServerFacts): string | null {
  const parent = addressText(step.parent.address);
  if (!isOrdered(step, child)) return 'it follows another master';
  if (child.loading) return 'it is still loading the data set';
  if (child.linkUp !== true) {
    const state = child.role.kind === 'replica' ? child.role.state : 'gone';
    return child.syncInProgress ? 'the synchronisation is still running' : `the link is not up (state ${state})`;
  }
  if (child.lineage.replid !== above.lineage.replid) return `its history is not that of ${parent}`;
  return isServed(step, child, above) ? null : `${parent} does not list it as online`;
}

/** By its own entry; where NAT hides which one that is, by any. */
function isServed(step: ReplicateFrom, child: ServerFacts, above: ServerFacts): boolean {
  const node = (instance: ReplicateFrom['instance'], facts: ServerFacts): Node => ({
    instance,
    facts,
    names: namesOf(instance),
  });
  const link = {child: node(step.instance, child), parent: node(step.parent, above)};
  const entry = listedBy(link, [link.parent, link.child]);
  return entry === null ? above.replicas.some(({state}) => state === 'online') : entry.state === 'online';
}
