/**
 * The mover that one writes first in Node: ioredis, pipelines of 500, DUMP and PTTL, RESTORE, UNLINK, without any safety. Both sources
 * at once. ioredis-pump.mjs TARGETPORT SOURCEPORT…
 */
import {Redis} from 'ioredis';
import {ownerOf, ringOf, shardNames} from '../rebalance/ring.mjs';

const BATCH_KEYS = 500;

const [targetPort, ...sourcePorts] = process.argv.slice(2);
const ring = ringOf(shardNames);
await Promise.all(sourcePorts.map(moveFrom));
process.exit();

async function moveFrom(port, source) {
  const [from, to] = [new Redis(Number(port)), new Redis(Number(targetPort))];
  let [cursor, moving] = ['0', []];
  do {
    const [next, keys] = await from.scanBuffer(cursor, 'COUNT', 1000);
    cursor = next.toString();
    moving.push(...keys.filter((key) => ownerOf(ring, key) !== source));
    while (moving.length >= BATCH_KEYS) await move(from, to, moving.splice(0, BATCH_KEYS));
  } while (cursor !== '0');
  if (moving.length > 0) await move(from, to, moving);
}

async function move(from, to, keys) {
  const reading = from.pipeline();
  for (const key of keys) reading.dumpBuffer(key).pttl(key);
  const replies = await reading.exec();
  const writing = to.pipeline();
  for (const [i, key] of keys.entries()) {
    const [[, dump], [, ttl]] = [replies[2 * i], replies[2 * i + 1]];
    if (dump !== null) writing.restore(key, Math.max(ttl, 0), dump);
  }
  const refused = (await writing.exec()).find(([error]) => error !== null);
  if (refused !== undefined) throw refused[0];
  await from.unlink(...keys);
}
