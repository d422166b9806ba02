/**
 * Pure: what of a DUMP payload tells whether two values are the same. Equal bodies are equal values; unequal ones may be too, because the
 * order of a hash table follows a seed of the process. Then the elements decide: elements/digest.ts.
 */

/** The value part of a DUMP payload. The last ten bytes are the version and the checksum over it. Source: `createDumpPayload`, cluster.c. */
export function dumpBody(payload: Buffer): Buffer {
  return payload.subarray(0, Math.max(0, payload.length - 10));
}

/**
 * The CRC64 over a payload, which ends it: what a script at the server compares a value with, without the value. A write that it
 * misses is one in 2^64. Source: `createDumpPayload`, cluster.c; polynomial of Jones, crc64.c.
 */
export function dumpCrc(payload: Buffer): Buffer {
  return payload.subarray(payload.length - 8);
}
