/** The ways in which a connection can break, and a slow one. */
import type {Socket} from 'node:net';
import {prng} from '../rig/data.js';

export const faultKinds = [
  'cut-before',
  'cut-after',
  'cut-request',
  'cut-reply',
  'reset',
  'swallow',
  'swallow-replies',
  'slow',
  'slices',
] as const;
/**
 * `cut-before`: the request is not passed on; `cut-after`: it is, its reply is not; `cut-request` and `cut-reply`: cut off in the middle of a
 * chunk, at the byte; `reset`: RST; `swallow`: half-open, nothing passes any more; `swallow-replies`: requests still do; `slow`: every chunk is
 * late, one by two seconds; `slices`: replies arrive byte by byte.
 */
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Byte of all replies (`cut-reply`, `swallow-replies`, `slices`) or of all requests at which it strikes, over all connections. */
  readonly at: number;
  /** Once: connections that are made afterwards work. Otherwise it stays until it is healed. */
  readonly once: boolean;
}

const SINGLE_BYTES = 256;

/** Byte by byte at the start, where the shape of a reply is; a long rest in pieces of any length. */
export async function slice(client: Socket, chunk: Buffer): Promise<void> {
  const random = prng(chunk.length);
  for (let at = 0; at < chunk.length && !client.destroyed; ) {
    const length = at < SINGLE_BYTES ? 1 : 1 + random.int(2000);
    client.write(chunk.subarray(at, at + length));
    at += length;
    await new Promise((done) => setImmediate(done));
  }
}
