/**
 * What twemproxy calls `crc32`: the upper half of the zlib CRC without its top bit, (CRC32 >> 16) & 0x7fff. Only 15 bits.
 * Source: twemproxy src/hashkit/nc_crc32.c, hash_crc32 (as libmemcached does). Check value for "123456789": 0x00004bf4.
 */
import {crc32} from './crc32.js';
import {folded} from './hash.js';

export const crc32_twemproxy = folded({
  ...crc32.fold,
  finish: (crc) => (~crc >>> 16) & 0x7fff,
});
