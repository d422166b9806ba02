/** Who gives a server its role: can it be ordered at all, and is a Sentinel there that gives orders of its own? Reads only. */
import type {Connection} from '../redis/connect.js';

export const SENTINEL_REMEDY =
  'take the master out of Sentinel first: redis-cli -p 26379 SENTINEL REMOVE <master name>';

/** Neither by REPLICAOF nor by its older name. False too where the server does not say. */
export async function takesNoOrders(connection: Connection): Promise<boolean> {
  const known = await connection.attempt('COMMAND', ['INFO', 'replicaof', 'slaveof']);
  return Array.isArray(known) && known.length === 2 && known.every((entry) => entry === null);
}

/** How the Sentinels that are attached call themselves: they name their connections, and subscribe to a channel of their own. */
export async function sentinelsAt(connection: Connection): Promise<readonly string[]> {
  const [subscribed, ...lists] = await Promise.all([
    connection.attempt('PUBSUB', ['NUMSUB', '__sentinel__:hello']),
    ...['normal', 'pubsub'].map((type) => connection.attempt('CLIENT', ['LIST', 'TYPE', type])),
  ]);
  const names = lists.flatMap((list) => [...String(list ?? '').matchAll(/ name=(sentinel-[0-9a-f]+)/g)]);
  if (names.length > 0) return [...new Set(names.map(([, name]) => name!))];
  const count = Array.isArray(subscribed) ? Number(subscribed[1]) : 0;
  return count > 0 ? ['a subscriber to __sentinel__:hello'] : [];
}
