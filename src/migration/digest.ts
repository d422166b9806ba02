/**
 * Pure: what tells whether two values are the same, and the checksums by which a script at the server knows a value again that it is not
 * given. Equal bodies of DUMP payloads are equal values; unequal ones may be too, because the order of a hash table follows a seed of the
 * process. Then the elements decide: elements/digest.ts.
 *
 * Check values: `textSum` of no bytes is da39a3ee5e6b4b0d, of 'abc' a9993e364706816a (FIPS 180-4).
 */
import {hash} from 'node:crypto';

/** What a checksum was made of: a DUMP payload, or the bytes of a string, which a server reads at a tenth of the cost. */
export type SumOf = 'dump' | 'text';

/** A checksum of either kind, as 16 hex digits. */
export type Sum = string;

/** Length of either kind; bytes. */
export const SUM_BYTES = 8;
export const SUM_DIGITS = 2 * SUM_BYTES;

/** The value part of a DUMP payload. The last ten bytes are the version and the checksum over it. Source: `createDumpPayload`, cluster.c. */
export function dumpBody(payload: Buffer): Buffer {
  return payload.subarray(0, Math.max(0, payload.length - 10));
}

/**
 * The CRC64 over a payload, which ends it: what a script at the server compares a value with, without the value. A write that it
 * misses is one in 2^64. Source: `createDumpPayload`, cluster.c; polynomial of Jones, crc64.c.
 */
export function dumpCrc(payload: Buffer): Buffer {
  return payload.subarray(payload.length - SUM_BYTES);
}

export function dumpSum(payload: Buffer): Sum {
  return payload.toString('hex', payload.length - SUM_BYTES);
}

/** The first eight bytes of the SHA-1 of a string's bytes: what `redis.sha1hex` lets a script compare it with. */
export function textSum(text: Buffer): Sum {
  return hash('sha1', text, 'hex').slice(0, SUM_DIGITS);
}
