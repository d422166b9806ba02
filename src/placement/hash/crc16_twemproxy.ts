/**
 * What twemproxy calls `crc16`: CRC-16/XMODEM in a 32-bit accumulator that is never masked, so the older bytes stay in the
 * upper half. The lower 16 bits are the real CRC.
 * Source: twemproxy src/hashkit/nc_crc16.c, hash_crc16. Check value for "123456789": 0x869031c3.
 */
import {crc16Table} from './crc16.js';
import {folded, unsigned} from './hash.js';

export const crc16_twemproxy = folded({
  initial: 0,
  step: (crc, byte) => (crc << 8) ^ crc16Table[((crc >>> 8) ^ byte) & 0xff]!,
  finish: unsigned,
});
