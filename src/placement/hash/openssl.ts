/**
 * Digests that Node takes from OpenSSL, in words of 32 bits, the most significant first. They cost a call and a Buffer per key:
 * for schemes whose clients use nothing faster.
 */
import {hash as digest} from 'node:crypto';
import type {WideHash} from './hash.js';

/** The first `words` words of the digest. */
export function opensslDigest(algorithm: string, words: number): WideHash {
  return (bytes, start, end, into) => {
    const all = digest(algorithm, bytes.subarray(start, end), 'buffer');
    for (let i = 0; i < words; i++) into[i] = all.readUInt32BE(4 * i);
  };
}
