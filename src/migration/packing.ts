/** Pure: how a batch of keys stands in a journal record: one base64 text for all names, one for all checksums. */

/** A length is written in 7-bit groups, low ones first, the high bit set on all but the last. Source: LEB128, as in WebAssembly and DWARF. */
export function packKeys(keys: readonly Buffer[]): string {
  let bytes = 0;
  for (const key of keys) bytes += key.length + 5;
  const packed = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const key of keys) {
    let rest = key.length;
    for (; rest > 127; rest >>>= 7) packed[at++] = (rest & 127) | 128;
    packed[at++] = rest;
    at += key.copy(packed, at);
  }
  return packed.toString('base64', 0, at);
}

export function unpackKeys(text: string): Buffer[] {
  const packed = Buffer.from(text, 'base64');
  const keys: Buffer[] = [];
  for (let at = 0; at < packed.length; ) {
    let [length, shift] = [0, 0];
    for (;;) {
      const byte = packed[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
      shift += 7;
    }
    keys.push(packed.subarray(at, at + length));
    at += length;
  }
  return keys;
}

/** Bytes of a checksum: the CRC64 at the end of every DUMP payload. Source: `createDumpPayload`, cluster.c. */
export const CRC_BYTES = 8;
const NO_CRC = Buffer.alloc(CRC_BYTES);

/** The checksums that end these payloads; all zero where there is none. */
export function packCrcs(payloads: readonly (Buffer | null)[]): string {
  const packed = Buffer.alloc(payloads.length * CRC_BYTES);
  for (const [i, payload] of payloads.entries()) payload?.copy(packed, i * CRC_BYTES, payload.length - CRC_BYTES);
  return packed.toString('base64');
}

export function unpackCrcs(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

/** Of key `i`; null where it has none. A payload whose checksum is 0 is one in 2^64, and is then compared by value. */
export function crcAt(packed: Buffer, i: number): Buffer | null {
  const crc = packed.subarray(i * CRC_BYTES, (i + 1) * CRC_BYTES);
  return crc.equals(NO_CRC) ? null : crc;
}

/** Expiries of the keys that have one, by position: most keys have none. */
export function packExpiries(expiries: readonly number[]): Record<number, number> {
  const packed: Record<number, number> = {};
  for (const [i, at] of expiries.entries()) if (at !== -1) packed[i] = at;
  return packed;
}
