/**
 * The lower 32 bits of 64-bit FNV-1 (multiply, then xor): basis 0xcbf29ce484222325 and prime 0x100000001b3, of which only the lower
 * halves reach the lower half of the result.
 * Source: twemproxy src/hashkit/nc_fnv.c, hash_fnv1_64. Bytes are read as `char`: see `Char`.
 * Check value for "123456789": 0x2bf916d6.
 */
import {type Char, charShift, type HashFunction} from './hash.js';

function fnv1_64Reading(char: Char): HashFunction {
  const shift = charShift(char);
  return (bytes, start, end) => {
    let hash = 0x84222325;
    for (let i = start; i < end; i++) hash = Math.imul(hash, 0x1b3) ^ ((bytes[i]! << shift) >> shift);
    return hash >>> 0;
  };
}

export const fnv1_64 = fnv1_64Reading('signed');
export const fnv1_64Unsigned = fnv1_64Reading('unsigned');
