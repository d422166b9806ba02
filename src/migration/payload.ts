/**
 * Pure: what DUMP gives, as bytes. One byte of type, the value, and a footer of ten bytes: the version of the format and a checksum over
 * everything before it. The footer is a gate, not the format: a server refuses a footer newer than its own, though what decides whether
 * it can read the value is the type byte. So a payload can be given another footer, and is then read by an older server.
 * Source: `createDumpPayload` and `verifyDumpPayload` in cluster.c (Redis 7.0), `rdb.h` of Valkey 9.
 */

/** Version, 16 bits, and checksum, 64 bits, both little-endian. */
export const FOOTER_BYTES = 10;

/** The last footer that Redis and Valkey share. Above it each counts by itself: Redis from 12, Valkey from 80. */
export const LAST_COMMON_FOOTER = 11;
const FIRST_VALKEY_FOOTER = 80;

/** The last type byte that means the same to Redis and Valkey: 22 is another thing in each. */
export const LAST_COMMON_TYPE = 21;

/** Who gave a footer or a type byte its meaning; `common` what is older than the parting. */
export type Family = 'common' | 'redis' | 'valkey';

export interface Payload {
  readonly type: number;
  readonly footer: number;
  readonly family: Family;
}

/** What one server can be given with RESTORE. */
export interface PayloadSupport {
  /** Whose footers above 11 it accepts; `common` when it accepts none. */
  readonly family: Family;
  /** The highest it accepts, in the count of its family. */
  readonly maxFooter: number;
  /** The type bytes that it reads; those above 21 in the meaning of its family. Modules are not among them: only RESTORE can tell. */
  readonly types: ReadonlySet<number>;
}

/** How a value gets to a server: its payload as it came, with another footer, or element by element. */
export type Way = 'as-is' | 'refoot' | 'elements';

/** A value of a module. Its format is the module's own affair, and there are no elements to read it by. */
const MODULE_TYPES: ReadonlySet<number> = new Set([6, 7]);

/** Reads type byte and footer; null when the bytes cannot be a payload. */
export function readPayload(payload: Buffer): Payload | null {
  if (payload.length <= FOOTER_BYTES) return null;
  const footer = payload.readUInt16LE(payload.length - FOOTER_BYTES);
  return {type: payload[0]!, footer, family: familyOfFooter(footer)};
}

export function familyOfFooter(footer: number): Family {
  if (footer <= LAST_COMMON_FOOTER) return 'common';
  return footer < FIRST_VALKEY_FOOTER ? 'redis' : 'valkey';
}

export function acceptsFooter({family, maxFooter}: PayloadSupport, footer: number): boolean {
  const own = familyOfFooter(footer);
  return (own === 'common' || own === family) && footer <= maxFooter;
}

/** Does the type byte mean to the target what it means in this payload, and can it read it? */
function readsType({family, types}: PayloadSupport, payload: Payload): boolean {
  if (!types.has(payload.type)) return false;
  return payload.type <= LAST_COMMON_TYPE || payload.family === family;
}

/** The gentlest way that ends in the same value. A payload that cannot be read as one is left to RESTORE to refuse. */
export function wayFor(payload: Buffer, target: PayloadSupport): Way {
  const read = readPayload(payload);
  if (read === null) return 'as-is';
  const isAccepted = acceptsFooter(target, read.footer);
  if (MODULE_TYPES.has(read.type)) return isAccepted ? 'as-is' : 'refoot';
  if (!readsType(target, read)) return 'elements';
  return isAccepted ? 'as-is' : 'refoot';
}

/** The version to write into the footer of a payload that goes to this server by `refoot`. */
export function footerFor(payload: Buffer, target: PayloadSupport): number {
  const read = readPayload(payload);
  // A type of the family's own wants a footer of the family: Valkey 9 refuses it under any other.
  const isOwn = read !== null && read.type > LAST_COMMON_TYPE;
  return isOwn ? target.maxFooter : Math.min(target.maxFooter, LAST_COMMON_FOOTER);
}

/** A copy of the payload with another version in its footer, and the checksum that goes with it. */
export function refoot(payload: Buffer, footer: number): Buffer {
  const copy = Buffer.from(payload);
  return writeFooter(copy, footer);
}

/** A payload made by hand: type byte, value, footer. */
export function payloadOf(type: number, value: Buffer, footer: number): Buffer {
  return writeFooter(Buffer.concat([Buffer.from([type]), value, Buffer.alloc(FOOTER_BYTES)]), footer);
}

function writeFooter(payload: Buffer, footer: number): Buffer {
  payload.writeUInt16LE(footer, payload.length - FOOTER_BYTES);
  const {high, low} = crc64(payload.subarray(0, payload.length - 8));
  payload.writeUInt32LE(low, payload.length - 8);
  payload.writeUInt32LE(high, payload.length - 4);
  return payload;
}

/** True when the checksum at the end is that of the bytes before it: what RESTORE checks first. */
export function isIntact(payload: Buffer): boolean {
  if (payload.length <= FOOTER_BYTES) return false;
  const {high, low} = crc64(payload.subarray(0, payload.length - 8));
  return payload.readUInt32LE(payload.length - 8) === low && payload.readUInt32LE(payload.length - 4) === high;
}

/** 64 bits as two halves, both unsigned. */
export interface Halves {
  readonly high: number;
  readonly low: number;
}

/** Table `n` is what a byte does to the checksum `n` bytes later: eight bytes are taken in one step ("slicing by 8"). */
const SLICES = 8;
const highs = new Int32Array(SLICES * 256);
const lows = new Int32Array(SLICES * 256);
for (let byte = 0; byte < 256; byte++) {
  let [high, low] = [0, byte];
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    // 0xad93d23594c935a9 with its bits reversed.
    if (isOdd) {
      high ^= 0x95ac9329;
      low ^= 0xac4bc9b5;
    }
  }
  highs[byte] = high;
  lows[byte] = low;
}
for (let at = 256; at < SLICES * 256; at++) {
  const [high, low] = [highs[at - 256]!, lows[at - 256]!];
  const index = low & 0xff;
  lows[at] = ((low >>> 8) | (high << 24)) ^ lows[index]!;
  highs[at] = (high >>> 8) ^ highs[index]!;
}

/**
 * CRC-64 in the variant "Jones", reflected, initial value and final xor 0. Source: crc64.c of Redis.
 * Check value: "123456789" gives 0xe9c6d914c4b8d9ca.
 */
export function crc64(bytes: Buffer): Halves {
  let [high, low, at] = [0, 0, 0];
  const end = bytes.length;
  for (; at + SLICES <= end; at += SLICES) {
    const a = low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    const b = high ^ (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));
    const i7 = 1792 + (a & 0xff);
    const i6 = 1536 + ((a >>> 8) & 0xff);
    const i5 = 1280 + ((a >>> 16) & 0xff);
    const i4 = 1024 + (a >>> 24);
    const i3 = 768 + (b & 0xff);
    const i2 = 512 + ((b >>> 8) & 0xff);
    const i1 = 256 + ((b >>> 16) & 0xff);
    const i0 = b >>> 24;
    low = lows[i7]! ^ lows[i6]! ^ lows[i5]! ^ lows[i4]! ^ lows[i3]! ^ lows[i2]! ^ lows[i1]! ^ lows[i0]!;
    high = highs[i7]! ^ highs[i6]! ^ highs[i5]! ^ highs[i4]! ^ highs[i3]! ^ highs[i2]! ^ highs[i1]! ^ highs[i0]!;
  }
  for (; at < end; at++) {
    const index = (low ^ bytes[at]!) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ lows[index]!;
    high = (high >>> 8) ^ highs[index]!;
  }
  return {high: high >>> 0, low: low >>> 0};
}
