/**
 * FNV-1, 32 bits: multiply, then xor. Offset basis 2166136261, prime 16777619.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_32. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0x24148816.
 */
import {type Char, charShift, type FoldedHash, folded, unsigned} from './hash.js';

function fnv1_32Reading(char: Char): FoldedHash {
  const shift = charShift(char);
  return folded({
    initial: 0x811c9dc5 | 0,
    step: (hash, byte) => Math.imul(hash, 0x01000193) ^ ((byte << shift) >> shift),
    finish: unsigned,
  });
}

export const fnv1_32 = fnv1_32Reading('signed');
export const fnv1_32Unsigned = fnv1_32Reading('unsigned');
