/** Sample data for the demo: every type, some with an expiry, in two databases, written to the servers that own the keys. */
import {endpointOf} from '../redis/connect.js';
import {ReplyError} from '../redis/resp/decode.js';
import type {Part} from '../redis/resp/encode.js';
import {RespSocket} from '../redis/resp/socket.js';
import {addressText, type Topology} from '../topology/types.js';

/** One key with the commands that make it. */
export interface Sample {
  readonly key: string;
  readonly db: number;
  readonly commands: readonly (readonly Part[])[];
}

const DAY_MS = 86_400_000;

/** `count` keys, the same ones each time; the expiries count from `nowMs`. */
export function sampleKeys(count: number, nowMs: number): Sample[] {
  return Array.from({length: count}, (_, i) => {
    const key = `${['user', 'cart', 'seen', 'rank', 'feed', 'events'][i % 6]}:${1000 + i}`;
    const commands: Part[][] = [[...value(i % 6, key, i)]];
    if (i % 6 === 5)
      commands.push(
        ['XGROUP', 'CREATE', key, 'workers', '0'],
        ['XREADGROUP', 'GROUP', 'workers', 'ann', 'COUNT', 1, 'STREAMS', key, '>'],
      );
    if (i % 4 === 0) commands.push(['PEXPIREAT', key, nowMs + DAY_MS + i]);
    return {key, db: i % 20 === 19 ? 1 : 0, commands};
  });
}

function value(kind: number, key: string, i: number): Part[] {
  switch (kind) {
    case 0:
      return ['SET', key, `value ${i} ${'x'.repeat(i % 200)}`];
    case 1:
      return ['HSET', key, 'items', i, 'total', (i * 1.1).toFixed(2)];
    case 2:
      return ['SADD', key, i, i + 1, `tag-${i % 7}`];
    case 3:
      return ['ZADD', key, i, 'ann', i / 2, 'bob'];
    case 4:
      return ['RPUSH', key, `post ${i}`, `post ${i + 1}`];
    default:
      return ['XADD', key, `${i + 1}-0`, 'event', 'login', 'n', i];
  }
}

/** Writes each sample to the server at `addresses[i]`. Returns how many keys each address was given. */
export async function writeSamples(
  topology: Topology,
  samples: readonly Sample[],
  addresses: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const written = new Map<string, number>();
  for (const {master} of topology.shards) {
    const address = addressText(master.address);
    const socket = await RespSocket.open(endpointOf(master), 10_000);
    try {
      for (const db of [0, 1]) {
        await socket.select(db);
        const mine = samples.filter((sample, i) => sample.db === db && addresses[i] === address);
        const replies = await socket.batch(mine.flatMap(({commands}) => commands));
        const refused = replies.find((reply) => reply instanceof ReplyError) as ReplyError | undefined;
        if (refused !== undefined) throw new Error(`a sample was refused: ${refused.text}`);
        written.set(address, (written.get(address) ?? 0) + mine.length);
      }
    } finally {
      socket.close();
    }
  }
  return written;
}
