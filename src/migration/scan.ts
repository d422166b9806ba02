/** Every key of one database, page by page, as bytes. SCAN returns each key that stays at least once; a key may come twice. */
import {RESERVED_PREFIX} from '../journal/lock.js';
import type {ScanPage} from '../redis/resp/decode.js';
import type {RespSocket} from '../redis/resp/socket.js';

const RESERVED = Buffer.from(RESERVED_PREFIX);
const SCAN_COUNT = 1000;

/** The cursor that begins a scan, and the one that says that it has ended. */
export const FIRST_CURSOR = '0';

/**
 * Pages from `cursor` on, the next one asked for while this one is looked at. A page may hold rtopo's own keys. The socket must already
 * be in the database meant, and may be used for other requests in between.
 */
export async function* scanPages(
  socket: RespSocket,
  {cursor = FIRST_CURSOR, count = SCAN_COUNT}: {readonly cursor?: string; readonly count?: number} = {},
): AsyncGenerator<ScanPage> {
  let next: Promise<ScanPage> | null = socket.scan(cursor, count);
  while (next !== null) {
    const page: ScanPage = await next;
    next = page.cursor === FIRST_CURSOR ? null : socket.scan(page.cursor, count);
    // Whoever stops in the middle does not wait for it, and must not be told that it failed.
    next?.catch(() => undefined);
    yield page;
  }
}

/** Batches of distinct keys, without rtopo's own. */
export async function* scanKeys(socket: RespSocket, count = SCAN_COUNT): AsyncGenerator<Buffer[]> {
  for await (const {bytes, ranges} of scanPages(socket, {count})) {
    const keys = new Map<string, Buffer>();
    for (let i = 0; i < ranges.length; i += 2) {
      const key = bytes.subarray(ranges[i], ranges[i + 1]);
      if (!isReserved(key)) keys.set(key.toString('latin1'), key);
    }
    if (keys.size > 0) yield [...keys.values()];
  }
}

/** Keys as ranges of some bytes, as a scan returns them. */
export type KeyPage = Pick<ScanPage, 'bytes' | 'ranges'>;

/** Keys that came one by one, for whoever reads pages. */
export function pageOf(keys: readonly Buffer[]): KeyPage {
  const ranges = new Uint32Array(keys.length * 2);
  let at = 0;
  for (const [i, {length}] of keys.entries()) {
    ranges[2 * i] = at;
    at += length;
    ranges[2 * i + 1] = at;
  }
  return {bytes: Buffer.concat(keys), ranges};
}

export function isReserved(key: Buffer): boolean {
  return isReservedAt(key, 0, key.length);
}

/** The same for the key `bytes[start, end)`. */
export function isReservedAt(bytes: Buffer, start: number, end: number): boolean {
  if (end - start < RESERVED.length || bytes[start] !== RESERVED[0]) return false;
  for (let i = 1; i < RESERVED.length; i++) if (bytes[start + i] !== RESERVED[i]) return false;
  return true;
}
