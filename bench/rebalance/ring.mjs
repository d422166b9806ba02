/**
 * Which of the benchmark's shards owns a key: twemproxy's ketama ring with fnv1a_64, which rtopo calls `scheme: ketama`. Written
 * a second time here, because the peers need it as well and because the checks shall not ask the program that is measured.
 */
import {createHash} from 'node:crypto';

const LABELS_PER_SHARD = 40;

export const shardNames = ['a', 'b', 'c'];

/** Points in ascending order with the number of the shard that owns the keys up to each. */
export function ringOf(shards) {
  const ring = [];
  for (const [owner, name] of shards.entries()) {
    for (let label = 0; label < LABELS_PER_SHARD; label++) {
      const digest = createHash('md5').update(`${name}-${label}`).digest();
      for (const at of [0, 4, 8, 12]) ring.push({point: digest.readUInt32LE(at), owner});
    }
  }
  ring.sort((a, b) => a.point - b.point);
  return {
    points: Uint32Array.from(ring, ({point}) => point),
    owners: Uint8Array.from(ring, ({owner}) => owner),
  };
}

export function ownerOf({points, owners}, key) {
  const hash = fnv1a64(key);
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle] < hash) low = middle + 1;
    else high = middle;
  }
  return owners[low === points.length ? 0 : low];
}

/** The 32 bits that twemproxy computes under this name. */
function fnv1a64(key) {
  let hash = 0x84222325;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], 0x1b3);
  return hash >>> 0;
}

/** For `peers/pump.c`: the number of points, then point and owner of each, as 32-bit numbers in the machine's order. */
export function ringFile({points, owners}) {
  const words = [points.length];
  for (const [i, point] of points.entries()) words.push(point, owners[i]);
  return Buffer.from(Uint32Array.from(words).buffer);
}

/** The slot of a key in Redis Cluster. The benchmark's keys have no hash tags. */
export function slotOf(key) {
  let crc = 0;
  for (let i = 0; i < key.length; i++) crc = ((crc << 8) & 0xffff) ^ crc16[((crc >> 8) ^ key[i]) & 0xff];
  return crc & 16383;
}

/** CRC-16/XMODEM. */
const crc16 = Uint16Array.from({length: 256}, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});
