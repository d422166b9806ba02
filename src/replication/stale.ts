/** Pure: which facts a step relied on, read again just before it runs. The changed one as a sentence, or null. */
import type {ServerFacts} from '../redis/identity.js';

/** Of every server that a step touches. */
export function staleness(planned: ServerFacts, now: ServerFacts, who: string): string | null {
  if (planned.runId !== now.runId) return `${who} was restarted or replaced since the plan was made (run id changed)`;
  if (planned.role.kind !== now.role.kind) return `${who} changed its role since the plan was made`;
  return null;
}

/** The same for a server that is about to be given another master, and may lose what it holds: only what the consent was given for. */
export function targetStaleness(
  planned: ServerFacts,
  now: ServerFacts,
  who: string,
  keysAtRisk: number,
): string | null {
  const stale = staleness(planned, now, who);
  if (stale !== null || keysAtRisk === 0) return stale;
  // A master begins a new history by itself, with its first replica.
  if (now.role.kind === 'replica' && planned.lineage.replid !== now.lineage.replid)
    return `${who} has another replication history than when the plan was made`;
  if (now.keys <= keysAtRisk) return null;
  return `${who} holds ${now.keys} keys, and ${keysAtRisk} when their loss was consented to: somebody writes to it`;
}

/** The same for a replica that is about to be promoted: a master that came back would go on taking writes. */
export function promotionStaleness(planned: ServerFacts, now: ServerFacts, who: string): string | null {
  const stale = staleness(planned, now, who);
  if (stale !== null) return stale;
  if (planned.lineage.replid !== now.lineage.replid)
    return `${who} has another replication history than when the plan was made`;
  if (planned.linkUp === true || now.linkUp !== true) return null;
  return `the master that ${who} follows has come back since the plan was made`;
}

/** The same for a server whose data is about to replace another's: it must not have lost them. */
export function sourceStaleness(planned: ServerFacts, now: ServerFacts, who: string): string | null {
  // A parent that this very run has just promoted or attached has another role by now, rightly.
  const stale = staleness({...planned, role: now.role}, now, who);
  if (stale !== null || planned.keys === 0 || now.keys > 0) return stale;
  return `${who} held ${planned.keys} keys when the plan was made and holds none now`;
}
