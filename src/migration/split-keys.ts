/** Keys of servers that were filled as replicas and are not in use yet: what they do not own goes, and when all is undone, everything. */
import type {RespSocket} from '../redis/resp/socket.js';
import {pairsOf} from './children.js';
import {compareKeys} from './compare.js';
import {databasesOf} from './copy.js';
import {dropKeys} from './drop.js';
import {withLane} from './nodes.js';
import {checkpoint, type Operation} from './operation.js';
import {scanKeys} from './scan.js';
import {isSame, readChecksums} from './transports/twins.js';

/** What a child was given and does not own. Nobody uses it before the cutover, and its parent holds every key. */
export async function dropSurplus(operation: Operation): Promise<void> {
  if (operation.hasCutOver) return;
  const {change, timeoutMs} = operation;
  await Promise.all(
    pairsOf(operation).map(({child}) =>
      withLane(timeoutMs, async (lane) => {
        for (const db of await databasesOf(child, lane)) {
          const socket = await lane.to(child, db);
          for await (const keys of scanKeys(socket)) {
            checkpoint(operation);
            const foreign = keys.filter(
              (key) => change.ownerNode[change.to.placement.ownerIndex(key, 0, key.length)] !== child.number,
            );
            if (foreign.length > 0) await dropKeys(operation, {socket, db}, foreign);
          }
        }
      }),
    ),
  );
}

/** Undoing: a child gives up what its parent holds as well. Returns how many keys it keeps, because they are not what the parent holds. */
export async function emptyChildren(operation: Operation): Promise<number> {
  let kept = 0;
  for (const {child, parent} of pairsOf(operation)) {
    await withLane(operation.timeoutMs, async (lane) => {
      for (const db of await databasesOf(child, lane)) {
        const [socket, origin] = [await lane.to(child, db), await lane.to(parent, db)];
        for await (const keys of scanKeys(socket)) {
          checkpoint(operation);
          const doomed = await heldAlike({socket, origin, keys});
          kept += keys.length - doomed.length;
          await dropKeys(operation, {socket, db}, doomed);
        }
      }
    });
  }
  return kept;
}

/** By checksum, and where those differ by value. */
async function heldAlike(look: {
  readonly socket: RespSocket;
  readonly origin: RespSocket;
  readonly keys: readonly Buffer[];
}): Promise<Buffer[]> {
  const {socket, origin, keys} = look;
  const [here, there] = await Promise.all([readChecksums(socket, keys), readChecksums(origin, keys)]);
  const unlike = keys.filter((_, i) => !isSame(here[i]!, there[i]!));
  const comparisons = await compareKeys(origin, socket, unlike);
  const different = new Set(unlike.filter((_, i) => comparisons[i] !== 'equal'));
  return keys.filter((key) => !different.has(key));
}
