/** How the checker reads a value of each type, and the canonical parts that enter its digest. */
import type {Arg, Reply} from './raw.js';

/** One command that gives the whole value; TYPE of an unknown type, so that a pipeline keeps its shape. */
export function readCommand(type: string, key: Buffer): Arg[] {
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
      return ['TYPE', key];
  }
}

export function digestParts(type: string, value: Reply): Buffer[] {
  switch (type) {
    case 'string':
      return [value as Buffer];
    case 'list':
      return value as Buffer[];
    case 'zset':
      return (value as Buffer[]).map((part, i) => (i % 2 === 0 ? part : Buffer.from(score(String(part)))));
    case 'set':
      return [...(value as Buffer[])].sort(Buffer.compare);
    case 'hash':
      return pairs(value as Buffer[])
        .sort((a, b) => Buffer.compare(a[0], b[0]))
        .flat();
    case 'stream':
      return streamParts(value as Reply[]);
    default:
      throw new Error(`the checker cannot read a value of type ${type}`);
  }
}

/** As JavaScript writes it: servers of different versions write the same number differently. */
function score(text: string): string {
  if (text.includes('inf')) return text;
  return Object.is(Number(text), -0) ? '-0' : String(Number(text));
}

function pairs(flat: readonly Buffer[]): [Buffer, Buffer][] {
  const out: [Buffer, Buffer][] = [];
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i]!, flat[i + 1]!]);
  return out;
}

/** Shape of the radix tree and moments of being seen are not content, and the lag follows from the rest: all differ between equal streams. */
const notContent = new Set(['radix-tree-keys', 'radix-tree-nodes', 'seen-time', 'active-time', 'lag']);

/** A map reply as sorted `name, value` parts; nested replies keep their order, which is that of ids and names. */
function streamParts(reply: readonly Reply[]): Buffer[] {
  const parts: Buffer[] = [];
  for (const [name, value] of mapEntries(reply)) {
    parts.push(Buffer.from(name));
    if (name === 'groups') for (const group of value as Reply[][]) parts.push(...groupParts(group));
    else parts.push(...flatParts(value));
  }
  return parts;
}

function groupParts(group: readonly Reply[]): Buffer[] {
  const parts: Buffer[] = [Buffer.from('group')];
  for (const [name, value] of mapEntries(group)) {
    parts.push(Buffer.from(name));
    if (name !== 'consumers') parts.push(...flatParts(value));
    else {
      for (const consumer of value as Reply[][]) {
        for (const [field, content] of mapEntries(consumer)) parts.push(Buffer.from(field), ...flatParts(content));
      }
    }
  }
  return parts;
}

function mapEntries(flat: readonly Reply[]): [string, Reply][] {
  const entries: [string, Reply][] = [];
  for (let i = 0; i < flat.length; i += 2) entries.push([String(flat[i]), flat[i + 1]!]);
  return entries.filter(([name]) => !notContent.has(name)).sort(([a], [b]) => (a < b ? -1 : 1));
}

function flatParts(value: Reply): Buffer[] {
  if (Array.isArray(value)) return [Buffer.from(`[${value.length}`), ...value.flatMap(flatParts)];
  if (value === null) return [Buffer.from('null')];
  return [Buffer.isBuffer(value) ? value : Buffer.from(String(value))];
}
