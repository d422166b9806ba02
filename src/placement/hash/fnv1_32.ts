/**
 * FNV-1, 32 bits: multiply, then xor. Offset basis 2166136261, prime 16777619.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_32. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0x24148816.
 */
import {type Char, charShift, type HashFunction} from './hash.js';

function fnv1_32Reading(char: Char): HashFunction {
  const shift = charShift(char);
  return (bytes, start, end) => {
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash, 0x01000193) ^ ((bytes[i]! << shift) >> shift);
    return hash >>> 0;
  };
}

export const fnv1_32 = fnv1_32Reading('signed');
export const fnv1_32Unsigned = fnv1_32Reading('unsigned');
