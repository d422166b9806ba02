/**
 * What a careful script does: SCAN, and MIGRATE KEYS of 1000 at a time, so that the servers carry the keys themselves. Both sources
 * at once. migrate.mjs TARGETPORT SOURCEPORT…
 */
import {ownerOf, ringOf, shardNames} from '../rebalance/ring.mjs';
import {scan, Wire} from '../rebalance/wire.mjs';

const BATCH_KEYS = 1000;
const TIMEOUT_MS = 60_000;

const [targetPort, ...sourcePorts] = process.argv.slice(2);
const ring = ringOf(shardNames);
await Promise.all(sourcePorts.map(moveFrom));
process.exit();

async function moveFrom(port, source) {
  const wire = await Wire.connect(Number(port));
  let moving = [];
  const flush = async () => {
    if (moving.length > 0) await wire.call('MIGRATE', '127.0.0.1', targetPort, '', 0, TIMEOUT_MS, 'KEYS', ...moving);
    moving = [];
  };
  for await (const keys of scan(wire)) {
    for (const key of keys) {
      if (ownerOf(ring, key) === source) continue;
      moving.push(key);
      if (moving.length === BATCH_KEYS) await flush();
    }
  }
  await flush();
}
