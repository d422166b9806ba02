/**
 * The first four bytes of MD5, little-endian: what ketama rings and their clients take from the digest.
 * Source: RFC 1321; twemproxy src/hashkit/nc_md5.c, hash_md5. Check value for "123456789": 0x94e7f925 (digest 25f9e794…).
 */
import {hash} from 'node:crypto';

export function md5(bytes: Uint8Array, start: number, end: number): number {
  return md5Digest(bytes.subarray(start, end)).readUInt32LE(0);
}

/** All sixteen bytes, for rings that take several points from one label. */
export function md5Digest(bytes: Uint8Array): Buffer {
  return hash('md5', bytes, 'buffer');
}
