/** Waits for a link. OK to REPLICAOF proves nothing: the link counts when both ends have one history and the parent lists the child. */
import {ExitCode, RtopoError} from '../errors.js';
import type {Connection} from '../redis/connect.js';
import {readFacts} from '../redis/fleet.js';
import type {ServerFacts} from '../redis/identity.js';
import {addressText} from '../topology/types.js';
import {listedBy, type Node, namesOf} from './graph.js';
import type {Step} from './plan.js';
import {Sources} from './sources.js';

type ReplicateFrom = Step & {do: 'replicate-from'};

/** Short at first, for links that come up at once; longer later, so that fifty that wait for a snapshot keep nobody busy. */
const POLL_MS = {first: 25, last: 250};
/** How often the parent is looked at while the child is not ready. */
const PARENT_MS = 1000;
const HEARTBEAT_MS = 10_000;

/** Does it follow its parent already, under the very name that REPLICAOF would give? */
export function isOrdered({parent: {peer}}: Pick<ReplicateFrom, 'parent'>, {role}: ServerFacts): boolean {
  return role.kind === 'replica' && role.port === peer.port && role.host.toLowerCase() === peer.host.toLowerCase();
}

export interface LinkWait {
  readonly step: ReplicateFrom;
  /** The child as it is now. */
  readonly look: () => Promise<ServerFacts>;
  readonly sources: Sources;
  readonly linkTimeoutMs: number;
  /** Every ten seconds: what is still missing. */
  readonly onWait?: ((missing: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws RtopoError exit 4 `LINK_NOT_UP` when it takes longer than `linkTimeoutMs` */
export async function awaitLink(
  connection: Connection,
  step: ReplicateFrom,
  limits: {readonly commandTimeoutMs: number; readonly linkTimeoutMs: number},
): Promise<void> {
  const sources = new Sources(limits.commandTimeoutMs);
  try {
    await waitForLink({step, look: () => readFacts(connection), sources, linkTimeoutMs: limits.linkTimeoutMs});
  } finally {
    sources.close();
  }
}

/** The child, once both ends agree. @throws RtopoError exit 4 `LINK_NOT_UP`, exit 130 `INTERRUPTED` */
export async function waitForLink(wait: LinkWait): Promise<ServerFacts> {
  const {step, sources, linkTimeoutMs} = wait;
  const startedMs = performance.now();
  let [pollMs, parentMs, spokenMs] = [POLL_MS.first, startedMs, startedMs];
  for (;;) {
    if (wait.signal?.aborted === true) throw interrupted(step);
    const child = await patiently(wait.look());
    const nowMs = performance.now();
    let missing = child === null ? 'it does not answer in time' : childLacks(step, child);
    // The parent is asked when it matters, and now and then whether it is still there.
    if (missing === null || nowMs - parentMs >= PARENT_MS) {
      parentMs = nowMs;
      const {facts} = await sources.look(step.parent);
      if (child !== null) missing = whatIsMissing(step, child, facts);
    }
    if (missing === null) return child!;
    if (nowMs - startedMs >= linkTimeoutMs) throw notUp(step, missing, linkTimeoutMs);
    if (nowMs - spokenMs >= HEARTBEAT_MS) {
      spokenMs = nowMs;
      wait.onWait?.(child?.syncPercent == null ? missing : `${missing}, ${child.syncPercent} %`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    pollMs = Math.min(POLL_MS.last, pollMs * 1.25);
  }
}

/** A server that flushes, forks or loads may be late with an answer; the link has its own limit. */
async function patiently(facts: Promise<ServerFacts>): Promise<ServerFacts | null> {
  try {
    return await facts;
  } catch (error) {
    if (error instanceof RtopoError && error.code === 'TIMEOUT') return null;
    throw error;
  }
}

function interrupted({instance}: ReplicateFrom): RtopoError {
  return new RtopoError({
    code: 'INTERRUPTED',
    exit: ExitCode.interrupted,
    message: `Interrupted while waiting for the link of ${addressText(instance.address)}: it goes on synchronising by itself.`,
    remedy: 'rtopo replicate goes on from there',
  });
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
  const lack = childLacks(step, child);
  if (lack !== null) return lack;
  if (child.lineage.replid !== above.lineage.replid) return `its history is not that of ${parent}`;
  return isServed(step, child, above) ? null : `${parent} does not list it as online`;
}

/** The same, as far as the child knows. */
function childLacks(step: ReplicateFrom, child: ServerFacts): string | null {
  if (!isOrdered(step, child)) return 'it follows another master';
  if (child.loading) return 'it is still loading the data set';
  if (child.linkUp === true) return null;
  const state = child.role.kind === 'replica' ? child.role.state : 'gone';
  return child.syncInProgress ? 'the synchronisation is still running' : `the link is not up (state ${state})`;
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
