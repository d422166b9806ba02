/** Keys of every server by chance: to judge a placement without reading all of them. */
import {Connection, type Endpoint, endpointOf} from '../redis/connect.js';
import {RespSocket} from '../redis/resp/socket.js';
import type {Instance} from '../topology/types.js';
import {isReserved, scanKeys} from './scan.js';

export interface SampledKey {
  /** Index of the server among those asked. */
  readonly server: number;
  readonly db: number;
  readonly key: Buffer;
}

export interface Sampling {
  readonly servers: readonly Instance[];
  /** How many keys to take from a server that holds so many. */
  readonly wanted: (keys: number, total: number) => number;
  readonly timeoutMs: number;
}

const batch = 500;
/** RANDOMKEY repeats itself: after so many calls per key wanted, what was found has to do. */
const patience = 4;

/** Distinct keys of all servers and databases, without rtopo's own. `total` counts all keys that are there. */
export async function sampleKeys({servers, wanted, timeoutMs}: Sampling): Promise<{keys: SampledKey[]; total: number}> {
  const endpoints = servers.map(endpointOf);
  const spaces = await Promise.all(endpoints.map((endpoint) => keyspaceOf(endpoint, timeoutMs)));
  const counts = spaces.map((space) => space.reduce((sum, {keys}) => sum + keys, 0));
  const total = counts.reduce((sum, keys) => sum + keys, 0);
  const found = await Promise.all(
    endpoints.map(async (endpoint, server) => {
      const share = Math.min(1, wanted(counts[server]!, total) / Math.max(1, counts[server]!));
      const socket = await RespSocket.open(endpoint, timeoutMs, {readsKeys: true});
      try {
        const keys: SampledKey[] = [];
        for (const {db, keys: count} of spaces[server]!) {
          await socket.select(db);
          const some = await fromDatabase(socket, count, Math.ceil(count * share));
          keys.push(...some.map((key) => ({server, db, key})));
        }
        return keys;
      } finally {
        socket.close();
      }
    }),
  );
  return {keys: found.flat(), total};
}

async function fromDatabase(socket: RespSocket, count: number, wanted: number): Promise<Buffer[]> {
  const keys = new Map<string, Buffer>();
  const take = (key: unknown): void => {
    if (Buffer.isBuffer(key) && !isReserved(key) && keys.size < wanted) keys.set(key.toString('latin1'), key);
  };
  // Nearly all of them: then reading the names once is cheaper than chance.
  if (wanted * 2 >= count) {
    for await (const page of scanKeys(socket)) page.forEach(take);
    return [...keys.values()];
  }
  const length = Math.min(batch, wanted);
  for (let asked = 0; keys.size < wanted && asked < patience * wanted; asked += length) {
    const replies = await socket.batch(Array.from({length}, () => ['RANDOMKEY']));
    replies.forEach(take);
  }
  return [...keys.values()];
}

/** The databases of a server that hold keys, and how many. */
export async function keyspaceOf(endpoint: Endpoint, timeoutMs: number): Promise<{db: number; keys: number}[]> {
  const connection = await Connection.open(endpoint, timeoutMs);
  try {
    const info = String(await connection.call('INFO', ['keyspace']));
    const lines = info.matchAll(/^db(\d{1,5}):keys=(\d{1,15})/gm);
    return [...lines].map(([, db, keys]) => ({db: Number(db), keys: Number(keys)}));
  } finally {
    connection.close();
  }
}
