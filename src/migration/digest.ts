/**
 * Pure: one digest per value, whatever its encoding. DUMP bytes of hash tables differ between two servers that hold the same value
 * (the order follows a seed of the process), so unequal bytes are no proof of unequal values; this is.
 */
import {createHash} from 'node:crypto';
import {ReplyError, type RespReply} from '../redis/resp/decode.js';

/** Types whose elements have no order of their own. */
const UNORDERED: Readonly<Record<string, number>> = {set: 1, hash: 2};

/** How the radix tree of a stream is cut is layout; how long ago a consumer was seen depends on the moment of asking. */
const STREAM_LAYOUT = new Set(['radix-tree-keys', 'radix-tree-nodes']);

/**
 * SHA-1, in hex, over a canonical form of what `readCommand` answered for a value of that type.
 * Null when the reply is not one that can be compared.
 */
export function canonicalDigest(type: string, reply: RespReply): string | null {
  if (reply === null || reply instanceof ReplyError) return null;
  const hash = createHash('sha1').update(type);
  const width = UNORDERED[type];
  if (width !== undefined) {
    if (!Array.isArray(reply)) return null;
    for (const element of sorted(reply, width)) hash.update(element);
  } else feed(type === 'stream' ? withoutLayout(reply) : reply, (bytes) => hash.update(bytes));
  return hash.digest('hex');
}

/** The command that reads a whole value of that type; null for types that only DUMP can read (modules). */
export function readCommand(type: string, key: Buffer): readonly (Buffer | string | number)[] | null {
  switch (type) {
    case 'string':
      return ['GET', key];
    case 'list':
      return ['LRANGE', key, 0, -1];
    case 'set':
      return ['SMEMBERS', key];
    case 'hash':
      return ['HGETALL', key];
    case 'zset':
      return ['ZRANGE', key, 0, -1, 'WITHSCORES'];
    case 'stream':
      return ['XINFO', 'STREAM', key, 'FULL', 'COUNT', 0];
    default:
      return null;
  }
}

/** Groups of `width` elements, each as length-prefixed bytes, in byte order. */
function sorted(items: readonly RespReply[], width: number): Buffer[] {
  const groups: Buffer[] = [];
  for (let i = 0; i < items.length; i += width) {
    const parts: Buffer[] = [];
    feed(items.slice(i, i + width) as RespReply[], (bytes) => parts.push(bytes));
    groups.push(Buffer.concat(parts));
  }
  return groups.sort(Buffer.compare);
}

/** Every value with its kind and length in front, so that no two different structures give the same bytes. */
function feed(value: RespReply, update: (bytes: Buffer) => void): void {
  if (Array.isArray(value)) {
    update(Buffer.from(`*${value.length}\n`));
    for (const item of value) feed(item, update);
  } else {
    const bytes = Buffer.isBuffer(value)
      ? value
      : Buffer.from(value instanceof ReplyError ? value.text : String(value));
    update(Buffer.from(`$${bytes.length}\n`));
    update(bytes);
  }
}

function withoutLayout(reply: RespReply): RespReply {
  if (!Array.isArray(reply)) return reply;
  const kept: RespReply[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    const name = reply[i];
    if (Buffer.isBuffer(name) && STREAM_LAYOUT.has(name.toString())) continue;
    kept.push(...reply.slice(i, i + 2));
  }
  return kept;
}

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
