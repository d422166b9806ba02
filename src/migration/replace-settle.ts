/** After a change of master: the old one and the siblings follow the new one, and all of that outlives a restart. */
import {RtopoError} from '../errors.js';
import {endpointOf, withConnection} from '../redis/connect.js';
import {Orders, persist} from '../replication/orders.js';
import {repoint} from '../replication/repoint.js';
import {Watched} from '../replication/sight.js';
import {addressText, type Instance} from '../topology/types.js';
import type {Persisted, Resync} from './records.js';
import {login, note, type Replacing, toldOf} from './replace.js';
import type {Left, Replacement} from './replacement.js';

/** The old master and the siblings follow the new one, and all of that outlives a restart. Who cannot be reached is told. */
export async function settle(replacing: Replacing, replacement: Replacement): Promise<void> {
  const told = toldOf(replacing, replacement);
  if (told.settled !== null) return;
  const {old, next, siblings} = replacement;
  const left: Left[] = [];
  const persisted = [await persistOn(next, replacing.timeoutMs)];
  const repointed = async (child: Instance): Promise<void> => {
    try {
      const limits = {commandTimeoutMs: replacing.timeoutMs, linkTimeoutMs: replacing.limits.silenceMs};
      persisted.push(await repoint({child, parent: next}, {login: login(replacing), ...limits}));
    } catch (error) {
      if (!(error instanceof RtopoError)) throw error;
      left.push({instance: addressText(child.address), message: error.message});
    }
  };
  // The old one first and alone: a full synchronisation is then known to be its own.
  await repointed(old);
  const resync = left.length > 0 ? null : await resyncOf(replacing, replacement);
  await Promise.all(siblings.map(repointed));
  await note(replacing, replacement, {did: 'settle', settled: {resync, persisted: worst(persisted), left}});
}

export function persistOn(instance: Instance, timeoutMs: number): Promise<Persisted> {
  return withConnection(endpointOf(instance), timeoutMs, (connection) => persist(new Orders(connection)));
}

async function resyncOf(replacing: Replacing, replacement: Replacement): Promise<Resync> {
  const before = toldOf(replacing, replacement).promoted?.fullSyncs ?? null;
  const next = new Watched(replacement.next, replacing.timeoutMs);
  try {
    const {fullSyncs} = (await next.look()).facts;
    if (before === null || fullSyncs === null || fullSyncs < before) return null;
    return fullSyncs === before ? 'partial' : 'full';
  } finally {
    next.close();
  }
}

function worst(all: readonly Persisted[]): Persisted {
  return (['failed', 'no-config-file'] as const).find((one) => all.includes(one)) ?? 'yes';
}
