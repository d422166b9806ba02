/**
 * What twemproxy calls `crc16`: CRC-16/XMODEM in a 32-bit accumulator that is never masked, so the older bytes stay in the
 * upper half. The lower 16 bits are the real CRC.
 * Source: twemproxy src/hashkit/nc_crc16.c, hash_crc16. Check value for "123456789": 0x869031c3.
 */
import {crc16Table} from './crc16.js';

export function crc16_twemproxy(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = (crc << 8) ^ crc16Table[((crc >>> 8) ^ bytes[i]!) & 0xff]!;
  return crc >>> 0;
}
