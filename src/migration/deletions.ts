/**
 * A key that is gone from its source: was it deleted, or had it expired? The servers hand both on as the same command, but the copy tells. It has the same
 * moment of expiry: when it is still there, and not about to go, a client has deleted the original, and the copy would bring the key back.
 */
import type {RespReply} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';
import type {NodeKey} from './judge-writers.js';
import {type Lane, type Node, withLane} from './nodes.js';
import type {Operation} from './operation.js';

const BATCH_KEYS = 500;
/** Two clocks are read one after the other. */
const TOLERANCE_MS = 50;

interface Suspects {
  readonly source: Node;
  readonly target: Node;
  readonly db: number;
  readonly keys: NodeKey[];
}

/** Those of the keys that are gone from their source while their new owner has them, and will keep them. */
export async function undeadCopies(operation: Operation, deleted: readonly NodeKey[]): Promise<NodeKey[]> {
  if (deleted.length === 0) return [];
  const undead: NodeKey[] = [];
  await withLane(operation.timeoutMs, async (lane) => {
    for (const group of grouped(operation, deleted)) {
      for (let at = 0; at < group.keys.length; at += BATCH_KEYS) {
        undead.push(...(await lookAt(lane, {...group, keys: group.keys.slice(at, at + BATCH_KEYS)})));
      }
    }
  });
  return undead;
}

/** By source, new owner and database; a key of which the database is not known is looked for in all of them. */
function grouped({nodes, change}: Operation, deleted: readonly NodeKey[]): Suspects[] {
  const groups = new Map<string, Suspects>();
  for (const one of deleted) {
    const source = nodes.find(({at}) => at === one.node);
    const owner = change.to.placement.ownerIndex(one.key, 0, one.key.length);
    const target = nodes[change.ownerNode[owner] ?? -1];
    // Without an owner there is no copy.
    if (source === undefined || target === undefined || target === source) continue;
    for (const db of one.db === null ? source.facts.keyspace.map(({db: known}) => known) : [one.db]) {
      const id = `${source.number} ${target.number} ${db}`;
      const group = groups.get(id) ?? {source, target, db, keys: []};
      groups.set(id, group);
      group.keys.push(one);
    }
  }
  return [...groups.values()];
}

async function lookAt(lane: Lane, {source, target, db, keys}: Suspects): Promise<NodeKey[]> {
  const [here, there] = [await lane.to(source, db), await lane.to(target, db)];
  // The copies first: one that expires in between was no danger.
  const copies = await ask(there, 'PTTL', keys);
  const originals = await ask(here, 'EXISTS', keys);
  const [hereMs, thereMs] = [clock(originals[0]), clock(copies[0])];
  return keys.filter((_, i) => {
    const [exists, remainingMs] = [Number(originals[i + 1]), Number(copies[i + 1])];
    if (exists === 1 || remainingMs === -2) return false;
    return !(remainingMs >= 0 && thereMs + remainingMs <= hereMs + TOLERANCE_MS);
  });
}

function ask(socket: RespSocket, command: 'PTTL' | 'EXISTS', keys: readonly NodeKey[]): Promise<RespReply[]> {
  return socket.batch([['TIME'], ...keys.map(({key}) => [command, key])]);
}

/** TIME in milliseconds. */
function clock(reply: RespReply | undefined): number {
  const [seconds, microseconds] = Array.isArray(reply) ? reply.map(Number) : [];
  return (seconds ?? Number.NaN) * 1000 + (microseconds ?? Number.NaN) / 1000;
}
