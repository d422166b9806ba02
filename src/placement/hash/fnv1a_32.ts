/**
 * FNV-1a, 32 bits: xor, then multiply. Offset basis 2166136261, prime 16777619.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1a_32. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0xbb86b11c.
 */
import {type Char, charShift, type FoldedHash, folded, unsigned} from './hash.js';

function fnv1a_32Reading(char: Char): FoldedHash {
  const shift = charShift(char);
  return folded({
    initial: 0x811c9dc5 | 0,
    step: (hash, byte) => Math.imul(hash ^ ((byte << shift) >> shift), 0x01000193),
    finish: unsigned,
  });
}

export const fnv1a_32 = fnv1a_32Reading('signed');
export const fnv1a_32Unsigned = fnv1a_32Reading('unsigned');
