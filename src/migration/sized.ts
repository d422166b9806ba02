/**
 * Keys by what their values take, asked before anybody reads them: parts that fit into memory together, and values above the limit by
 * themselves, which are carried in pieces.
 */
import {commandHead, Request} from '../redis/resp/encode.js';
import type {RespSocket} from '../redis/resp/socket.js';

/** What a part may take, in memory at the source; bytes. Larger ones are not faster, and hold up whoever shares the servers. */
export const PART_BYTES = 512 * 1024;

const MEMORY_USAGE = commandHead('MEMORY', 'USAGE');

export interface Part {
  readonly keys: readonly Buffer[];
  /** One key whose value is too big for a single reply. */
  readonly isBig: boolean;
}

/** @param bigKeyBytes what takes more goes by itself */
export async function sizedParts(
  source: RespSocket,
  names: readonly Buffer[],
  bigKeyBytes: number,
): Promise<readonly Part[]> {
  const request = new Request();
  for (const key of names) request.with(MEMORY_USAGE, key);
  const sizes = await source.send(request);
  const parts: Part[] = [];
  let [keys, bytes]: [Buffer[], number] = [[], 0];
  const close = (): void => {
    if (keys.length > 0) parts.push({keys, isBig: false});
    [keys, bytes] = [[], 0];
  };
  for (const [i, key] of names.entries()) {
    const found = sizes[i];
    // A key that is gone by now has no size; whoever reads it will see that.
    const size = typeof found === 'number' ? found : 0;
    if (size > bigKeyBytes) {
      parts.push({keys: [key], isBig: true});
      continue;
    }
    if (bytes + size > PART_BYTES) close();
    keys.push(key);
    bytes += size;
  }
  close();
  return parts;
}
