/**
 * DUMP at the source, RESTORE at the target, through rtopo: works across ACLs, TLS, NAT and versions, and can be verified.
 *
 * RESTORE's OK is not believed. It is also given for a key whose expiry has passed by the target's clock, and for one that is evicted
 * a moment later; so every key is read back and compared while its payload is still in hand: the readings travel behind all the
 * RESTOREs of the batch, in the same pipeline. Expiry travels as an absolute time: a relative one would restart the clock, and a
 * rounded 0 would make the key immortal.
 */
import {Request} from '../../redis/resp/encode.js';
import {type Copy, copyOf, requestCopy} from '../compare.js';
import {dumpSum} from '../digest.js';
import {footerFor, refoot, wayFor} from '../payload.js';
import {ageCommand, ageOf, carriesAge} from './age.js';
import {GONE, type Item, land, lostKey, UNREADABLE} from './landing.js';
import type {Announced, Batch, Carried, Transport} from './transport.js';

/** A name that was taken and is free a moment later is tried again; not for ever, should somebody create and delete it in a loop. */
const MAX_ATTEMPTS = 3;

export const dumpRestore: Transport = {
  name: 'dump-restore',
  async carry(batch) {
    const pending = await readSource(batch);
    await batch.announce(pending.map(({copy}) => announced(copy)));
    const results: Carried[] = pending.map(() => GONE);
    let left: Item[] = [];
    for (const item of pending) {
      if (item.copy.payload === null) continue;
      if (item.sendable === null) results[item.position] = UNREADABLE;
      else left.push(item);
    }
    for (let attempt = 1; left.length > 0; attempt++) {
      const landings = await land(batch, left);
      left = [];
      for (const {item, carried} of landings) {
        if (carried !== 'again') results[item.position] = carried;
        else if (attempt < MAX_ATTEMPTS) left.push(item);
        else throw lostKey(batch);
      }
    }
    return results;
  },
};

function announced({payload, expireAtMs}: Copy): Announced {
  const isThere = payload !== null;
  return {sum: isThere ? dumpSum(payload) : null, of: 'dump', bytes: payload?.length ?? 0, expireAtMs};
}

/** Ages before anything else: DUMP itself would reset them. */
async function readSource(batch: Batch): Promise<Item[]> {
  const {source, keys} = batch;
  const ask = carriesAge(batch) ? ageCommand(batch.targetAge) : null;
  const request = new Request();
  for (const key of keys) {
    if (ask !== null) request.add([...ask, key]);
    requestCopy(request, key);
  }
  const replies = await source.send(request);
  const width = ask === null ? 2 : 3;
  return keys.map((key, position) => {
    const at = position * width;
    const age = ask === null ? null : ageOf(replies[at]);
    const copy = copyOf(source, replies[at + width - 2], replies[at + width - 1]);
    return {position, key, age, copy, sendable: sendable(batch, copy)};
  });
}

function sendable({support, maxPayloadBytes}: Batch, {payload}: Copy): Buffer | null {
  if (payload === null || payload.length > maxPayloadBytes) return null;
  switch (wayFor(payload, support)) {
    case 'as-is':
      return payload;
    case 'refoot':
      return refoot(payload, footerFor(payload, support));
    case 'elements':
      return null;
  }
}
