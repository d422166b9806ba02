/**
 * Redis Cluster's 16384 slots without the cluster: slot = CRC16(key) & 16383; see slot-table.ts.
 * Source: Redis Cluster specification, "Key distribution model".
 */
import {crc16} from '../hash/crc16.js';
import {slotScheme} from '../slot-table.js';
import {redisClusterTag} from '../tag.js';

export const slots = slotScheme({
  name: 'slots',
  summary: "Redis Cluster's 16384 slots, split evenly or assigned by name",
  count: 16384,
  hash: crc16,
  shown: (hash) => `crc16 = 0x${hash.toString(16).padStart(4, '0')}`,
  tag: redisClusterTag,
});
