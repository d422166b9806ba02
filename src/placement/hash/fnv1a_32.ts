/**
 * FNV-1a, 32 bits: xor, then multiply. Offset basis 2166136261, prime 16777619.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1a_32. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0xbb86b11c.
 */
import {type Char, charShift, type HashFunction} from './hash.js';

function fnv1a_32Reading(char: Char): HashFunction {
  const shift = charShift(char);
  return (bytes, start, end) => {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ ((bytes[i]! << shift) >> shift), 0x01000193);
    return hash >>> 0;
  };
}

export const fnv1a_32 = fnv1a_32Reading('signed');
export const fnv1a_32Unsigned = fnv1a_32Reading('unsigned');
